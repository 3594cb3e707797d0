package outbox

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/wasl-sms/wasl/internal/message"
)

// Metrics counts what the outbox does. Labels never hold a number. A nil
// Metrics counts nothing.
type Metrics struct {
	submits   *prometheus.CounterVec
	receipts  *prometheus.CounterVec
	doubts    *prometheus.CounterVec
	responses *prometheus.HistogramVec
	accepted  *prometheus.HistogramVec
	delivery  *prometheus.HistogramVec
	waiting   *prometheus.GaugeVec
	oldest    *prometheus.GaugeVec
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
		responses: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "msg_response_seconds", Help: "From a part's write to the operator's answer.",
			Buckets: []float64{.001, .003, .01, .03, .1, .3, 1, 3, 10, 30, 60},
		}, []string{"operator"}),
		accepted: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "msg_accepted_seconds", Help: "From a text's promise to the first time an operator accepts a part of it.",
			Buckets: []float64{1, 3, 10, 30, 60, 300, 900, 3600},
		}, []string{"operator", "class"}),
		delivery: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "dlr_seconds", Help: "From a part's last write to the receipt that tells of its delivery.",
			Buckets: []float64{.1, 1, 3, 10, 30, 60, 300, 900, 3600, 6 * 3600, 24 * 3600, 72 * 3600},
		}, []string{"operator"}),
		waiting: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "msg_queue_parts", Help: "Parts that wait for a bind; none of a class is no series.",
		}, []string{"operator", "class"}),
		oldest: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "msg_queue_age_seconds", Help: "Since the promise of the oldest part that waits for a bind.",
		}, []string{"operator", "class"}),
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
	reg.MustRegister(m.submits, m.receipts, m.doubts, m.responses, m.accepted, m.delivery, m.waiting, m.oldest, m.orphans, m.storeErrs, m.sealed)
	return m
}

func (m *Metrics) answered(l Lane, p *part, a Answer, now time.Time) {
	if m == nil {
		return
	}
	class := strconv.Itoa(int(p.Class))
	m.submits.WithLabelValues(l.Operator, l.Bind, class, a.Outcome.String()).Inc()
	if a.Outcome == Sent && p.redelivered == 0 {
		m.accepted.WithLabelValues(p.home, class).Observe(max(0, now.Sub(promised(p.message)).Seconds()))
	}
	if a.Outcome != NotSent {
		m.responses.WithLabelValues(l.Operator).Observe(now.Sub(p.sent).Seconds())
	}
}

// promised is the second of a text's promise, with which its id begins.
func promised(message int64) time.Time { return time.Unix(message>>22, 0) }

func (m *Metrics) expired(l Lane, list []message.Class) {
	if m == nil {
		return
	}
	for _, c := range list {
		m.submits.WithLabelValues(l.Operator, l.Bind, strconv.Itoa(int(c)), Expired.String()).Inc()
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

// stored reads the answer to sqlReceipts.
func (m *Metrics) stored(rows pgx.Rows) error {
	var operator string
	var after float64
	_, err := pgx.ForEachRow(rows, []any{&operator, &after}, func() error {
		switch {
		case m == nil:
		case operator == "":
			m.orphans.Inc()
		default:
			m.delivery.WithLabelValues(operator).Observe(after)
		}
		return nil
	})
	return err
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

// Depth tells how much of one class waits for an operator, and how long ago
// the oldest was promised.
type Depth struct {
	Operator string
	Class    int16
	Waiting  int64
	Oldest   time.Duration
}

// Depths gives the length of each queue that is not empty.
func (o *Outbox) Depths(ctx context.Context) ([]Depth, error) {
	rows, err := o.cfg.DB.Query(ctx, sqlDepth)
	if err != nil {
		return nil, fmt.Errorf("outbox: count the queues: %w", err)
	}
	depths, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Depth])
	if err != nil {
		return nil, fmt.Errorf("outbox: count the queues: %w", err)
	}
	return depths, nil
}

// countAtMost is the share of the time that counting the queues may take, as
// a divisor: a long queue is counted more seldom.
const countAtMost = 100

// keepCounting sets the gauges of the queues from time to time. Scrapes read
// what is there and ask the database nothing.
func (o *Outbox) keepCounting(ctx context.Context) {
	if o.cfg.Metrics == nil {
		return
	}
	for ctx.Err() == nil {
		began := o.cfg.Now()
		if err := o.count(ctx); err != nil && ctx.Err() == nil {
			o.cfg.Metrics.storeFailed()
		}
		pause(ctx, max(countEvery, countAtMost*o.cfg.Now().Sub(began)))
	}
}

const countEvery = 10 * time.Second

func (o *Outbox) count(ctx context.Context) error {
	depths, err := o.Depths(ctx)
	if err != nil {
		return err
	}
	m := o.cfg.Metrics
	m.waiting.Reset()
	m.oldest.Reset()
	for _, d := range depths {
		class := strconv.Itoa(int(d.Class))
		m.waiting.WithLabelValues(d.Operator, class).Set(float64(d.Waiting))
		m.oldest.WithLabelValues(d.Operator, class).Set(d.Oldest.Seconds())
	}
	return nil
}
