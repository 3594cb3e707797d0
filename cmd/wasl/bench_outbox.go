package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/bench"
	"github.com/wasl-sms/wasl/internal/gateway"
	"github.com/wasl-sms/wasl/internal/localdb"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/run"
	"github.com/wasl-sms/wasl/internal/text"
)

// benchOutbox measures what a backlog takes: texts that are committed before
// the binds are made, until the operator's answer to the last one is stored.
type benchOutbox struct {
	Texts   int  `default:"100000" help:"Texts in all."`
	Binds   int  `default:"2" help:"Binds of the one operator."`
	Window  int  `default:"100" help:"Window of each bind."`
	History int  `default:"0" help:"Delivered texts of the last twelve months that lie in the database beforehand."`
	Kannel  bool `help:"Measure Kannel in turn, with a store in files, against the same peer. Needs bearerbox and smsbox."`
	Rounds  int  `default:"1" help:"How often it is repeated, on the same database."`
}

func (o benchOutbox) Run(ctx context.Context, s *Settings, c *benchCmd, log *slog.Logger) (err error) {
	dir, err := os.MkdirTemp("", "wasl-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	st, err := o.stores(ctx, *s, dir, log)
	if err != nil {
		return err
	}
	defer st.Close()
	if o.History > 0 {
		began := time.Now()
		if err := bench.FillHistory(ctx, st.db, o.History); err != nil {
			return err
		}
		fmt.Printf("history: %d delivered texts in %v\n", o.History, time.Since(began).Round(time.Second))
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	peer, stop, err := startPeer(exec.CommandContext(ctx, self, "bench", "peer"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	for range o.Rounds {
		if err := o.round(ctx, *s, c, st, dir, peer, log); err != nil {
			return err
		}
		if o.Kannel {
			report, err := bench.Kannel(ctx, o.Texts, o.Binds, o.Window)
			if err != nil {
				return err
			}
			fmt.Println(report)
		}
	}
	return nil
}

// stores opens a durable database of its own. What it sets is what anybody
// would set for such a load; flushes are on.
func (o benchOutbox) stores(ctx context.Context, s Settings, dir string, log *slog.Logger) (*stores, error) {
	if s.DatabaseURL != "" || s.RedisURL != "" {
		return nil, errors.New("bench fills its database: unset WASL_DATABASE_URL and WASL_REDIS_URL, and it works on servers of its own")
	}
	pg, err := localdb.StartPostgres(ctx, dir+"/postgres", localdb.Options{Log: log, Settings: []string{
		"shared_buffers=512MB", "max_wal_size=4GB", "wal_level=minimal", "max_wal_senders=0",
	}})
	if err != nil {
		return nil, err
	}
	s.DataDir = dir
	st, err := openStores(ctx, &s, log)
	if err != nil {
		pg.Stop()
		return nil, err
	}
	st.close = append([]func(){pg.Stop}, st.close...)
	if err := st.openSessions(ctx, &s, log); err != nil {
		st.Close()
		return nil, err
	}
	return st, nil
}

func (o benchOutbox) round(ctx context.Context, s Settings, c *benchCmd, st *stores, dir, peer string, log *slog.Logger) error {
	s.DataDir, s.HTTPAddr = dir, "127.0.0.1:0"
	file := "[[operator]]\nname = \"bench\"\nshort_codes = [\"3690\"]\n" +
		strings.Repeat(fmt.Sprintf("[[operator.bind]]\naddress = %q\nwindow = %d\n", peer, o.Window), o.Binds)
	operators, err := gateway.ParseOperators(file, dir)
	if err != nil {
		return err
	}
	p, err := newProcess(ctx, &s, st, gateway.Fixed(operators), []string{"gateway"}, nil, time.Now, log)
	if err != nil {
		return err
	}
	enqueued, err := o.enqueue(ctx, p.app, st)
	if err != nil {
		return err
	}
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	before, memory := bench.SpentCPU(), bench.Resident()
	var took time.Duration
	var failed error
	measure := run.Component{Name: "measurement", Run: func(ctx context.Context) error {
		defer cancel()
		failed = c.profiled(func() error {
			began := time.Now()
			err := bench.Settled(ctx, st.db)
			took = time.Since(began)
			return err
		})
		return nil
	}}
	err = (&run.Group{Log: log, Patience: 20 * time.Second}).Run(running, append(p.components, measure)...)
	if err := errors.Join(failed, err); err != nil {
		return err
	}
	size, err := bench.DatabaseSize(ctx, st.db)
	if err != nil {
		return err
	}
	fmt.Printf("outbox: %d texts, %d binds, window %d: %.0f per second from commit to stored answer (written and committed at %.0f per second)\n"+
		"  %s\n  memory of the program %d → %d MB, database %d MB\n",
		o.Texts, o.Binds, o.Window, float64(o.Texts)/took.Seconds(), float64(o.Texts)/enqueued.Seconds(),
		bench.CPU{}.Add(before, bench.SpentCPU()).Each(o.Texts), memory>>20, bench.Resident()>>20, size>>20)
	return nil
}

// enqueue commits the backlog, a few thousand texts at a time.
func (o benchOutbox) enqueue(ctx context.Context, a *app, st *stores) (time.Duration, error) {
	const batch = 5000
	began := time.Now()
	for at := 0; at < o.Texts; at += batch {
		list := make([]message.Outbound, min(batch, o.Texts-at))
		for k := range list {
			list[k] = message.Outbound{
				To: private.StoredMsisdn(fmt.Sprintf("+2126%08d", at+k)), Lang: text.French, Class: message.Information,
				Line: text.L("permit.received", text.Params{"ref": text.Ref("48213377"), "due": time.Now()}),
			}
		}
		err := st.db.InTx(ctx, func(ctx context.Context, tx pgx.Tx) error { return a.outbox.Enqueue(ctx, tx, list) })
		if err != nil {
			return 0, err
		}
	}
	return time.Since(began), nil
}
