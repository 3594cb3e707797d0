package inbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/postgres"
)

// result is what became of a text that was handed on.
type result struct {
	id     int64
	state  string
	due    time.Time
	tries  int16
	reason *string
}

// hand gives one text to the service and judges the outcome.
func (b *Inbox) hand(c claimed) result {
	err := c.err
	if err == nil {
		// The end of the process waits for a text under way, within its limit.
		ctx, cancel := context.WithTimeout(context.Background(), b.cfg.Timeout)
		defer cancel()
		err = b.receive(ctx, c.Inbound)
	}
	now := b.cfg.Now()
	r := result{id: c.ID, state: "done", due: now, tries: c.tries}
	if err == nil {
		b.cfg.Metrics.handed("done")
		b.cfg.Metrics.answered(now.Sub(c.At))
		return r
	}
	reason := reasonOf(err)
	r.reason, r.state, r.due = &reason, "waiting", now.Add(retryAfter(c.tries))
	switch {
	case outage(err):
		r.tries-- // not the text's doing
		r.due = now.Add(retryAfter(1))
	case c.tries >= maxTries:
		r.state = "quarantined"
	}
	b.cfg.Metrics.handed(r.state)
	return r
}

// outage tells an error of a world in which no text could be handed on. What
// took too long may be the text's own doing.
func outage(err error) bool {
	const canceled = "57014" // also: ran into statement_timeout
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && pgErr.Code == canceled || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	return fault.KindOf(err) == fault.KindUnavailable || postgres.Away(err)
}

// receive turns a panic into an error: one text must not end the process for
// all others.
func (b *Inbox) receive(ctx context.Context, in message.Inbound) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = errPanic
		}
	}()
	return b.cfg.Texts.Receive(ctx, in)
}

var errPanic = errors.New("panic")

// reasonOf names the kind of an error; its text could hold what a person wrote.
func reasonOf(err error) string {
	switch {
	case errors.Is(err, errPanic):
		return "panic"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	}
	return fmt.Sprint(fault.KindOf(err))
}

// settleAll stores results as they come, those that wait in one batch. While
// the database is away they are kept, and nothing further is handed on.
func (b *Inbox) settleAll() {
	for r := range b.done {
		list, more := gather(b.done, []result{r})
		for left := lastTries; b.settleOnce(list) != nil; {
			b.cfg.Metrics.failed("")
			if !more {
				left--
			}
			if left == 0 {
				return // the process ends: leases run out and these are handed on again
			}
			time.Sleep(poll) //nolint:forbidigo // the process ends when this is done: there is nothing to wait beside it
			list, more = gather(b.done, list)
		}
		b.leases.end(list)
	}
}

// gather adds what waits; more is false once no result will come.
func gather(done <-chan result, list []result) (_ []result, more bool) {
	for len(list) < 256 {
		select {
		case r, ok := <-done:
			if !ok {
				return list, false
			}
			list = append(list, r)
		default:
			return list, true
		}
	}
	return list, true
}

func (b *Inbox) settleOnce(list []result) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return b.settle(ctx, list)
}

func (b *Inbox) settle(ctx context.Context, list []result) error {
	n := len(list)
	ids, states, due := make([]int64, n), make([]string, n), make([]time.Time, n)
	tries, reasons := make([]int16, n), make([]*string, n)
	for i, r := range list {
		ids[i], states[i], due[i], tries[i], reasons[i] = r.id, r.state, r.due, r.tries, r.reason
	}
	batch := light()
	var next bool
	batch.Queue(sqlSettle, ids, states, due, tries, reasons, b.cfg.Now()).QueryRow(func(row pgx.Row) error { return row.Scan(&next) })
	if err := b.cfg.DB.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("inbox: settle %d texts: %w", n, err)
	}
	if next { // a later text of one of them waits
		b.ring()
	}
	return nil
}
