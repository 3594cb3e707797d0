// Package batch lets calls that come at once go together: while one batch is
// under way, those that come wait, and the next takes them all. Alone, a call
// goes at once. Many who each want a commit share one, and nobody waits for a
// batch to fill.
package batch

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
// goroutine: one of those in a batch runs it for all.
type Group[T, R any] struct {
	cfg Config[T, R]

	mu      sync.Mutex
	waiting []*call[T, R]
	running int // batches under way
}

type call[T, R any] struct {
	value  T
	result R
	err    error
	wake   chan []*call[T, R] // what to run for all; nil: there is a result
}

// New makes a Group.
func New[T, R any](cfg Config[T, R]) *Group[T, R] {
	if cfg.Most <= 0 {
		cfg.Most = 256
	}
	if cfg.AtOnce <= 0 {
		cfg.AtOnce = 1
	}
	if cfg.Limit <= 0 {
		cfg.Limit = 5 * time.Second
	}
	return &Group[T, R]{cfg: cfg}
}

// Do adds v to the next batch and waits for its result. When ctx ends first,
// v may have been done or not.
func (g *Group[T, R]) Do(ctx context.Context, v T) (R, error) {
	c := &call[T, R]{value: v, wake: make(chan []*call[T, R], 1)}
	mine := g.join(c)
	if mine == nil {
		select {
		case mine = <-c.wake:
		case <-ctx.Done():
			if mine = g.leave(c); mine == nil {
				var none R
				return none, fmt.Errorf("wait for the batch: %w", ctx.Err())
			}
		}
	}
	if mine != nil {
		g.lead(context.WithoutCancel(ctx), mine)
	}
	return c.result, c.err
}

// join gives c its batch when nothing keeps it from going at once.
func (g *Group[T, R]) join(c *call[T, R]) []*call[T, R] {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = append(g.waiting, c)
	if g.running == g.cfg.AtOnce {
		return nil
	}
	g.running++
	return g.take()
}

func (g *Group[T, R]) take() []*call[T, R] {
	n := min(len(g.waiting), g.cfg.Most)
	batch := slices.Clone(g.waiting[:n])
	clear(g.waiting[:n])
	if g.waiting = g.waiting[n:]; len(g.waiting) == 0 {
		g.waiting = nil
	}
	return batch
}

// leave takes c out, unless it has been chosen to run a batch: then it gives
// that.
func (g *Group[T, R]) leave(c *call[T, R]) []*call[T, R] {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = slices.DeleteFunc(g.waiting, func(w *call[T, R]) bool { return w == c })
	select {
	case batch := <-c.wake:
		return batch
	default:
		return nil
	}
}

// lead runs a batch, has the next one run and wakes the others of its own.
func (g *Group[T, R]) lead(ctx context.Context, batch []*call[T, R]) {
	defer func() {
		g.next()
		for _, c := range batch[1:] {
			c.wake <- nil
		}
	}()
	g.run(ctx, batch)
}

func (g *Group[T, R]) next() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		g.running--
		return
	}
	batch := g.take()
	batch[0].wake <- batch
}

var errPanic = errors.New("batch: what was to be done has panicked")

func (g *Group[T, R]) run(ctx context.Context, batch []*call[T, R]) {
	values := make([]T, len(batch))
	for i, c := range batch {
		values[i], c.err = c.value, errPanic
	}
	within, cancel := context.WithTimeout(ctx, g.cfg.Limit)
	results, err := g.cfg.Do(within, values)
	cancel()
	if err == nil && len(results) != len(batch) {
		err = fmt.Errorf("batch: %d results for %d", len(results), len(batch))
	}
	if err != nil && len(batch) > 1 && g.cfg.Apart != nil && g.cfg.Apart(err) {
		half := len(batch) / 2
		g.run(ctx, batch[:half])
		g.run(ctx, batch[half:])
		return
	}
	for i, c := range batch {
		if c.err = err; err == nil {
			c.result = results[i]
		}
	}
}
