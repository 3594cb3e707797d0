package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/postgres"
)

// Run does the outbox's own work until ctx ends: it stores receipts, hears of
// new texts, brings back what is due, and settles what has been in doubt too
// long. Any number of processes may run it.
func (o *Outbox) Run(ctx context.Context) error {
	done := make(chan struct{}, 3)
	go func() { o.takeReceipts(ctx); done <- struct{}{} }()
	go func() { o.keepListening(ctx); done <- struct{}{} }()
	go func() { o.keepCounting(ctx); done <- struct{}{} }()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for n := 0; ctx.Err() == nil; n++ {
		if err := errors.Join(o.sweep(ctx, n%60 == 0), o.trySecond(ctx)); err != nil && ctx.Err() == nil {
			o.cfg.Metrics.storeFailed()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	for range cap(done) {
		<-done
	}
	return nil
}

func (o *Outbox) keepListening(ctx context.Context) {
	for ctx.Err() == nil {
		if err := o.listen(ctx); err != nil && ctx.Err() == nil {
			o.cfg.Metrics.storeFailed()
		}
		t := time.NewTimer(poll)
		select {
		case <-ctx.Done():
		case <-t.C:
		}
		t.Stop()
	}
}

// sweep brings back what is due, and decides what has been in doubt too long.
// All of it is safe at any time in any process.
func (o *Outbox) sweep(ctx context.Context, seldom bool) error {
	now := o.cfg.Now()
	b := postgres.ByIndex()
	b.Queue(sqlPromote, now)
	b.Queue(sqlUnparkRecent, redelivery(), now, idFor, now.Add(-10*time.Minute))
	operators, heard, most := o.heard(now)
	b.Queue(sqlSweepDoubt, now.Add(-inDoubtWait), now, o.cfg.Holding(), tries(), operators, heard, most).Query(func(rows pgx.Rows) error {
		var operator, state string
		_, err := pgx.ForEachRow(rows, []any{&operator, &state}, func() error {
			o.cfg.Metrics.resolved(operator, state, 1)
			return nil
		})
		return err
	})
	if seldom {
		b.Queue(sqlSweepExpired, now)
		b.Queue(sqlForgetReceipts, now.Add(-parkedFor))
	}
	if err := o.cfg.DB.SendBatch(ctx, b).Close(); err != nil {
		o.ear.deaf(o.cfg.Now())
		return fmt.Errorf("outbox: sweep: %w", err)
	}
	o.ear.well(now)
	return nil
}

// heard gives what may be decided: of each operator that this process listens
// to, the parts sent before it had been heard for long enough; of the others
// what was sent very long ago, once they had as long to be bound again.
func (o *Outbox) heard(now time.Time) (operators []string, before []time.Time, most *time.Time) {
	for operator, at := range o.ear.heard(o.cfg.Listen, now) {
		if operator == itself {
			long := now.Add(-inDoubtMost)
			most = &long
			continue
		}
		operators, before = append(operators, operator), append(before, at)
	}
	return operators, before, most
}
