package aggregator

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts what aggregators ask and get. A nil Metrics counts nothing.
type Metrics struct {
	calls *prometheus.CounterVec
	took  *prometheus.HistogramVec
	ends  *prometheus.CounterVec
}

// NewMetrics registers the metrics of aggregators.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ussd_http_requests_total", Help: "Requests of HTTP aggregators: answered, late, noted, above a limit, or why they were refused.",
		}, []string{"operator", "outcome"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "ussd_http_seconds", Help: "From an aggregator's request to our answer.",
			Buckets: []float64{.001, .003, .01, .03, .1, .3, 1, 2, 3, 10},
		}, []string{"operator", "kind"}),
		ends: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ussd_http_ends_total", Help: "How sessions ended, where an aggregator reports it.",
		}, []string{"operator", "status"}),
	}
	reg.MustRegister(m.calls, m.took, m.ends)
	return m
}

func (m *Metrics) called(operator, outcome, kind string, took time.Duration) {
	if m == nil {
		return
	}
	m.calls.WithLabelValues(operator, outcome).Inc()
	if kind != "none" {
		m.took.WithLabelValues(operator, kind).Observe(took.Seconds())
	}
}

func (m *Metrics) ended(operator, status string) {
	if m == nil {
		return
	}
	if !slices.Contains([]string{"success", "incomplete", "failed"}, status) {
		status = "other" // a label is not for callers to invent
	}
	m.ends.WithLabelValues(operator, status).Inc()
}
