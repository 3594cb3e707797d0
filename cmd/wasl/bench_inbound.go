package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/wasl-sms/wasl/internal/bench"
)

type benchInbound struct {
	Texts   int   `default:"10000" help:"Texts in each round; with one at a time, a tenth of it."`
	Windows []int `default:"1,100,500" help:"Texts that the operator has unanswered at once, one round each."`
}

// warmUp is how many texts go before: each connection plans its statements once.
const warmUp = 2000

// Ways to ask for one thing: an operator repeats a text to the octet, so no two
// of one family within a few seconds may be alike.
func askings(ref string) []string {
	var all []string
	for _, end := range []string{"", ".", " ?"} {
		for _, word := range []string{"SUIVI ", "suivi ", "ETAT ", "etat ", "HALA ", "hala ", "7ALA ", "7ala "} {
			all = append(all, word+ref+end)
		}
	}
	return all
}

func (i benchInbound) Run(ctx context.Context, s *Settings, c *benchCmd, log *slog.Logger) error {
	most := slices.Max(i.Windows)
	families := 2*most + (i.Texts*len(i.Windows)+warmUp)/len(askings(""))
	return c.on(ctx, *s, log, most, families, func(ctx context.Context, b *bed) error {
		type sender struct{ person, sent int }
		senders := make(chan sender, families)
		for p := range b.people {
			senders <- sender{person: p}
		}
		var acked, answered bench.Times
		ask := func(ctx context.Context, _ int) error {
			w := <-senders
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			all := askings(b.refs[w.person])
			a, d, err := b.centre.Text(ctx, b.link, b.people[w.person].Raw()[1:], "3690", all[w.sent%len(all)])
			acked.Add(a)
			answered.Add(d)
			w.sent++
			senders <- w
			return err
		}
		if err := many(ctx, most, warmUp, ask); err != nil {
			return err
		}
		fmt.Printf("inbound: a family asks how its request stands, %d families\n", families)
		for _, window := range i.Windows {
			texts := i.Texts
			if window == 1 {
				texts /= 10
			}
			acked, answered = bench.Times{}, bench.Times{}
			began, cpu := time.Now(), bench.SpentCPU()
			if err := many(ctx, window, texts, ask); err != nil {
				return err
			}
			fmt.Printf("  %3d at once: %5.0f per second; acknowledged after commit %v; answer submitted %v; %s\n",
				window, float64(texts)/time.Since(began).Seconds(), &acked, &answered, bench.CPU{}.Add(cpu, bench.SpentCPU()).Each(texts))
		}
		return nil
	})
}
