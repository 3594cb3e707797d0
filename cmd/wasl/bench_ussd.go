package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/wasl-sms/wasl/internal/bench"
)

type benchUSSD struct {
	Phones    []int         `default:"1,50,200" help:"Phones at once, one round each."`
	Dialogues int           `default:"200" help:"Dialogues in each round; with one phone, a tenth of it."`
	Visits    int           `default:"3" help:"How often in a dialogue a family goes from the menu to its appointments and back."`
	Think     time.Duration `default:"250ms" help:"How long a person takes between steps; half as much to half as much again."`
}

func (u benchUSSD) Run(ctx context.Context, s *Settings, c *benchCmd, log *slog.Logger) error {
	const perHour = 8 // below what a number may dial
	families := max(slices.Max(u.Phones), (u.Dialogues*len(u.Phones)+perHour-1)/perHour)
	return c.on(ctx, *s, log, slices.Max(u.Phones)+100, families, func(ctx context.Context, b *bed) error {
		phones := make(chan *bench.Phone, families)
		for _, n := range b.people {
			phones <- b.centre.Phone(b.link, n.Raw()[1:])
		}
		for _, n := range u.Phones {
			if err := u.round(ctx, n, phones); err != nil {
				return err
			}
		}
		return nil
	})
}

// errand is one dialogue.
func (u benchUSSD) errand() []struct{ name, input string } {
	type step = struct{ name, input string }
	all := []step{{"dial", dialCode}, {"PIN", benchPIN}}
	for range u.Visits {
		all = append(all, step{"appointments", "1"}, step{"back", "0"})
	}
	return all
}

// round times so many phones at once, all steps and all but those that check a
// PIN: the time for that is spent on purpose.
func (u benchUSSD) round(ctx context.Context, atOnce int, phones chan *bench.Phone) error {
	dialogues := u.Dialogues
	if atOnce == 1 {
		dialogues = max(1, dialogues/10)
	}
	names := []string{"dial", "PIN", "appointments", "back"}
	times := map[string]*bench.Times{}
	for _, name := range names {
		times[name] = &bench.Times{}
	}
	var all, but bench.Times
	var late, inPIN atomic.Int64
	began, cpu := time.Now(), bench.SpentCPU()
	err := many(ctx, atOnce, dialogues, func(ctx context.Context, _ int) error {
		p := <-phones
		defer func() { phones <- p }()
		for _, step := range u.errand() {
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
			if step.name == "PIN" {
				inPIN.Add(int64(took))
			} else {
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
	took := time.Since(began)
	fmt.Printf("ussd: %d phones, about %v between steps, %d dialogues: %.0f steps per second, %v; but for PIN checks %v; %d apologies\n",
		atOnce, u.Think, dialogues, float64(all.Count())/took.Seconds(), &all, &but, late.Load())
	fmt.Printf("  %s\n", bench.SpentCPU().Since(cpu, all.Count()))
	for _, name := range names {
		fmt.Printf("  %-14s %v\n", name, times[name])
	}
	if left := took - time.Duration(inPIN.Load()/int64(atOnce)); u.Think == 0 && left > 0 {
		fmt.Printf("  %-14s %.0f steps per second, of the time that the phones did not wait for a PIN check\n", "without PIN", float64(but.Count())/left.Seconds())
	}
	return nil
}
