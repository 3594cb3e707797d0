package run_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/wasl-sms/wasl/internal/run"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// diary notes what happens in which order.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) note(s string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, s)
}

func (d *diary) want(t *testing.T, want ...string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Equal(d.lines, want) {
		t.Errorf("got  %v\nwant %v", d.lines, want)
	}
}

func (d *diary) component(name string) run.Component {
	return run.Component{
		Name:  name,
		Start: func(context.Context) error { d.note("start " + name); return nil },
		Run:   func(ctx context.Context) error { <-ctx.Done(); d.note("end " + name); return nil },
		Stop:  func(context.Context) error { d.note("stop " + name); return nil },
	}
}

func TestStartsInOrderAndStopsInReverse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var d diary
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := new(run.Group).Run(ctx, d.component("a"), run.Component{Name: "nothing"}, d.component("b")); err != nil {
			t.Error(err)
		}
		d.want(t, "start a", "start b", "stop b", "end b", "stop a", "end a")
	})
}

func TestFailedStartStopsWhatIsUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var d diary
		no := errors.New("no")
		bad := d.component("bad")
		bad.Start = func(context.Context) error { return no }
		err := new(run.Group).Run(t.Context(), d.component("a"), bad, d.component("b"))
		if !errors.Is(err, no) || err.Error() != "start bad: no" {
			t.Error(err)
		}
		d.want(t, "start a", "stop a", "end a")
	})
}

func TestOneThatEndsStopsAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, result := range []error{nil, errors.New("lost")} {
			var d diary
			short := run.Component{Name: "short", Run: func(context.Context) error { time.Sleep(time.Hour); return result }}
			err := new(run.Group).Run(t.Context(), d.component("a"), short)
			if err == nil || !strings.HasPrefix(err.Error(), "short: ") || result != nil && !errors.Is(err, result) {
				t.Error(err)
			}
			d.want(t, "start a", "stop a", "end a")
		}
	})
}

func TestErrorsOfStoppingAreAllTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		one, two := errors.New("one"), errors.New("two")
		err := new(run.Group).Run(ctx,
			run.Component{Name: "1", Stop: func(context.Context) error { return one }},
			run.Component{Name: "2", Stop: func(context.Context) error { return two }})
		if !errors.Is(err, one) || !errors.Is(err, two) {
			t.Error(err)
		}
	})
}

func TestStuckComponentIsNamed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		release := make(chan struct{})
		begin := time.Now()
		err := (&run.Group{Patience: 20 * time.Second}).Run(ctx, run.Component{
			Name: "deaf",
			Run:  func(context.Context) error { <-release; return nil },
		})
		stuck, ok := errors.AsType[*run.StuckError](err)
		if !ok || stuck.Component != "deaf" || !strings.Contains(string(stuck.Stacks), "run_test.go") {
			t.Error(err)
		}
		if d := time.Since(begin); d > time.Minute+22*time.Second {
			t.Errorf("waited %v", d) // of the bubble's time
		}
		close(release)
	})
}

const stuck = "WASL_TEST_STUCK"

// TestStuck is the process that TestUntilSignal ends: it never does so by itself.
func TestStuck(t *testing.T) {
	t.Parallel()
	if os.Getenv(stuck) == "" {
		return
	}
	ctx, stop := run.UntilSignal(t.Context())
	defer stop()
	fmt.Println("runs")
	<-ctx.Done()
	fmt.Println("stops")
	<-t.Context().Done()
}

// The first signal ends the context, a second one a process that is stuck.
func TestUntilSignal(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestStuck$")
	cmd.Env = append(os.Environ(), stuck+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for _, want := range []string{"runs", "stops"} {
		if !lines.Scan() || lines.Text() != want {
			t.Fatalf("it says %q, not %q: %v", lines.Text(), want, lines.Err())
		}
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended is asked of the ProcessState
		close(ended)
	}()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for ends := false; !ends; {
		select {
		case <-ended:
			ends = true
		case <-again.C: // the one before may have come a moment too early
			_ = cmd.Process.Signal(syscall.SIGTERM)
		}
	}
	if s, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || s.Signal() != syscall.SIGTERM {
		t.Errorf("ended as %v", cmd.ProcessState)
	}
}
