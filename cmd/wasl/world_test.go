package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/dialog/dialogtest"
	"github.com/wasl-sms/wasl/internal/keys"
	"github.com/wasl-sms/wasl/internal/localdb/dbtest"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/run"
	"github.com/wasl-sms/wasl/internal/run/runtest"
	"github.com/wasl-sms/wasl/internal/smsc/smsctest"
)

// clock is real time plus what the test adds, so that a reminder need not be
// waited for.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead = time.Until(t)
}

// world is the whole program with its operator, on databases of the test's own.
type world struct {
	*demo
	st    *stores
	clock *clock
	http  *http.Client
}

// newWorld starts the demo as `wasl demo` would.
func newWorld(t *testing.T) *world {
	t.Helper()
	log := logOf(t)
	w := &world{clock: &clock{}, http: &http.Client{}}
	// The clock starts on a working morning, so that no test depends on the day it runs.
	w.clock.set(time.Date(2027, 3, 1, 9, 30, 0, 0, time.UTC))
	s := &Settings{HTTPAddr: "127.0.0.1:0", DataDir: t.TempDir(), RedisURL: dbtest.Redis(t)}
	s.Limits.Deadline = 15 * time.Second // what is said is tested here, on however slow a machine; how soon, elsewhere
	w.st = &stores{db: dbtest.DB(t, postgres.Options{}), keys: keys.New()}
	if err := w.st.openSessions(t.Context(), s, log); err != nil {
		t.Fatal(err)
	}
	var err error
	w.demo, err = newDemo(t.Context(), s, w.st, w.clock.now, log)
	if err != nil {
		t.Fatal(err)
	}
	stop := start(t, log, w.components)
	t.Cleanup(func() {
		stop()
		w.st.Close()
	})
	w.bound(t)
	return w
}

// start runs a process's components and waits until all have begun. stop ends
// them as a signal would.
func start(t *testing.T, log *slog.Logger, components []run.Component) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	started := make(chan struct{})
	ready := run.Component{Name: "ready", Start: func(context.Context) error { close(started); return nil }}
	go func() { done <- (&run.Group{Log: log}).Run(ctx, append(components, ready)...) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	select {
	case <-started:
	case err := <-done:
		cancel()
		t.Fatalf("start: %v", err)
	}
	return stop
}

// bound waits until the gateway has its bind.
func (w *world) bound(t *testing.T) {
	t.Helper()
	until(t, "the gateway is bound", func() bool { up, all := w.gateway.BindsUp(); return up == all })
}

// heard waits until a phone has had n texts.
func (w *world) heard(t *testing.T, number string, n int) {
	t.Helper()
	until(t, fmt.Sprintf("%d texts on %s", n, number), func() bool { return len(w.smsc.Inbox(number)) >= n })
}

// logOf shows the program's log in a verbose run.
func logOf(t *testing.T) *slog.Logger {
	t.Helper()
	if testing.Verbose() {
		return slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	return slog.New(slog.DiscardHandler)
}

// until waits for what another goroutine will bring about.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	runtest.Within(t, 20*time.Second, what, is)
}

func (w *world) phone(number string) dialogtest.Phone {
	return slow{smsctest.Phone(w.smsc, number, "3690"), w.clock}
}

// slow is a phone in a person's hands: nobody sends two texts within seconds,
// which is how an operator's echo is told from a second wish.
type slow struct {
	dialogtest.Phone
	clock *clock
}

func (s slow) Text(ctx context.Context, body string) error {
	s.clock.forward(5 * time.Second)
	return s.Phone.Text(ctx, body)
}
