package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/pprof"
	"sync"
	"time"

	"github.com/wasl-sms/wasl/internal/bench"
	"github.com/wasl-sms/wasl/internal/gateway"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/run"
	"github.com/wasl-sms/wasl/internal/web"
	"github.com/wasl-sms/wasl/smpp"
)

// benchCmd measures the whole program on this machine, with a database, a
// Redis and an operator of its own, and leaves nothing behind.
type benchCmd struct {
	USSD    benchUSSD    `cmd:"" name:"ussd" help:"Steps of dialogues: dial, PIN, menu, appointments to choose from."`
	Inbound benchInbound `cmd:"" help:"Texts that come in, until the answer to each is submitted."`
	Outbox  benchOutbox  `cmd:"" help:"Texts that go out, from their commit until the operator's answer is stored."`
	SMPP    benchSMPP    `cmd:"" name:"smpp" help:"SMPP sessions alone: submits per second and CPU time of each, by window."`
	Peer    benchPeer    `cmd:"" hidden:""`

	CPUProfile string `name:"cpuprofile" placeholder:"FILE" help:"Write a CPU profile of the measured part."`
}

const benchSecret = "not a secret: the server ends with the measurement"

// bed is the program under measurement with its operator.
type bed struct {
	*process
	st     *stores
	centre *bench.Centre
	link   *smpp.Session
	people []private.Msisdn
	refs   []string // of their requests
}

// on runs what is measured on a fresh program that knows so many families.
func (c *benchCmd) on(ctx context.Context, s Settings, log *slog.Logger, window, families int, measure func(context.Context, *bed) error) (err error) {
	if s.DatabaseURL != "" || s.RedisURL != "" {
		return errors.New("bench fills its database and Redis: unset WASL_DATABASE_URL and WASL_REDIS_URL, and it works on servers of its own")
	}
	dir, err := os.MkdirTemp("", "wasl-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s.DataDir, s.HTTPAddr = dir, "127.0.0.1:0"
	st, err := openStores(ctx, &s, log)
	if err != nil {
		return err
	}
	defer st.Close()
	if err := st.openSessions(ctx, &s, log); err != nil {
		return err
	}
	b := &bed{st: st}
	if b.centre, err = bench.Listen(ctx); err != nil {
		return err
	}
	operators, err := gateway.ParseOperators(fmt.Sprintf("[[operator]]\nname = \"bench\"\nshort_codes = [\"3690\"]\nussd_codes = [%q]\n"+
		"[operator.http]\nformat = \"africastalking\"\nsecret = %q\nallow = [\"127.0.0.1/32\"]\nper_phone = 1e6\nat_once = 100000\n"+
		"[[operator.bind]]\naddress = %q\nwindow = %d\n", dialCode, benchSecret, b.centre.Addr(), window), dir)
	if err != nil {
		return err
	}
	b.process, err = newProcess(ctx, &s, st, gateway.Fixed(operators), roles, func(ctx context.Context, a *app) ([]web.Sample, error) {
		return a.sample(ctx, st, time.Now())
	}, time.Now, log)
	if err != nil {
		return err
	}
	if err := b.settle(ctx, families); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	parts := append([]run.Component{{Name: "operator", Run: func(ctx context.Context) error { return b.centre.Serve(ctx, max(window, 100)) }}}, b.components...)
	var failed error
	parts = append(parts, run.Component{Name: "measurement", Run: func(ctx context.Context) error {
		defer cancel()
		failed = c.measured(ctx, b, measure)
		return nil
	}})
	err = (&run.Group{Log: log, Patience: 20 * time.Second}).Run(ctx, parts...)
	return errors.Join(failed, err)
}

// measured waits for the bind and for all that settling has caused.
func (c *benchCmd) measured(ctx context.Context, b *bed, measure func(context.Context, *bed) error) (err error) {
	if b.link, err = b.centre.Bound(ctx); err != nil {
		return err
	}
	if err := b.quiet(ctx, 0); err != nil {
		return err
	}
	return c.profiled(func() error { return measure(ctx, b) })
}

func (c *benchCmd) profiled(do func() error) error {
	if c.CPUProfile == "" {
		return do()
	}
	f, err := os.Create(c.CPUProfile)
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return errors.Join(err, f.Close())
	}
	err = do()
	pprof.StopCPUProfile()
	return errors.Join(err, f.Close())
}

// quiet waits until the operator has taken n texts and every answer is stored.
func (b *bed) quiet(ctx context.Context, n int64) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if b.centre.Taken() >= n {
			if left, err := bench.Unanswered(ctx, b.st.db); err != nil || left == 0 {
				return err
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// many does n pieces of work, so many at once; the first error ends it.
func many(ctx context.Context, atOnce, n int, do func(context.Context, int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work := make(chan int)
	var wg sync.WaitGroup
	for range atOnce {
		wg.Go(func() {
			for i := range work {
				if err := do(ctx, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	for i := range n {
		select {
		case work <- i:
		case <-ctx.Done():
		}
	}
	close(work)
	wg.Wait()
	return context.Cause(ctx)
}

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
