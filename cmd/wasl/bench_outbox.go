package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/text"
)

type benchOutbox struct {
	Texts  int `default:"20000" help:"Texts in all."`
	Window int `default:"100" help:"Window of the bind."`
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
