package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/localdb"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/seed"
	"github.com/wasl-sms/wasl/internal/services/visit"
	"github.com/wasl-sms/wasl/internal/text"
)

// offline opens the services for a command that sends nothing itself: texts it
// causes wait in the outbox for the service.
func offline(ctx context.Context, s *Settings, log *slog.Logger, do func(*stores, *app) error) error {
	st, err := openStores(ctx, s, log)
	if err != nil {
		return err
	}
	defer st.Close()
	operators, err := operatorsOf(s)
	if err != nil {
		return err
	}
	a, err := newApp(ctx, st, operators, s.Listen, time.Now, log)
	if err != nil {
		return err
	}
	return do(st, a)
}

type migrateCmd struct{}

func (migrateCmd) Run(ctx context.Context, s *Settings, log *slog.Logger) error {
	dsn := s.DatabaseURL
	if dsn == "" {
		pg, err := localdb.StartPostgres(ctx, filepath.Join(s.DataDir, "postgres"), localdb.Options{Log: log})
		if err != nil {
			return err
		}
		defer pg.Stop()
		dsn = pg.DSN
	}
	n, err := postgres.Migrate(ctx, dsn)
	if err != nil {
		return err
	}
	log.Info("schema is up to date", "applied", n)
	return nil
}

type seedCmd struct {
	Sample bool `required:"" help:"Made-up places, people held, timetables and staff, for a demo. Not for a database that serves families."`
}

func (seedCmd) Run(ctx context.Context, s *Settings, log *slog.Logger) error {
	return offline(ctx, s, log, func(st *stores, a *app) error {
		logins, err := a.sample(ctx, st, time.Now())
		if err != nil {
			return err
		}
		fmt.Printf("Sample logins (password %s):\n", seed.Password)
		for _, l := range logins {
			fmt.Printf("  %-8s %-14s authenticator %s  %s\n", l.Login, l.Role, l.Secret, l.Where)
		}
		return nil
	})
}

type importCmd struct {
	File   string `arg:"" type:"existingfile" help:"CSV with the columns source_key, event, at, detention_no and what the event needs."`
	Source string `default:"file" help:"Name of the registry the file comes from."`
	Land   string `name:"of" default:"MA" enum:"MA,DZ" help:"Country of the registry."`
}

func (c importCmd) Run(ctx context.Context, s *Settings, log *slog.Logger) error {
	f, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	return offline(ctx, s, log, func(_ *stores, a *app) error {
		cmd := casework.Command{
			Actor: casework.Actor{Kind: casework.System, Role: "import"}, Channel: "system",
			Key: fmt.Sprintf("import/%s/%s/%d", c.Source, filepath.Base(c.File), time.Now().UnixNano()), Verb: "register.import",
		}
		bar := progressbar.NewOptions(-1, progressbar.OptionSetWriter(os.Stderr), progressbar.OptionShowCount())
		report, err := a.register.Import(ctx, cmd, establishment.Source{Name: c.Source, Country: c.Land}, f, func(done, total int) {
			bar.ChangeMax(total)
			_ = bar.Set(done) // a bar that can't be drawn costs no line
		})
		fmt.Fprintln(os.Stderr)
		if err != nil {
			return explain(a.texts, err)
		}
		for _, l := range report.Refused {
			fmt.Printf("line %d: %s\n", l.No, a.texts.Write(text.English, l.Why))
		}
		fmt.Printf("%d lines: %d taken, %d known before, %d older than the register, %d refused\n",
			report.Lines, report.Accepted, report.Known, report.Old, len(report.Refused))
		return nil
	})
}

type verifyCmd struct{}

func (verifyCmd) Run(ctx context.Context, s *Settings, log *slog.Logger) error {
	return offline(ctx, s, log, func(st *stores, _ *app) error {
		report, err := casework.Verify(ctx, st.db)
		if err != nil {
			return err
		}
		if report.First != nil {
			return fmt.Errorf("the audit trail is broken: %s at seal %d, event %d", report.First.Kind, report.First.Seq, report.First.EventID)
		}
		fmt.Printf("audit: %d events sealed in an unbroken chain, %d wait for their seal\n", report.Sealed, report.Waiting)
		if err := visit.VerifyCounters(ctx, st.db); err != nil {
			return err
		}
		fmt.Println("counters: every count equals its rows")
		return nil
	})
}
