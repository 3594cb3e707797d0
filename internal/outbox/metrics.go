package outbox

import (
	"context"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wasl-sms/wasl/internal/message"
)

// Metrics counts what the outbox does. Labels never hold a number. A nil
// Metrics counts nothing.
type Metrics struct {
	submits   *prometheus.CounterVec
	receipts  *prometheus.CounterVec
	doubts    *prometheus.CounterVec
	orphans   prometheus.Counter
	storeErrs prometheus.Counter
	sealed    prometheus.Counter
}

// NewMetrics registers the outbox's metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		submits: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "msg_submit_total", Help: "Parts written to an operator, by what became of them.",
		}, []string{"operator", "bind", "class", "outcome"}),
		receipts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dlr_total", Help: "Receipts from operators, by what they say.",
		}, []string{"operator", "state"}),
		doubts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "msg_in_doubt_total", Help: "Parts whose answer was lost, by how they were settled.",
		}, []string{"operator", "outcome"}),
		orphans: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "dlr_orphans_total", Help: "Receipts that named no part when they came.",
		}),
		storeErrs: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "msg_store_errors_total", Help: "Times the database could not take or give what the outbox asked.",
		}),
		sealed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "msg_unreadable_total", Help: "Parts refused because their text could not be opened.",
		}),
	}
	reg.MustRegister(m.submits, m.receipts, m.doubts, m.orphans, m.storeErrs, m.sealed)
	return m
}

func (m *Metrics) answered(l Lane, c message.Class, a Answer) {
	if m != nil {
		m.submits.WithLabelValues(l.Operator, l.Bind, strconv.Itoa(int(c)), a.Outcome.String()).Inc()
	}
}

func (m *Metrics) receipt(r Receipt) {
	if m != nil {
		m.receipts.WithLabelValues(r.Operator, r.state()).Inc()
	}
}

func (m *Metrics) resolved(operator, how string, n int) {
	if m != nil {
		m.doubts.WithLabelValues(operator, how).Add(float64(n))
	}
}

func (m *Metrics) parked(n int64) {
	if m != nil {
		m.orphans.Add(float64(n))
	}
}

func (m *Metrics) storeFailed() {
	if m != nil {
		m.storeErrs.Inc()
	}
}

func (m *Metrics) unreadable() {
	if m != nil {
		m.sealed.Inc()
	}
}

// Depth tells how much of one class waits for an operator, and how long the
// oldest has been due.
type Depth struct {
	Operator string
	Class    int16
	Waiting  int64
	Oldest   time.Duration
}

// Depths gives the length of each queue.
func (o *Outbox) Depths(ctx context.Context) ([]Depth, error) {
	rows, err := o.cfg.DB.Query(ctx, sqlDepth, o.cfg.Now())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Depth
	for rows.Next() {
		var d Depth
		var seconds float64
		if err := rows.Scan(&d.Operator, &d.Class, &d.Waiting, &seconds); err != nil {
			return nil, err
		}
		d.Oldest = time.Duration(seconds * float64(time.Second))
		out = append(out, d)
	}
	return out, rows.Err()
}
