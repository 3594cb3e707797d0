package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/desk"
	"github.com/wasl-sms/wasl/internal/dialog"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/gateway"
	"github.com/wasl-sms/wasl/internal/inbox"
	"github.com/wasl-sms/wasl/internal/links"
	"github.com/wasl-sms/wasl/internal/outbox"
	"github.com/wasl-sms/wasl/internal/person"
	"github.com/wasl-sms/wasl/internal/schedule"
	"github.com/wasl-sms/wasl/internal/services/account"
	"github.com/wasl-sms/wasl/internal/services/info"
	"github.com/wasl-sms/wasl/internal/services/permit"
	"github.com/wasl-sms/wasl/internal/services/visit"
	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/sessions"
)

// dialCode is what families dial; operators may give it another form.
const dialCode = "*369#"

// app is the application without its surfaces: the services over the stores.
type app struct {
	texts     *text.Catalogue
	persons   *person.Registry
	places    *establishment.Directory
	register  *establishment.Register
	outbox    *outbox.Outbox
	links     *links.Store
	book      *casework.Book
	permits   *permit.Service
	visits    *visit.Service
	accounts  *account.Service
	info      *info.Service
	desk      *desk.Desk
	imports   *desk.Imports
	operators *desk.Operators
	metrics   *prometheus.Registry
}

// newApp builds the services; the list of services is this function.
func newApp(ctx context.Context, st *stores, operators *gateway.Live, listen time.Duration, now func() time.Time, log *slog.Logger) (*app, error) {
	texts, err := catalogue()
	if err != nil {
		return nil, err
	}
	texts.OnFault(func(err error) { log.Error("write a text", "error", err) })
	a := &app{texts: texts, metrics: prometheus.NewRegistry()}
	a.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	a.persons = person.New(st.db, st.keys, now)
	a.places = establishment.New(st.db, st.keys, now)
	a.outbox = outbox.New(outbox.Config{
		DB: st.db, Texts: texts, Contacts: a.persons, Vault: st.keys, Route: operators.Route, Holding: operators.Holding, Manner: operators.Manner,
		Listen: listen, Metrics: outbox.NewMetrics(a.metrics), Now: now,
	})
	if err := a.outbox.Prepare(ctx); err != nil {
		return nil, err
	}
	a.links = links.New(st.db, now)
	a.book = casework.NewBook(st.db, a.outbox, now)
	a.visits = visit.New(st.db, a.book, a.places, st.keys, now)
	a.permits = permit.New(st.db, a.book, a.persons, a.places, st.keys, a.visits, now)
	a.accounts = account.New(a.persons, a.places, a.book, dialCode)
	a.info = info.New(a.places, a.persons, a.book)
	a.desk = desk.New(st.db, a.book, a.places, st.keys, now)
	a.operators = desk.NewOperators(a.desk, a.links, queues{a.outbox}.all)
	a.register = establishment.NewRegister(a.places, a.book, a.permits, a.visits)
	a.imports = desk.NewImports(a.desk, a.register, func(err error) { log.Error("import of the register", "error", err) })
	if err := casework.Sync(ctx, st.db, permit.RequestLife(), permit.Life(), visit.Life()); err != nil {
		return nil, err
	}
	return a, nil
}

func (a *app) definitions() []form.Definition {
	return []form.Definition{a.accounts.Definition(), a.permits.Definition(), a.visits.Definition(), a.info.Definition()}
}

// newDialog builds the talking side. Its sessions carry on in PostgreSQL while
// Redis is gone.
func (a *app) newDialog(st *stores, limits dialog.Limits, now func() time.Time, log *slog.Logger) (*dialog.Dialog, *dialog.Keeper, error) {
	sealer, err := sessions.NewSealer(st.keys.SessionSeal())
	if err != nil {
		return nil, nil, err
	}
	keeper := dialog.NewKeeper(st.db, now, func(err error) { log.Error("keep a draft", "error", err) })
	store := sessions.NewFailover(st.sessions, dialog.NewSessionTable(st.db, now).After(keeper), sessions.FailoverConfig{
		Applied: keeper.Applied, Now: now,
		OnChange: func(open bool) { log.Warn("live dialogues moved between Redis and PostgreSQL", "redis_gone", open) },
	})
	d, err := dialog.New(dialog.Config{
		Catalogue: a.texts, Services: a.definitions(), Statuses: []dialog.Status{a.permits, a.visits},
		Accounts: known{a.persons}, Contacts: a.persons, Commands: a.book, DB: st.db, Store: store, Keeper: keeper, Seal: sealer,
		Code: dialCode, Limits: limits,
		Hash: func(msisdn string) string { return sessions.HashKey(st.keys.SessionName(), msisdn) },
		Now:  now, Meter: newMeter(a.metrics, log),
	})
	if err != nil {
		return nil, nil, err
	}
	a.visits.Bind(d)
	return d, keeper, nil
}

// jobs lists what runs by the clock.
func (a *app) jobs(st *stores, in *inbox.Inbox, keepTexts int) []schedule.Job {
	sealer := casework.NewSealer(st.db)
	jobs := slices.Concat(a.visits.Jobs(), a.permits.Jobs(), a.outbox.Jobs(keepTexts), in.Jobs(keepTexts))
	return append(jobs, schedule.Job{
		Name: "links.sweep", Spec: "7 * * * *",
		Do: func(ctx context.Context, _ schedule.Run) error { return a.links.Sweep(ctx) },
	}, schedule.Job{
		Name: "audit.seal", Spec: "*/5 * * * * *",
		Do: func(ctx context.Context, _ schedule.Run) error { return sealer.SealAll(ctx) },
	})
}

// explain writes a fault for the person at the terminal.
func explain(texts *text.Catalogue, err error) error {
	line := fault.LineOf(err)
	if own := "web.fault." + line.Key; texts.Has(own) { // the desk's own wording
		line.Key = own
	}
	if line.Key != "" {
		return errors.New(texts.Write(text.English, line))
	}
	return fmt.Errorf("%w", err)
}
