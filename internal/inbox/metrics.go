package inbox

import "github.com/prometheus/client_golang/prometheus"

// Metrics counts what the inbox does. A nil Metrics counts nothing.
type Metrics struct {
	arrivals *prometheus.CounterVec
	failures *prometheus.CounterVec
	results  *prometheus.CounterVec
}

// NewMetrics registers the inbox's metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		arrivals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mo_total", Help: "Messages from people, by what became of them at the door.",
		}, []string{"operator", "result"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mo_store_errors_total", Help: "Times the database could not take or give what the inbox asked.",
		}, []string{"operator"}),
		results: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mo_handed_total", Help: "Texts handed to the conversation, by result.",
		}, []string{"result"}),
	}
	reg.MustRegister(m.arrivals, m.failures, m.results)
	return m
}

func (m *Metrics) arrived(operator string, v Verdict) {
	if m != nil {
		m.arrivals.WithLabelValues(operator, v.String()).Inc()
	}
}

func (m *Metrics) failed(operator string) {
	if m != nil {
		m.failures.WithLabelValues(operator).Inc()
	}
}

func (m *Metrics) handed(state string) {
	if m != nil {
		m.results.WithLabelValues(state).Inc()
	}
}
