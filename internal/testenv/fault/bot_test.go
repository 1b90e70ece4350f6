//go:build fault

package fault

import (
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"latchkey/signature"
)

// Bounds of the bots of one machine: a paused one has most calls waiting, and
// must refuse them when it wakes up.
const (
	mostWaiting = 24
	callEvery   = 8 * time.Millisecond
	patience    = 8 * time.Second
)

// call is one call of a bot. Times are since the begin of the site.
type call struct {
	key   *register
	at    *machine
	trade bool
	chat  bool          // a message of a session; its answer is not looked at
	sent  time.Duration // before the first byte
	done  time.Duration // of the answer
	code  string        // of the answer: "allowed" or why not; "" when none came

	mu      sync.Mutex
	arrived time.Duration // at the exchange
	rights  string        // that it had there; "" when it did not arrive
	times   int           // that it arrived
}

func (c *call) arrive(at time.Duration, rights string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.arrived, c.rights = at, rights
	c.times++
}

func (c *call) arrivals() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.times
}

// every is how often bots do something in a run that is to have many calls.
func (s *site) every(usual time.Duration) time.Duration {
	return time.Duration(float64(usual) / max(1, s.hurry))
}

// load lets bots call a machine until the context ends.
func (s *site) load(ctx context.Context, m *machine, rng *rand.Rand) {
	var waiting sync.WaitGroup
	defer waiting.Wait()
	room := make(chan struct{}, mostWaiting)
	tick := time.NewTicker(s.every(callEvery))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		key := s.slots[rng.IntN(len(s.slots))].Load()
		if old := s.buried.Load(); old != nil && rng.IntN(20) == 0 {
			key = old
		}
		trade := rng.IntN(2) == 0
		select {
		case room <- struct{}{}:
			waiting.Go(func() {
				s.call(key, m, trade)
				<-room
			})
		default:
		}
	}
}

// call makes one call and notes how it ended.
func (s *site) call(key *register, m *machine, trade bool) *call {
	c := &call{key: key, at: m, trade: trade}
	id := strconv.FormatInt(s.number.Add(1), 10)
	action := "get_fee_strategy"
	if trade {
		action = "do_my_new_order"
	}
	body := `{"call":"` + id + `"}`
	now := time.Now()
	if s.number.Load()%2 == 0 { // some bots have the time of the machine that they call
		now = m.wall()
	}
	req, err := c.request(*m.gateway.Load(), action, body, signature.Timestamp(now))
	if err != nil {
		s.fault("%v", err)
		return c
	}
	c.sent = s.now()
	s.calls.Store(id, c)
	res, err := m.client.Do(req)
	if err == nil {
		c.read(res)
		c.done = s.now()
		// A call that was cut off on its way may arrive after its answer, which says
		// that nobody knows.
		if res.StatusCode != http.StatusBadGateway {
			s.calls.Delete(id)
		}
	}
	s.sum(c)
	return c
}

// request is the call as it is sent.
func (c *call) request(gateway, action, body, stamp string) (*http.Request, error) {
	req, err := http.NewRequest(http.MethodPost, gateway+"/api/rest/"+action, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header[signature.KeyHeader] = []string{c.key.id}
	req.Header[signature.TimestampHeader] = []string{stamp}
	req.Header[signature.SignatureHeader] = []string{signature.SignREST(c.key.secret, action, stamp, []byte(body))}
	req.Header["Content-Type"] = []string{"application/json"}
	// Never sent twice: the library tries again only what it may.
	req.GetBody = nil
	return req, nil
}

// read notes the answer.
func (c *call) read(res *http.Response) {
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return
	}
	if res.StatusCode == http.StatusOK {
		c.code = "allowed"
		return
	}
	var refusal struct {
		Code string `json:"code"`
	}
	_ = json.Unmarshal(text, &refusal) // what cannot be read says nothing
	c.code = refusal.Code
}

// sum counts answers, and keeps those that say something for the last judgement.
func (s *site) sum(c *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[c.code]++
	if _, ok := c.definite(); ok {
		s.answered = append(s.answered, c)
	}
}
