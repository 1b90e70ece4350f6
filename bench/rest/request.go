package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"latchkey/bench/fixture"
	"latchkey/signature"
)

// action is one that changes something, so that every check is made.
const action = "do_my_new_order"

// allowlist is that of every key: the client, and so many that it is not, in
// front of it.
func allowlist(others int) string {
	out := "["
	for n := range others {
		out += fmt.Sprintf(`"10.%d.%d.0/24",`, n/256, n%256)
	}
	return out + `"127.0.0.1"]`
}

// noBody stands for a body that a peer cannot see.
var noBody = []byte("{}")

// signer makes requests of which no two have the same signature.
type signer struct {
	dir  string
	keys []fixture.Key
	n    int // requests made so far
	size int // of a body; 0 is that of an ordinary order, 137 bytes
	// bodyless leaves the body out of what is signed: for a peer that cannot see
	// it. Different timestamps keep the signatures apart.
	bodyless bool
	// spoil changes a request after it was signed.
	spoil func(r *request)
}

// request is a call before it is written down.
type request struct {
	key, stamp, mac string
	body            []byte
}

// file writes so many requests, signed now, as bench/load reads them.
func (s *signer) file(name string, count int) (string, error) {
	path := filepath.Join(s.dir, name)
	out := make([]byte, 0, count*(360+max(s.size, 137)))
	now := time.Now()
	for range count {
		out = s.append(out, now)
	}
	return path, os.WriteFile(path, out, 0o600)
}

func (s *signer) append(out []byte, now time.Time) []byte {
	key := s.keys[s.n%len(s.keys)]
	r := request{key: key.ID, stamp: signature.Timestamp(now), body: order(s.n, s.size)}
	signed := r.body
	if s.bodyless {
		r.stamp = signature.Timestamp(now.Add(time.Duration(s.n/len(s.keys)%20-15) * time.Second))
		signed = noBody
	}
	s.n++
	r.mac = signature.SignREST([]byte(key.Secret.Reveal()), action, r.stamp, signed)
	if s.spoil != nil {
		s.spoil(&r)
	}
	at := len(out)
	out = append(out, 0, 0, 0, 0)
	out = fmt.Appendf(out, "POST /api/rest/%s HTTP/1.1\r\nHost: gateway.example\r\nUser-Agent: bench\r\nAccept: */*\r\nContent-Type: application/json\r\n"+
		"X-AGGR-KEY: %s\r\nX-AGGR-TIMESTAMP: %s\r\nX-AGGR-SIGNATURE: %s\r\nContent-Length: %d\r\n\r\n", action, r.key, r.stamp, r.mac, len(r.body))
	out = append(out, r.body...)
	binary.NativeEndian.PutUint32(out[at:], uint32(len(out)-at-4))
	return out
}

// order is a body with an id of its own, padded to a size.
func order(n, size int) []byte {
	body := fmt.Appendf(nil, `{"accountId":"","pair":"BTC-USD","side":"BUY","orderType":"Limit","amountCcy1":"0.01","price":"50000.0","clientOrderId":"bench-%08d"}`, n)
	if size <= len(body) {
		return body
	}
	const member = `,"comment":""`
	body = append(body[:len(body)-1], member[:len(member)-1]...)
	body = append(body, slices.Repeat([]byte("x"), max(size-len(body)-2, 0))...)
	return append(body, `"}`...)
}

// How a request is spoiled for the checks before each set.
func wrongSignature(r *request) {
	first := byte('A')
	if r.mac[0] == first {
		first = 'B'
	}
	r.mac = string(first) + r.mac[1:]
}

func changedBody(r *request) { r.body[len(r.body)-3] ^= 1 }
