// Package runtest helps tests with what goes on beside them.
package runtest

import (
	"context"
	"sync"
	"testing"
	"time"
)

const (
	patience = 15 * time.Second
	look     = 5 * time.Millisecond
)

// Eventually waits until ok, and fails the test when that takes too long.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	Within(t, patience, what, ok)
}

// Within is Eventually with a patience of the caller's own.
func Within(t testing.TB, patience time.Duration, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(look)
	defer tick.Stop()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not so in time: %s", what)
		}
	}
}

// Start runs fn beside the test until the test ends or stop is called, which
// waits for it. An error fails the test.
func Start(t testing.TB, fn func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- fn(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}
