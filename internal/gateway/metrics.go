package gateway

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wasl-sms/wasl/internal/links"
)

// Metrics counts what the gateway does. Labels never hold a number. A nil
// Metrics counts nothing.
type Metrics struct {
	reg      prometheus.Registerer
	up       *prometheus.GaugeVec
	refused  *prometheus.GaugeVec
	answers  *prometheus.HistogramVec
	rebinds  *prometheus.CounterVec
	problems *prometheus.CounterVec
	acks     *prometheus.HistogramVec
	steps    *prometheus.HistogramVec
	drops    *prometheus.CounterVec
}

// NewMetrics registers the gateway's metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	bind := []string{"operator", "bind"}
	seconds := []float64{.001, .003, .01, .03, .1, .3, 1, 2, 3, 10}
	m := &Metrics{
		reg: reg,
		refused: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "smpp_bind_refused", Help: "1 while the operator refuses the bind.",
		}, bind),
		answers: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "smpp_response_seconds", Help: "From a submit_sm with a text to its response.", Buckets: seconds,
		}, bind),
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
	reg.MustRegister(m.up, m.refused, m.answers, m.rebinds, m.problems, m.acks, m.steps, m.drops)
	return m
}

func (m *Metrics) bindState(b *bind, up, refused bool) {
	if m == nil {
		return
	}
	if up {
		m.rebinds.WithLabelValues(b.op.name, b.Name).Inc()
	}
	m.up.WithLabelValues(b.op.name, b.Name).Set(oneIf(up))
	m.refused.WithLabelValues(b.op.name, b.Name).Set(oneIf(refused))
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// forget drops the gauges of a bind that is no more.
func (m *Metrics) forget(b *bind) {
	if m != nil {
		m.up.DeleteLabelValues(b.op.name, b.Name)
		m.refused.DeleteLabelValues(b.op.name, b.Name)
	}
}

func (m *Metrics) answered(b *bind, took time.Duration) {
	if m != nil {
		m.answers.WithLabelValues(b.op.name, b.Name).Observe(took.Seconds())
	}
}

// windows tells at each scrape how full the windows are.
type windows struct{ g *Gateway }

var (
	windowInUse = prometheus.NewDesc("smpp_window_in_use", "Requests of ours that wait for an answer.", []string{"operator", "bind"}, nil)
	windowSize  = prometheus.NewDesc("smpp_window_size", "How many may.", []string{"operator", "bind"}, nil)
	drained     = prometheus.NewDesc("smpp_bind_drained", "1 while staff keep the bind away.", []string{"operator", "bind"}, nil)
)

// Describe implements prometheus.Collector.
func (windows) Describe(ch chan<- *prometheus.Desc) {
	ch <- windowInUse
	ch <- windowSize
	ch <- drained
}

// Collect implements prometheus.Collector.
func (w windows) Collect(ch chan<- prometheus.Metric) {
	for _, s := range w.g.Status() {
		ch <- prometheus.MustNewConstMetric(windowInUse, prometheus.GaugeValue, float64(s.InFlight), s.Operator, s.Bind)
		ch <- prometheus.MustNewConstMetric(windowSize, prometheus.GaugeValue, float64(s.Window), s.Operator, s.Bind)
		ch <- prometheus.MustNewConstMetric(drained, prometheus.GaugeValue, oneIf(s.State == links.Draining || s.State == links.Drained), s.Operator, s.Bind)
	}
}

func (m *Metrics) watch(g *Gateway) {
	if m != nil {
		m.reg.MustRegister(windows{g})
	}
}

func (m *Metrics) problem(b *bind) {
	if m != nil {
		m.problems.WithLabelValues(b.op.name, b.Name).Inc()
	}
}

func (m *Metrics) acked(b *bind, kind string, d time.Duration) {
	if m != nil {
		m.acks.WithLabelValues(b.op.name, kind).Observe(d.Seconds())
	}
}

func (m *Metrics) stepped(b *bind, kind string, d time.Duration) {
	if m != nil {
		m.steps.WithLabelValues(b.op.name, kind).Observe(d.Seconds())
	}
}

func (m *Metrics) pageDropped(b *bind, why string) {
	if m != nil {
		m.drops.WithLabelValues(b.op.name, why).Inc()
	}
}
