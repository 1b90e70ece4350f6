package node

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"latchkey/internal/courier"
	"latchkey/internal/sandbox"
)

// How often the work in the background happens.
const (
	flushEvery     = time.Second     // last use and refused calls reach the database
	housekeepEvery = 5 * time.Minute // what has ended is deleted
	resealEvery    = 2 * time.Second // a batch after a rotation of the keyset
	relookEvery    = 5 * time.Minute // for what an older process has sealed since
	signEvery      = time.Hour       // the end of the activities, when it moved; also at start and stop
)

// startSandbox runs the exchange in this process, on a port of its own, so
// that the gateway forwards to it like to any other.
func (n *Node) startSandbox(context.Context) error {
	if !n.config.Sandbox {
		return nil
	}
	n.config.IdentitySecret = newSecret()
	exchange := sandbox.New(sandbox.Config{Catalog: n.Catalog, IdentitySecret: n.config.IdentitySecret, Now: n.config.Now, Log: n.config.Log})
	ln, err := n.listen("sandbox", "127.0.0.1:0")
	if err != nil {
		return err
	}
	n.config.Upstream = "http://" + ln.Addr().String()
	n.run("sandbox market", func() error { exchange.Run(n.work); return nil })
	return n.serveHTTP("sandbox", ln, exchange.Handler(), Listen{})
}

// startMetrics serves Prometheus metrics, health and readiness on a port that
// is not for the internet.
func (n *Node) startMetrics(context.Context) error {
	if n.config.Metrics.Addr == "" {
		return nil
	}
	ln, err := n.listen("metrics", n.config.Metrics.Addr)
	if err != nil {
		return err
	}
	n.MetricsURL = "http://" + ln.Addr().String()
	n.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(n.metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", n.ready)
	return n.serveHTTP("metrics", ln, mux, Listen{})
}

// ready says whether requests should be sent here: the database answers, and
// the gateway may decide.
func (n *Node) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	err := n.storage.store.Health(ctx)
	if err == nil && n.member != nil && !n.member.Held() {
		err = errors.New("this gateway node holds no lease: it refuses every signed call until it can renew it")
	}
	if err != nil {
		http.Error(w, "not ready: "+err.Error(), http.StatusServiceUnavailable)
		return
	}
	text := "ready\n"
	if err := n.storage.store.Failed(); err != nil {
		// Still ready: calls are decided without writing.
		text += "the last change could not be written: " + err.Error() + "\n"
	}
	_, _ = w.Write([]byte(text))
}

// startWork begins what happens in the background.
func (n *Node) startWork(ctx context.Context) error {
	c := n.config
	post := courier.New(courier.Config{
		Outbox: n.storage.store, Mail: c.Mail, SMS: c.SMS, Limits: c.Limits, Now: c.Now, Log: c.Log,
		Name: c.Name, ConsoleURL: n.ConsoleURL, Poll: c.OutboxPoll,
	})
	n.run("courier", func() error { return post.Run(n.work) })
	n.run("barrier", func() error { return n.guard() })
	n.every(flushEvery, "noting the newest change", n.noteNewest)
	n.every(housekeepEvery, "deleting what has ended", n.storage.store.Housekeep)
	n.every(resealEvery, "re-sealing", n.resealer())
	n.sign = n.signs()
	n.try(ctx, signing, n.sign)
	n.every(signEvery, signing, n.sign)
	return n.startTally(ctx)
}

// resealer seals anew what older keys of the keyset have sealed, batch by batch.
// Nothing is left most of the time, and to find that out every key is looked at:
// then it looks again when the keyset has changed, or a while has passed.
func (n *Node) resealer() func(context.Context) error {
	var clean []byte // the keyset's mark when nothing was left
	var at time.Time
	return func(ctx context.Context) error {
		mark := n.storage.box.Mark()
		if bytes.Equal(mark, clean) && time.Since(at) < relookEvery {
			return nil
		}
		left, err := n.storage.store.Reseal(ctx, resealBatch)
		if err == nil && left == 0 {
			clean, at = mark, time.Now()
		}
		return err
	}
}

// startTally begins to write down what the gateway notes.
func (n *Node) startTally(context.Context) error {
	n.run("tally", func() error { n.tally.Run(n.work, n.storage.store, flushEvery); return nil })
	return nil
}

// every repeats a piece of work until the node stops. A failure is logged and
// tried again next time.
func (n *Node) every(interval time.Duration, what string, do func(context.Context) error) {
	n.running.Go(func() {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-n.work.Done():
				return
			case <-tick.C:
			}
			n.try(n.work, what, do)
		}
	})
}

// try does a piece of work, and logs it where that fails.
func (n *Node) try(ctx context.Context, what string, do func(context.Context) error) {
	if err := do(ctx); err != nil && ctx.Err() == nil {
		n.config.Log.Error("work in the background failed; it is tried again", "work", what, "error", err)
	}
}
