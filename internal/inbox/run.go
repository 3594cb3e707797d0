package inbox

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/private"
)

const (
	poll      = 250 * time.Millisecond
	maxTries  = 5
	suspect   = 2                // from this one on it is handed on alone
	maxDeaths = 20               // of a process with the text under way; each catches all that is, so one says little of a text
	claimFor  = 20 * time.Second // renewed while a text is under way: so long it waits when its process dies
	renewal   = 5 * time.Second
	lastTries = 20 // to store what became of the last texts, while the process ends
)

// retryAfter is the wait after the n-th failure.
func retryAfter(n int16) time.Duration { return time.Second << (2 * min(n-1, 4)) }

// Run hands on texts until ctx ends, then waits for those under way. Any
// number of processes may run it. An Inbox runs once at a time.
func (b *Inbox) Run(ctx context.Context) error {
	b.done = make(chan result, b.cfg.Workers)
	settled := make(chan struct{})
	go func() { b.settleAll(); close(settled) }()
	holding, release := context.WithCancel(context.WithoutCancel(ctx))
	released := make(chan struct{})
	go func() { b.keepSwept(holding); close(released) }()
	b.giveBack(b.cfg.Workers)
	b.behind.Store(true)
	for ctx.Err() == nil {
		if b.handOn(ctx) == 0 {
			b.pause(ctx)
		}
	}
	b.takeAll()
	close(b.done)
	<-settled
	release() // leases were renewed till here
	<-released
	return nil
}

// keepSwept sweeps each second, whatever waits in Run.
func (b *Inbox) keepSwept(ctx context.Context) {
	look := time.NewTicker(poll)
	defer look.Stop()
	var swept time.Time
	for ctx.Err() == nil {
		if now := b.cfg.Now(); now.Sub(swept) >= time.Second || now.Before(swept) {
			swept = now
			if err := b.sweep(ctx); err != nil && ctx.Err() == nil {
				b.cfg.Metrics.failed("")
			}
		}
		select {
		case <-look.C:
		case <-ctx.Done():
		}
	}
}

// handOn takes texts that wait, as many as there are places for; half of them
// are left to what comes meanwhile.
func (b *Inbox) handOn(ctx context.Context) (n int) {
	places := b.reserve((len(b.places) + 1) / 2)
	if places == 0 { // nobody to hand a text to
		return 0
	}
	b.behind.Store(false)
	texts, err := b.claim(ctx, places)
	if err != nil {
		b.cfg.Metrics.failed("")
	}
	if err != nil || len(texts) == places {
		b.behind.Store(true)
	}
	b.giveBack(places - len(texts))
	var suspects []claimed
	for _, t := range texts {
		if t.lost >= suspect {
			b.leases.begin(t.ID, b.cfg.Now())
			suspects = append(suspects, t)
			b.giveBack(1)
			continue
		}
		b.start(t)
	}
	if len(suspects) > 0 { // one may end the process: nothing else is to be under way then
		b.takeAll()
		for _, t := range suspects {
			b.done <- b.hand(t)
		}
		b.giveBack(b.cfg.Workers)
	}
	return len(texts)
}

// takeAll waits for all that is under way: each text, also one that Keep hands
// on, holds a place.
func (b *Inbox) takeAll() {
	for range b.cfg.Workers {
		<-b.places
	}
}

// start hands on a text that holds a place, and gives the place back.
func (b *Inbox) start(t claimed) {
	b.leases.begin(t.ID, b.cfg.Now())
	go func() {
		b.done <- b.hand(t)
		b.places <- struct{}{}
	}()
}

// reserve takes up to n places that are free. There are none unless Run runs.
func (b *Inbox) reserve(n int) (got int) {
	for got < n {
		select {
		case <-b.places:
			got++
		default:
			return got
		}
	}
	return got
}

func (b *Inbox) giveBack(n int) {
	for range n {
		b.places <- struct{}{}
	}
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

// light begins a batch that a crash of the database may forget: a text is then
// handed on again, and its effect is known by its key.
func light() *pgx.Batch {
	b := postgres.ByIndex()
	b.Queue(sqlNoFlush)
	return b
}

func (b *Inbox) sweep(ctx context.Context) error {
	now := b.cfg.Now()
	batch := postgres.ByIndex()
	if due := b.leases.due(now); len(due) > 0 { // before its own are swept, after an outage
		batch.Queue(sqlRenew, due, claimFor)
	}
	batch.Queue(sqlSweepLeases, now, maxDeaths)
	batch.Queue(sqlForgetSeen, now.Add(-2*repeatWindow))
	if unsure := b.leases.unsure(now); len(unsure) > 0 {
		batch.Queue(sqlRelease, unsure).Query(func(rows pgx.Rows) error {
			var id int64
			_, err := pgx.ForEachRow(rows, []any{&id}, func() error { b.leases.found(id); return nil })
			return err
		})
	}
	if err := b.cfg.DB.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("inbox: sweep: %w", err)
	}
	return b.joinLate(ctx)
}
