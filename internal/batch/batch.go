// Package batch lets calls that come at once go together: while one batch is
// under way, those that come wait, and the next takes them all. Alone, a call
// goes at once. Many who each want a commit share one, and nobody waits for a
// batch to fill.
package batch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Config says what a Group does. Do is required.
type Config[T, R any] struct {
	// Do does all of a batch and gives a result for each, in their order. Its
	// context does not end with that of a call: it is bounded by Limit.
	Do func(context.Context, []T) ([]R, error)
	// Apart tells of an error of Do whether it may be the doing of a part of the
	// batch. Then the halves go apart, and so on, until what fails is alone: one
	// can't fail the others. Nil: never.
	Apart  func(error) bool
	Most   int           // in one batch; 256
	AtOnce int           // batches under way; 1
	Limit  time.Duration // for one call of Do; 5 s
}

// Group does calls in batches. It is safe for concurrent use and starts no
// goroutine: the one who has waited longest runs the batch for all.
type Group[T, R any] struct {
	cfg  Config[T, R]
	lead chan struct{} // who holds a place runs a batch

	mu      sync.Mutex
	waiting []*call[T, R]
}

type call[T, R any] struct {
	ctx    context.Context
	value  T
	result R
	err    error
	done   chan struct{}
}

// New makes a Group.
func New[T, R any](cfg Config[T, R]) *Group[T, R] {
	if cfg.Most <= 0 {
		cfg.Most = 256
	}
	if cfg.Limit <= 0 {
		cfg.Limit = 5 * time.Second
	}
	return &Group[T, R]{cfg: cfg, lead: make(chan struct{}, max(cfg.AtOnce, 1))}
}

// Do adds v to the next batch and waits for its result. When ctx ends first,
// v may have been done or not.
func (g *Group[T, R]) Do(ctx context.Context, v T) (R, error) {
	c := &call[T, R]{ctx: ctx, value: v, done: make(chan struct{})}
	g.mu.Lock()
	g.waiting = append(g.waiting, c)
	g.mu.Unlock()
	for {
		select {
		case <-c.done:
			return c.result, c.err
		case g.lead <- struct{}{}:
			g.turn(ctx)
		case <-ctx.Done():
			var none R
			return none, fmt.Errorf("wait for the batch: %w", ctx.Err())
		}
	}
}

// turn runs one batch of those that wait.
func (g *Group[T, R]) turn(ctx context.Context) {
	defer func() { <-g.lead }()
	calls := g.take()
	defer func() {
		for _, c := range calls {
			close(c.done)
		}
	}()
	g.run(context.WithoutCancel(ctx), calls)
}

// take gives the next batch, without those who have left.
func (g *Group[T, R]) take() []*call[T, R] {
	g.mu.Lock()
	defer g.mu.Unlock()
	calls := make([]*call[T, R], 0, min(len(g.waiting), g.cfg.Most))
	taken := 0
	for _, c := range g.waiting {
		if len(calls) == g.cfg.Most {
			break
		}
		taken++
		if c.ctx.Err() == nil {
			calls = append(calls, c)
		}
	}
	clear(g.waiting[:taken])
	if g.waiting = g.waiting[taken:]; len(g.waiting) == 0 {
		g.waiting = nil
	}
	return calls
}

var errPanic = errors.New("batch: what was to be done has panicked")

func (g *Group[T, R]) run(ctx context.Context, calls []*call[T, R]) {
	if len(calls) == 0 {
		return
	}
	values := make([]T, len(calls))
	for i, c := range calls {
		values[i], c.err = c.value, errPanic
	}
	within, cancel := context.WithTimeout(ctx, g.cfg.Limit)
	results, err := g.cfg.Do(within, values)
	cancel()
	if err == nil && len(results) != len(calls) {
		err = fmt.Errorf("batch: %d results for %d", len(results), len(calls))
	}
	if err != nil && len(calls) > 1 && g.cfg.Apart != nil && g.cfg.Apart(err) {
		half := len(calls) / 2
		g.run(ctx, calls[:half])
		g.run(ctx, calls[half:])
		return
	}
	for i, c := range calls {
		if c.err = err; err == nil {
			c.result = results[i]
		}
	}
}
