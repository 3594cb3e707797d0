package gateway

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts what the gateway does. Labels never hold a number. A nil
// Metrics counts nothing.
type Metrics struct {
	up       *prometheus.GaugeVec
	rebinds  *prometheus.CounterVec
	problems *prometheus.CounterVec
	acks     *prometheus.HistogramVec
	steps    *prometheus.HistogramVec
	drops    *prometheus.CounterVec
}

// NewMetrics registers the gateway's metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	bind := []string{"operator", "bind"}
	seconds := []float64{.001, .003, .01, .03, .1, .3, 1, 3, 10}
	m := &Metrics{
		up: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "smpp_bind_state", Help: "1 while the bind is bound.",
		}, bind),
		rebinds: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "smpp_binds_total", Help: "Times the bind was bound.",
		}, bind),
		problems: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "smpp_pdu_errors_total", Help: "What a session survived: malformed bodies, failed handlers, stray answers.",
		}, bind),
		acks: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "mo_ack_seconds", Help: "From a message's arrival to its acknowledgement.", Buckets: seconds,
		}, []string{"operator", "kind"}),
		steps: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "ussd_step_seconds", Help: "Our part of a USSD step.", Buckets: seconds,
		}, []string{"operator", "kind"}),
		drops: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ussd_pages_dropped_total", Help: "Pages that could not be shown.",
		}, []string{"operator", "why"}),
	}
	reg.MustRegister(m.up, m.rebinds, m.problems, m.acks, m.steps, m.drops)
	return m
}

func (m *Metrics) bindState(b *bind, up bool) {
	if m == nil {
		return
	}
	v := 0.0
	if up {
		v = 1
		m.rebinds.WithLabelValues(b.op.Name, b.Name).Inc()
	}
	m.up.WithLabelValues(b.op.Name, b.Name).Set(v)
}

func (m *Metrics) problem(b *bind) {
	if m != nil {
		m.problems.WithLabelValues(b.op.Name, b.Name).Inc()
	}
}

func (m *Metrics) acked(b *bind, kind string, d time.Duration) {
	if m != nil {
		m.acks.WithLabelValues(b.op.Name, kind).Observe(d.Seconds())
	}
}

func (m *Metrics) stepped(b *bind, kind string, d time.Duration) {
	if m != nil {
		m.steps.WithLabelValues(b.op.Name, kind).Observe(d.Seconds())
	}
}

func (m *Metrics) pageDropped(b *bind, why string) {
	if m != nil {
		m.drops.WithLabelValues(b.op.Name, why).Inc()
	}
}
