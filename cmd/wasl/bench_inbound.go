package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/wasl-sms/wasl/internal/bench"
)

type benchInbound struct {
	Texts  int `default:"5000" help:"Texts in all."`
	Window int `default:"100" help:"Texts that the operator has unanswered at once."`
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
