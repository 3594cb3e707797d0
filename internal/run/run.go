// Package run starts the parts of a process in order and stops them in
// reverse. Every part ends before the process does, or is named.
package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Component is one part of the process. Any of its functions may be nil.
type Component struct {
	Name string
	// Start returns when those that start later can rely on the part.
	Start func(ctx context.Context) error
	// Run works until ctx ends. If it returns before, the process stops.
	Run func(ctx context.Context) error
	// Stop takes nothing new, finishes what is begun and returns. Run's
	// context ends after that. ctx ends when patience does.
	Stop func(ctx context.Context) error
}

// Group runs components.
type Group struct {
	Log *slog.Logger
	// Patience is how long stopping may take in all; 15 s if zero.
	Patience time.Duration
}

// StuckError names a component that did not stop. Its goroutines still run:
// the process should end now.
type StuckError struct {
	Component string
	Stacks    []byte // of all goroutines
}

func (e *StuckError) Error() string { return e.Component + " did not stop in time" }

type running struct {
	Component
	cancel context.CancelFunc
	done   chan struct{}
	err    error
}

// Run starts the components in order, waits until ctx ends or one of them
// does, and stops them in reverse, one after the other. It returns the error
// that made it stop, if it was not ctx, joined with those of stopping.
func (g *Group) Run(ctx context.Context, components ...Component) error {
	patience := g.Patience
	if patience == 0 {
		patience = 15 * time.Second
	}
	ended := make(chan *running, len(components))
	var up []*running
	var cause error
	for _, c := range components {
		if cause = start(ctx, c); cause != nil {
			break
		}
		up = append(up, watch(ctx, c, ended))
		g.log().LogAttrs(ctx, slog.LevelDebug, "started", slog.String("component", c.Name))
	}
	if cause == nil {
		select {
		case <-ctx.Done():
		case r := <-ended:
			if cause = r.err; cause == nil {
				cause = errors.New("ended by itself")
			}
			cause = fmt.Errorf("%s: %w", r.Name, cause)
		}
	}
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	return errors.Join(cause, g.stop(deadline, up))
}

func start(ctx context.Context, c Component) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("before %s: %w", c.Name, err)
	}
	if c.Start == nil {
		return nil
	}
	if err := c.Start(ctx); err != nil {
		return fmt.Errorf("start %s: %w", c.Name, err)
	}
	return nil
}

// watch runs the component under a context that only stop ends: a signal must
// not cut the work that Stop is there to finish.
func watch(ctx context.Context, c Component, ended chan<- *running) *running {
	r := &running{Component: c, done: make(chan struct{})}
	ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if c.Run == nil {
		close(r.done)
		return r
	}
	go func() {
		r.err = c.Run(ctx)
		close(r.done)
		ended <- r
	}()
	return r
}

func (g *Group) stop(ctx context.Context, up []*running) error {
	var errs []error
	for i, r := range slices.Backward(up) {
		stopped := make(chan error, 1)
		go func() {
			var err error
			if r.Stop != nil {
				err = r.Stop(ctx)
			}
			r.cancel()
			<-r.done
			stopped <- err
		}()
		select {
		case err := <-stopped:
			if err != nil {
				errs = append(errs, fmt.Errorf("stop %s: %w", r.Name, err))
			}
			g.log().LogAttrs(ctx, slog.LevelDebug, "stopped", slog.String("component", r.Name))
		case <-afterDone(ctx, time.Second):
			for _, later := range up[:i+1] {
				later.cancel()
			}
			stacks := make([]byte, 1<<20)
			return errors.Join(append(errs, &StuckError{r.Name, stacks[:runtime.Stack(stacks, true)]})...)
		}
	}
	return errors.Join(errs...)
}

// afterDone fires some grace after ctx has ended, so that a Stop which heeds
// its context can return.
func afterDone(ctx context.Context, grace time.Duration) <-chan time.Time {
	deadline, _ := ctx.Deadline()
	return time.After(time.Until(deadline) + grace)
}

func (g *Group) log() *slog.Logger {
	if g.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return g.Log
}

// UntilSignal returns a context that ends at the first SIGINT or SIGTERM. A
// second one ends the process as if nobody listened.
func UntilSignal(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, sync.OnceFunc(stop))
	return ctx, stop
}
