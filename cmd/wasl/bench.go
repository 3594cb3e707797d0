package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/bench"
	"github.com/wasl-sms/wasl/internal/gateway"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/run"
	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/internal/web"
	"github.com/wasl-sms/wasl/smpp"
)

// benchCmd measures the whole program on this machine, with a database, a
// Redis and an operator of its own, and leaves nothing behind.
type benchCmd struct {
	USSD    benchUSSD    `cmd:"" name:"ussd" help:"Steps of dialogues: dial, PIN, menu, appointments to choose from."`
	Inbound benchInbound `cmd:"" help:"Texts that come in, until the answer to each is submitted."`
	Outbox  benchOutbox  `cmd:"" help:"Texts that go out, from their commit until the operator's answer is stored."`

	CPUProfile string `name:"cpuprofile" placeholder:"FILE" help:"Write a CPU profile of the measured part."`
}

type benchUSSD struct {
	Phones    int           `default:"50" help:"Phones at once."`
	Dialogues int           `default:"1000" help:"Dialogues in all, of eight steps each."`
	Think     time.Duration `default:"250ms" help:"How long a person takes between steps; half as much to half as much again."`
}

type benchInbound struct {
	Texts  int `default:"5000" help:"Texts in all."`
	Window int `default:"100" help:"Texts that the operator has unanswered at once."`
}

type benchOutbox struct {
	Texts  int `default:"20000" help:"Texts in all."`
	Window int `default:"100" help:"Window of the bind."`
}

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
		"[[operator.bind]]\naddress = %q\nwindow = %d\n", dialCode, b.centre.Addr(), window), dir)
	if err != nil {
		return err
	}
	b.process, err = newProcess(ctx, &s, st, operators, roles, func(ctx context.Context, a *app) ([]web.Sample, error) {
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

func (u benchUSSD) Run(ctx context.Context, s *Settings, c *benchCmd, log *slog.Logger) error {
	const perHour = 8 // below what a number may dial
	families := max(u.Phones, (u.Dialogues+perHour-1)/perHour)
	return c.on(ctx, *s, log, 100, families, func(ctx context.Context, b *bed) error {
		steps := []struct{ name, input string }{
			{"dial", dialCode},
			{"PIN", benchPIN},
			{"appointments", "1"},
			{"back", "0"},
			{"appointments", "1"},
			{"back", "0"},
			{"appointments", "1"},
			{"back", "0"},
		}
		times := map[string]*bench.Times{"dial": {}, "PIN": {}, "appointments": {}, "back": {}}
		var all, but bench.Times
		var late atomic.Int64
		phones := make(chan *bench.Phone, families)
		for _, n := range b.people {
			phones <- b.centre.Phone(b.link, n.Raw()[1:])
		}
		began := time.Now()
		err := many(ctx, u.Phones, u.Dialogues, func(ctx context.Context, _ int) error {
			p := <-phones
			defer func() { phones <- p }()
			for _, step := range steps {
				if err := pause(ctx, u.Think/2+rand.N(u.Think+1)); err != nil {
					return err
				}
				key := p.Answer
				if step.input == dialCode {
					key = p.Dial
				}
				at := time.Now()
				page, err := key(ctx, step.input)
				if err != nil {
					return err
				}
				took := time.Since(at)
				times[step.name].Add(took)
				all.Add(took)
				if step.name != "PIN" {
					but.Add(took)
				}
				if page.End { // an apology
					late.Add(1)
					return nil
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		rate := float64(all.Count()) / time.Since(began).Seconds()
		fmt.Printf("ussd: %d phones, about %v between steps, %d dialogues: %.0f steps per second, %v; but for PIN checks %v; %d apologies\n",
			u.Phones, u.Think, u.Dialogues, rate, &all, &but, late.Load())
		for _, name := range []string{"dial", "PIN", "appointments", "back"} {
			fmt.Printf("  %-14s %v\n", name, times[name])
		}
		return nil
	})
}

func (i benchInbound) Run(ctx context.Context, s *Settings, c *benchCmd, log *slog.Logger) error {
	wordings := []string{"SUIVI ", "suivi ", "ETAT ", "etat ", "HALA ", "hala ", "7ALA ", "7ala "}
	families := max(i.Window, (i.Texts+len(wordings)-1)/len(wordings)+i.Window)
	return c.on(ctx, *s, log, i.Window, families, func(ctx context.Context, b *bed) error {
		type sender struct{ person, sent int }
		senders := make(chan sender, families)
		for p := range b.people {
			senders <- sender{person: p}
		}
		var acked, answered bench.Times
		began := time.Now()
		err := many(ctx, i.Window, i.Texts, func(ctx context.Context, n int) error {
			w := <-senders
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			a, d, err := b.centre.Text(ctx, b.link, b.people[w.person].Raw()[1:], "3690", wordings[w.sent%len(wordings)]+b.refs[w.person])
			acked.Add(a)
			answered.Add(d)
			w.sent++
			senders <- w
			return err
		})
		if err != nil {
			return err
		}
		rate := float64(i.Texts) / time.Since(began).Seconds()
		fmt.Printf("inbound: %d texts, %d at once: %.0f per second; acknowledged after commit %v; answer submitted %v\n",
			i.Texts, i.Window, rate, &acked, &answered)
		return nil
	})
}

func (o benchOutbox) Run(ctx context.Context, s *Settings, c *benchCmd, log *slog.Logger) error {
	return c.on(ctx, *s, log, o.Window, 0, func(ctx context.Context, b *bed) error {
		before := b.centre.Taken()
		began := time.Now()
		var committed time.Duration
		err := b.st.db.InTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
			const batch = 500
			for at := 0; at < o.Texts; at += batch {
				list := make([]message.Outbound, min(batch, o.Texts-at))
				for k := range list {
					list[k] = message.Outbound{
						To: private.StoredMsisdn(fmt.Sprintf("+2126%08d", at+k)), Lang: text.French, Class: message.Information,
						Line: text.L("permit.received", text.Params{"ref": text.Ref("48213377"), "due": time.Now()}),
					}
				}
				if err := b.app.outbox.Enqueue(ctx, tx, list); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		committed = time.Since(began)
		if err := b.quiet(ctx, before+int64(o.Texts)); err != nil {
			return err
		}
		took := time.Since(began) - committed
		fmt.Printf("outbox: %d texts through one bind with a window of %d: %.0f per second from commit to stored answer (written and committed at %.0f per second)\n",
			o.Texts, o.Window, float64(o.Texts)/took.Seconds(), float64(o.Texts)/committed.Seconds())
		return nil
	})
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
