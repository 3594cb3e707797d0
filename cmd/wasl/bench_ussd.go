package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/wasl-sms/wasl/internal/bench"
)

type benchUSSD struct {
	Phones    int           `default:"50" help:"Phones at once."`
	Dialogues int           `default:"1000" help:"Dialogues in all, of eight steps each."`
	Think     time.Duration `default:"250ms" help:"How long a person takes between steps; half as much to half as much again."`
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
