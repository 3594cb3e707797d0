package inbox

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/private"
)

const (
	poll      = 250 * time.Millisecond
	maxTries  = 5
	suspect   = 2  // from this one on it is handed on alone
	maxDeaths = 20 // of a process with the text under way; each catches all that is, so one says little of a text
	claimFor  = 2 * time.Minute
	lastTries = 20 // to store what became of the last texts, while the process ends
)

// retryAfter is the wait after the n-th failure.
func retryAfter(n int16) time.Duration { return time.Second << (2 * min(n-1, 4)) }

// Run hands on texts until ctx ends, then waits for those under way. Any
// number of processes may run it.
func (b *Inbox) Run(ctx context.Context) error {
	free := make(chan struct{}, b.cfg.Workers)
	for range b.cfg.Workers {
		free <- struct{}{}
	}
	done := make(chan result, b.cfg.Workers)
	var under sync.WaitGroup
	ended := make(chan struct{})
	go func() { b.settleAll(done); close(ended) }()
	var swept time.Time
	for ctx.Err() == nil {
		if now := b.cfg.Now(); now.Sub(swept) >= time.Second || now.Before(swept) {
			swept = now
			if err := b.sweep(ctx); err != nil {
				b.cfg.Metrics.failed("")
			}
		}
		if len(free) == 0 { // nobody to hand a text to
			b.pause(ctx)
			continue
		}
		texts, err := b.claim(ctx, len(free))
		if err != nil {
			b.cfg.Metrics.failed("")
		}
		for _, t := range texts {
			if t.lost >= suspect {
				continue
			}
			<-free
			under.Go(func() {
				done <- b.hand(ctx, t)
				free <- struct{}{}
			})
		}
		for _, t := range texts {
			if t.lost >= suspect { // it may end the process: nothing else is to be under way then
				under.Wait()
				done <- b.hand(ctx, t)
			}
		}
		if len(texts) == 0 {
			b.pause(ctx)
		}
	}
	under.Wait()
	close(done)
	<-ended
	return nil
}

func (b *Inbox) pause(ctx context.Context) {
	t := time.NewTimer(poll)
	defer t.Stop()
	select {
	case <-b.wake:
	case <-t.C:
	case <-ctx.Done():
	}
}

// claimed is a text under way.
type claimed struct {
	message.Inbound
	tries int16
	lost  int16
	err   error // it can't be opened
}

func (b *Inbox) claim(ctx context.Context, limit int) ([]claimed, error) {
	// The end of the process must not break off a claim: what it took would wait for its lease.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	var texts []claimed
	batch := light()
	batch.Queue(sqlClaim, b.cfg.Now(), limit, claimFor).Query(func(rows pgx.Rows) error {
		var c claimed
		var number, body []byte
		into := []any{&c.ID, &c.Operator, &c.To, &number, &body, &c.Incomplete, &c.At, &c.tries, &c.lost}
		_, err := pgx.ForEachRow(rows, into, func() error {
			texts = append(texts, b.open(c, number, body))
			return nil
		})
		return err
	})
	if err := b.cfg.DB.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("inbox: claim: %w", err)
	}
	return texts, nil
}

func (b *Inbox) open(c claimed, number, body []byte) claimed {
	var raw, plain []byte
	if raw, c.err = b.cfg.Vault.Open("inbox", "number_sealed", c.ID, number); c.err == nil {
		plain, c.err = b.cfg.Vault.Open("inbox", "body_sealed", c.ID, body)
	}
	c.From, c.Body = private.StoredMsisdn(string(raw)), private.NewBody(string(plain))
	return c
}

func byIndex() *pgx.Batch {
	b := &pgx.Batch{}
	b.Queue(sqlByIndex)
	return b
}

// light begins a batch that a crash of the database may forget: a text is then
// handed on again, and its effect is known by its key.
func light() *pgx.Batch {
	b := byIndex()
	b.Queue(sqlNoFlush)
	return b
}

// result is what became of a text that was handed on.
type result struct {
	id     int64
	state  string
	due    time.Time
	tries  int16
	reason *string
}

// hand gives one text to the service and judges the outcome.
func (b *Inbox) hand(ctx context.Context, c claimed) result {
	err := c.err
	if err == nil {
		// The end of the process waits for a text under way, within its limit.
		inner, cancel := context.WithTimeout(context.WithoutCancel(ctx), b.cfg.Timeout)
		defer cancel()
		err = b.receive(inner, c.Inbound)
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
func (b *Inbox) settleAll(done <-chan result) {
	for r := range done {
		list, more := gather(done, []result{r})
		for left := lastTries; b.settleOnce(list) != nil; {
			b.cfg.Metrics.failed("")
			if !more {
				left--
			}
			if left == 0 {
				return // the process ends: leases run out and these are handed on again
			}
			time.Sleep(poll) //nolint:forbidigo // the process ends when this is done: there is nothing to wait beside it
			list, more = gather(done, list)
		}
		b.ring()
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
	batch.Queue(sqlSettle, ids, states, due, tries, reasons, b.cfg.Now())
	if err := b.cfg.DB.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("inbox: settle %d texts: %w", n, err)
	}
	return nil
}

func (b *Inbox) sweep(ctx context.Context) error {
	now := b.cfg.Now()
	batch := byIndex()
	batch.Queue(sqlSweepLeases, now, maxDeaths)
	batch.Queue(sqlForgetSeen, now.Add(-2*repeatWindow))
	if err := b.cfg.DB.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("inbox: sweep: %w", err)
	}
	return b.joinLate(ctx)
}
