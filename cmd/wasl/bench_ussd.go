package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"github.com/wasl-sms/wasl/internal/bench"
)

type benchUSSD struct {
	Phones    []int         `default:"1,50,200" help:"Phones at once, one round each."`
	Dialogues int           `default:"200" help:"Dialogues in each round; with one phone, a tenth of it."`
	Visits    int           `default:"20" help:"How often in a dialogue a family goes from the menu to its appointments and back, 28 at most."`
	Think     time.Duration `default:"0s" help:"How long a person takes between steps; half as much to half as much again."`
	Over      string        `enum:"smpp,http" default:"smpp" help:"How steps come in: over SMPP, or over HTTP as from Africa's Talking."`
	Opening   int           `default:"2" help:"Phones that dial and key their PIN at once, before the others follow."`
}

func (u benchUSSD) Run(ctx context.Context, s *Settings, c *benchCmd, log *slog.Logger) error {
	const perHour = 8 // below what a number may dial
	most := slices.Max(u.Phones)
	families := max(most, (max(u.Dialogues, most)*len(u.Phones)+perHour-1)/perHour)
	return c.on(ctx, *s, log, most+100, families, func(ctx context.Context, b *bed) error {
		talking := bench.NewAfricasTalking(fmt.Sprintf("http://%s/ussd/bench?key=%s", b.web.ln.Addr(), url.QueryEscape(benchSecret)), most)
		defer talking.Close()
		phones := u.keypads(b, talking)
		for _, n := range u.Phones {
			r := &ussdRound{benchUSSD: u, atOnce: n, names: []string{"dial", "PIN", "appointments", "back"}, times: map[string]*bench.Times{}}
			for _, name := range r.names {
				r.times[name] = &bench.Times{}
			}
			dialogues := u.Dialogues
			if n == 1 {
				dialogues = max(1, dialogues/10)
			}
			for range max(1, dialogues/n) {
				if err := r.run(ctx, phones[:n]); err != nil {
					return err
				}
				phones = append(phones[n:], phones[:n]...)
			}
			r.report()
		}
		return nil
	})
}

// keypad is a handset in one pair of hands, wherever its steps go by.
type keypad interface {
	Dial(ctx context.Context, code string) (bench.Page, error)
	Answer(ctx context.Context, input string) (bench.Page, error)
}

// keypads gives each family a phone.
func (u benchUSSD) keypads(b *bed, talking *bench.AfricasTalking) (phones []keypad) {
	for _, n := range b.people {
		if u.Over == "http" {
			phones = append(phones, talking.Phone(n.Raw()[1:]))
		} else {
			phones = append(phones, b.centre.Phone(b.link, n.Raw()[1:]))
		}
	}
	return phones
}

// ussdRound is what came of so many phones at once.
type ussdRound struct {
	benchUSSD
	atOnce    int
	names     []string
	times     map[string]*bench.Times
	steps     bench.Times // but for dials and PINs
	took      time.Duration
	cpu       bench.CPU
	apologies atomic.Int64
}

// run opens a dialogue on each phone, a few at once, for the processor time of
// a PIN check is spent on purpose; then all go their ways at once.
func (r *ussdRound) run(ctx context.Context, phones []keypad) error {
	err := many(ctx, min(r.Opening, len(phones)), len(phones), func(ctx context.Context, i int) error {
		if ended, err := r.step(ctx, phones[i], "dial", dialCode); err != nil || ended {
			return err
		}
		_, err := r.step(ctx, phones[i], "PIN", benchPIN)
		return err
	})
	if err != nil {
		return err
	}
	began, cpu := time.Now(), bench.SpentCPU()
	err = many(ctx, len(phones), len(phones), func(ctx context.Context, i int) error {
		for range r.Visits {
			for _, step := range []struct{ name, input string }{{"appointments", "1"}, {"back", "0"}} {
				if err := pause(ctx, r.Think/2+rand.N(r.Think+1)); err != nil {
					return err
				}
				if ended, err := r.step(ctx, phones[i], step.name, step.input); err != nil || ended {
					return err
				}
			}
		}
		return nil
	})
	r.took += time.Since(began)
	r.cpu = r.cpu.Add(cpu, bench.SpentCPU())
	return err
}

func (r *ussdRound) step(ctx context.Context, p keypad, name, input string) (ended bool, err error) {
	key := p.Answer
	if input == dialCode {
		key = p.Dial
	}
	at := time.Now()
	page, err := key(ctx, input)
	if err != nil {
		return false, err
	}
	took := time.Since(at)
	r.times[name].Add(took)
	if name == "appointments" || name == "back" {
		r.steps.Add(took)
	}
	if page.End { // an apology
		r.apologies.Add(1)
	}
	return page.End, nil
}

func (r *ussdRound) report() {
	fmt.Printf("ussd over %s: %3d phones, about %v between steps: %5.0f steps per second, %v; %d apologies; %s\n",
		r.Over, r.atOnce, r.Think, float64(r.steps.Count())/r.took.Seconds(), &r.steps, r.apologies.Load(), r.cpu.Each(r.steps.Count()))
	for _, name := range r.names {
		fmt.Printf("  %-14s %v\n", name, r.times[name])
	}
}
