package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/wasl-sms/wasl/internal/dialog"
	"github.com/wasl-sms/wasl/internal/gateway"
	"github.com/wasl-sms/wasl/internal/inbox"
	"github.com/wasl-sms/wasl/internal/run"
	"github.com/wasl-sms/wasl/internal/schedule"
	"github.com/wasl-sms/wasl/internal/web"
)

type serveCmd struct {
	Roles []string `env:"WASL_ROLES" default:"gateway,ussd,web,worker" help:"What this process does: gateway (binds), ussd (dialogues of HTTP aggregators), web (back-office), worker (texts received, scheduled jobs)."`
}

func (c serveCmd) Run(ctx context.Context, s *Settings, log *slog.Logger) error {
	for _, r := range c.Roles {
		if !slices.Contains(roles, r) {
			return fmt.Errorf("--roles has %q: choose among %s", r, strings.Join(roles, ", "))
		}
	}
	hangups := make(chan os.Signal, 1) // from the beginning: an early one must not end the process
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	operators, err := operatorsOf(s)
	if err != nil {
		return err
	}
	if slices.Contains(c.Roles, "gateway") && len(operators.Operators()) == 0 {
		return errors.New("the gateway role needs operators: name a file with WASL_OPERATORS, or leave gateway out of --roles")
	}
	st, err := openStores(ctx, s, log)
	if err != nil {
		return err
	}
	defer st.Close()
	if err := st.openSessions(ctx, s, log); err != nil {
		return err
	}
	p, err := newProcess(ctx, s, st, operators, c.Roles, nil, time.Now, log)
	if err != nil {
		return err
	}
	p.reloader.Signals = hangups
	return (&run.Group{Log: log, Patience: 20 * time.Second}).Run(ctx, p.components...)
}

// operatorsOf reads the operators file, if one is named.
func operatorsOf(s *Settings) (*gateway.Live, error) {
	if s.Operators == "" {
		return gateway.Fixed(nil), nil
	}
	return gateway.OpenLive(s.Operators)
}

// process is the application with the surfaces and workers of its roles.
type process struct {
	app        *app
	dialog     *dialog.Dialog
	inbox      *inbox.Inbox
	gateway    *gateway.Gateway
	reloader   *gateway.Reloader
	web        *listener
	samples    []web.Sample // the demo's logins
	mux        *http.ServeMux
	components []run.Component // in the order to start
}

// newProcess builds a process; load, if any, fills its database first and gives
// logins to show at the back-office's door.
func newProcess(ctx context.Context, s *Settings, st *stores, operators *gateway.Live, roles []string,
	load func(context.Context, *app) ([]web.Sample, error), now func() time.Time, log *slog.Logger,
) (*process, error) {
	a, err := newApp(ctx, st, operators, s.Listen, now, log)
	if err != nil {
		return nil, err
	}
	p := &process{app: a, mux: http.NewServeMux()}
	if load != nil {
		if p.samples, err = load(ctx, a); err != nil {
			return nil, err
		}
	}
	has := func(role string) bool { return slices.Contains(roles, role) }

	d, keeper, err := a.newDialog(st, s.Limits, now, log)
	if err != nil {
		return nil, err
	}
	p.dialog = d
	p.inbox = inbox.New(inbox.Config{DB: st.db, Vault: st.keys, Texts: d, Metrics: inbox.NewMetrics(a.metrics), Now: now})
	p.reloader = &gateway.Reloader{Live: operators, Links: a.links, Log: log}
	p.components = append(p.components,
		run.Component{Name: "drafts", Run: keeper.Run},
		run.Component{Name: "outbox", Run: a.outbox.Run},
		run.Component{Name: "links", Run: a.links.Run},
		run.Component{Name: "operators", Run: p.reloader.Run})
	if has("worker") {
		jobs, err := schedule.New(st.db, a.jobs(st, p.inbox, s.KeepTexts), schedule.Options{Now: now, Log: log})
		if err != nil {
			return nil, err
		}
		a.metrics.MustRegister(gauges{outbox: a.outbox, inbox: p.inbox, jobs: jobs, log: log})
		p.components = append(p.components,
			run.Component{Name: "inbox", Run: p.inbox.Run},
			run.Component{Name: "imports", Run: a.imports.Run},
			run.Component{Name: "jobs", Run: jobs.Run})
	}
	if has("gateway") {
		p.gateway, err = gateway.New(gateway.Config{
			Operators: operators, Links: a.links, TraceDir: filepath.Join(s.DataDir, "traces"), Outbox: a.outbox, Inbox: p.inbox, Dialogue: d,
			Log: log, Metrics: gateway.NewMetrics(a.metrics), Now: now,
		})
		if err != nil {
			return nil, err
		}
		p.components = append(p.components, run.Component{Name: "gateway", Run: p.gateway.Run})
	}
	if has("ussd") {
		if err := p.aggregators(operators.Endpoint, now, log); err != nil {
			return nil, err
		}
	}
	if err := p.serve(s, st, has("web"), now, log); err != nil {
		return nil, err
	}
	return p, nil
}

// serve mounts the probes, and the back-office with the web role.
func (p *process) serve(s *Settings, st *stores, office bool, now func() time.Time, log *slog.Logger) error {
	pr := probes{app: p.app, ready: map[string]func(context.Context) error{
		"database": func(ctx context.Context) error {
			var readOnly bool
			if err := st.db.QueryRow(ctx, `select pg_is_in_recovery()`).Scan(&readOnly); err != nil {
				return errors.New("does not answer")
			}
			if readOnly {
				return errors.New("takes no writes")
			}
			return nil
		},
		"redis": func(ctx context.Context) error {
			if st.redis == nil {
				return degraded("sessions in memory")
			}
			if st.redis.Ping(ctx).Err() != nil {
				return degraded("dialogues carry on in the database")
			}
			return nil
		},
	}}
	if p.gateway != nil {
		pr.ready["binds"] = func(context.Context) error {
			if up, all := p.gateway.BindsUp(); up == 0 && all > 0 {
				return fmt.Errorf("none of %d is bound", all)
			}
			return nil
		}
	}
	p.app.metrics.MustRegister(parts(pr.ready))
	p.mux.HandleFunc("GET /healthz", pr.health)
	p.mux.HandleFunc("GET /readyz", pr.readiness)
	if s.MetricsAddr == "" {
		p.mux.Handle("GET /metrics", local(pr.metrics()))
	} else {
		m := &listener{name: "metrics", addr: s.MetricsAddr, setting: "WASL_METRICS_ADDR", handler: pr.metrics(), log: log}
		p.components = append(p.components, m.component())
	}
	if office {
		h, err := p.office(s, now, log)
		if err != nil {
			return err
		}
		p.mux.Handle("/", h)
	}
	p.web = &listener{name: "http", addr: s.HTTPAddr, setting: "WASL_HTTP_ADDR", handler: p.mux, cert: s.TLSCert, key: s.TLSKey, log: log}
	p.components = append(p.components, p.web.component())
	return nil
}
