package inbox

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts what the inbox does. A nil Metrics counts nothing.
type Metrics struct {
	arrivals *prometheus.CounterVec
	failures *prometheus.CounterVec
	results  *prometheus.CounterVec
	answers  prometheus.Histogram
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
	m.answers = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "mo_answer_seconds", Help: "From a text's arrival to the commit of all it led to, the reply among it.",
		Buckets: []float64{.01, .03, .1, .3, 1, 3, 10, 30, 100, 300},
	})
	reg.MustRegister(m.arrivals, m.failures, m.results, m.answers)
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

func (m *Metrics) answered(after time.Duration) {
	if m != nil {
		m.answers.Observe(after.Seconds())
	}
}
