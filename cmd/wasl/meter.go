package main

import (
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wasl-sms/wasl/internal/dialog"
	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/text"
)

// meter counts screens: where people are and where they leave.
type meter struct {
	entered *prometheus.CounterVec
	left    *prometheus.CounterVec
	stayed  *prometheus.HistogramVec
	repeats *prometheus.CounterVec
	log     *slog.Logger
}

var _ dialog.Meter = (*meter)(nil)

func newMeter(reg prometheus.Registerer, log *slog.Logger) *meter {
	m := &meter{
		entered: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ussd_screens_total", Help: "Screens shown."},
			[]string{"channel", "operator", "screen", "lang"}),
		left: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ussd_screen_ends_total", Help: "How screens ended."},
			[]string{"channel", "operator", "screen", "why"}),
		stayed: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "ussd_screen_seconds", Help: "Time a person took on a screen.",
			Buckets: []float64{1, 2, 5, 10, 20, 40, 60, 120},
		}, []string{"channel", "lang"}),
		repeats: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ussd_repeats_total", Help: "Requests of the network that had been answered before.",
		}, []string{"channel", "operator"}),
		log: log,
	}
	reg.MustRegister(m.entered, m.left, m.stayed, m.repeats)
	return m
}

func (m *meter) Enter(ch form.Channel, operator, screen string, l text.Lang) {
	m.entered.WithLabelValues(string(ch), operator, screen, string(l)).Inc()
}

func (m *meter) Leave(ch form.Channel, operator, screen string, l text.Lang, why dialog.Why, after time.Duration) {
	m.left.WithLabelValues(string(ch), operator, screen, string(why)).Inc()
	m.stayed.WithLabelValues(string(ch), string(l)).Observe(after.Seconds())
}

func (m *meter) Repeat(ch form.Channel, operator string) {
	m.repeats.WithLabelValues(string(ch), operator).Inc()
}

func (m *meter) Fault(err error) {
	m.log.Error("a dialogue was answered with an apology", "error", err)
}
