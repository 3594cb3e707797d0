package outbox

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// bell wakes the lanes of an operator.
type bell struct {
	mu    sync.Mutex
	lanes map[chan struct{}]string
	last  time.Time // when a transaction was last told to ring
}

// between is the least time from one ring to the next. A lane that has just
// sent something looks for itself after as long, then now and then.
const (
	between = 20 * time.Millisecond
	soon    = 100 * time.Millisecond
)

// may reports whether a transaction may ring when it commits.
func (b *bell) may(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if d := now.Sub(b.last); d >= 0 && d < between {
		return false
	}
	b.last = now
	return true
}

func newBell() *bell { return &bell{lanes: map[chan struct{}]string{}} }

// join gives a channel that is rung for operator until leave is called.
func (b *bell) join(operator string) (rung <-chan struct{}, leave func()) {
	ch := make(chan struct{}, 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lanes[ch] = operator
	return ch, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.lanes, ch)
	}
}

// ring wakes the lanes of one operator, or of all for "".
func (b *bell) ring(operator string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for ch, of := range b.lanes {
		if operator != "" && of != operator {
			continue
		}
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

// listen hears of texts committed by any process until ctx ends or the
// connection is lost.
func (o *Outbox) listen(ctx context.Context) error {
	c, err := o.cfg.DB.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("outbox: connect to listen: %w", err)
	}
	conn := c.Hijack() // LISTEN must not return to the pool
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, sqlListen, pgx.QueryExecModeExec); err != nil {
		return fmt.Errorf("outbox: listen: %w", err)
	}
	o.bell.ring("")
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return fmt.Errorf("outbox: listen: %w", err)
		}
		o.bell.ring(n.Payload)
	}
}
