package gateway

import (
	"errors"
	"time"

	"latchkey/internal/verify"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts. Labels come from small fixed sets: never a key, an account or
// an address, which would make the series as many as an attacker likes.
type metrics struct {
	requests *prometheus.CounterVec
	allowed  [kinds]prometheus.Counter // of requests
	seconds  [kinds]prometheus.Observer
	inFlight prometheus.Gauge
	unsent   prometheus.Counter
	unknown  prometheus.Counter

	faults prometheus.Counter

	turnedAway  prometheus.Counter     // connections
	sessionEnds *prometheus.CounterVec // by reason
}

// kindNames are the values of the label "kind".
var kindNames = [kinds]string{kindNone: "none", kindPublic: "public", kindRead: "read", kindMutates: "mutating", kindLogon: "logon", kindMessage: "message"}

// newMetrics registers everything, or says why that is not possible.
func newMetrics(to prometheus.Registerer, tally *verify.Tally, sessions *Sessions) (*metrics, error) {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "latchkey_gateway_requests_total", Help: "Requests by verdict and kind of action.",
	}, []string{"verdict", "kind"})
	// From a tenth of a millisecond, what the gateway itself takes, up to what
	// an exchange may take before it counts as not answering.
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "latchkey_gateway_request_seconds", Help: "Time from a complete request to the begin of its answer.",
		Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"kind"})
	inFlight := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "latchkey_gateway_in_flight", Help: "Requests that are being answered.",
	})
	failed := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "latchkey_gateway_upstream_errors_total", Help: "Requests that the exchange did not answer, by whether it may have executed them.",
	}, []string{"executed"})
	dropped := prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "latchkey_gateway_refused_calls_dropped_total", Help: "Refused calls that were counted but not kept for the owner.",
	}, func() float64 { return float64(tally.Dropped()) })
	turnedAway := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "latchkey_gateway_connections_refused_total", Help: "Connections that were closed because there were too many, in all or from one address.",
	})
	faults := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "latchkey_gateway_faults_total", Help: "Requests and sessions that ended because of a fault in the gateway itself.",
	})
	sessionEnds := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "latchkey_gateway_session_ends_total", Help: "WebSocket sessions that ended, by reason.",
	}, []string{"reason"})
	cut := prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "latchkey_gateway_calls_cut_total", Help: "Calls that were cut off on their way because their key changed; the exchange may have executed them.",
	}, func() float64 { return float64(sessions.flights.cut.Load()) })
	open := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "latchkey_gateway_sessions", Help: "WebSocket connections of clients that are open.",
	}, func() float64 { return float64(sessions.count()) })
	m := &metrics{
		sessionEnds: sessionEnds,
		turnedAway:  turnedAway,
		requests:    requests, inFlight: inFlight, faults: faults,
		unsent: failed.WithLabelValues("no"), unknown: failed.WithLabelValues("unknown"),
	}
	// Looked up once, not for each request.
	for k, name := range kindNames {
		m.seconds[k] = seconds.WithLabelValues(name)
		m.allowed[k] = requests.WithLabelValues(verify.Allowed.Code(), name)
	}
	return m, errors.Join(to.Register(requests), to.Register(seconds), to.Register(inFlight), to.Register(failed), to.Register(dropped), to.Register(turnedAway),
		to.Register(sessionEnds), to.Register(open), to.Register(cut), to.Register(faults))
}

// count counts a request with its verdict, which is "allowed" also when the
// exchange's answer was an error of its own.
func (m *metrics) count(x *exchange, took time.Duration) {
	if x.code == verify.Allowed.Code() {
		m.allowed[x.kind].Inc()
	} else {
		m.requests.WithLabelValues(x.code, kindNames[x.kind]).Inc()
	}
	m.seconds[x.kind].Observe(took.Seconds())
}

// upstreamFailed counts what an operator must hear of: behind "unknown" there
// may be an order that nobody knows of.
func (m *metrics) upstreamFailed(unsent bool) {
	if unsent {
		m.unsent.Inc()
	} else {
		m.unknown.Inc()
	}
}
