package gateway_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/wasl-sms/wasl/internal/gateway"
	"github.com/wasl-sms/wasl/internal/inbox"
	"github.com/wasl-sms/wasl/internal/keys"
	"github.com/wasl-sms/wasl/internal/links"
	"github.com/wasl-sms/wasl/internal/localdb/dbtest"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/outbox"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/run/runtest"
	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/ussd"
)

// dialogue answers with what it was asked; "end" ends, "slow" waits.
type dialogue struct {
	mu   sync.Mutex
	got  []ussd.Request
	hold chan struct{}
}

func (d *dialogue) Step(ctx context.Context, _ string, _ ussd.Budget, r ussd.Request) ussd.Reply {
	d.mu.Lock()
	d.got = append(d.got, r)
	hold := d.hold
	d.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
		}
	}
	return ussd.Reply{Text: r.Kind.String() + " " + r.Input, End: r.Input == "end"}
}

func (d *dialogue) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.got)
}

// service writes down the texts it is handed.
type service struct {
	mu  sync.Mutex
	got []message.Inbound
}

func (s *service) Receive(_ context.Context, in message.Inbound) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, in)
	return nil
}

func (s *service) bodies() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []string{}
	for _, in := range s.got {
		out = append(out, in.Body.Raw())
	}
	return out
}

type texts struct{}

func (texts) Write(l text.Lang, line text.Line) string { return fmt.Sprint(line.Key, " ", l) }

type fixture struct {
	*gateway.Gateway
	*peer
	dialogue *dialogue
	service  *service
	db       *postgres.DB
	outbox   *outbox.Outbox
	inbox    *inbox.Inbox
	wishes   *links.Store
	live     *gateway.Live
	path     string // of the operators file
	traces   string // their folder
	stop     func() // ends the gateway
	logs     *logs
}

// logs keeps what was logged, to look for leaks.
type logs struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

const oneBind = `
[[operator]]
name = "north"
prefixes = ["+2126"]
short_codes = ["3690"]
ussd_codes = ["*369#"]
id_in_response = "hex"
id_in_receipt = "dec"
[[operator.bind]]
address = "ADDRESS"
system_id = "wasl"
password = "secret"
response_wait = "2s"
`

// setUp starts a peer and a gateway bound to it.
func setUp(t testing.TB, operators string) *fixture {
	t.Helper()
	f := prepare(t, operators)
	f.start(t)
	f.allUp(t)
	return f
}

// prepare makes everything but the gateway.
func prepare(t testing.TB, operators string) *fixture {
	t.Helper()
	f := &fixture{
		peer: &peer{}, dialogue: &dialogue{}, service: &service{}, logs: &logs{}, path: filepath.Join(t.TempDir(), "operators.toml"),
		db: dbtest.DB(t, postgres.Options{MaxConns: 16}),
	}
	f.listen(t)
	f.write(t, operators)
	var err error
	if f.live, err = gateway.OpenLive(f.path); err != nil {
		t.Fatal(err)
	}
	ring := keys.New()
	f.outbox = outbox.New(outbox.Config{
		DB: f.db, Texts: texts{}, Vault: ring, Route: f.live.Route, Holding: f.live.Holding, Manner: f.live.Manner,
	})
	f.inbox = inbox.New(inbox.Config{DB: f.db, Vault: ring, Texts: f.service})
	f.wishes = links.New(f.db, time.Now)
	_, err = f.db.Exec(t.Context(), `insert into staff (id, login, name, lang, password_hash, totp_sealed, created_at)
		values (7, 'samira', 'Samira', 'fr', 'x', '\x00', now())`)
	if err != nil {
		t.Fatal(err)
	}
	runtest.Start(t, f.outbox.Run)
	runtest.Start(t, f.inbox.Run)
	runtest.Start(t, f.wishes.Run)
	return f
}

// write puts an operators file where the gateway looks for it.
func (f *fixture) write(t testing.TB, operators string) {
	t.Helper()
	if err := os.WriteFile(f.path, []byte(strings.ReplaceAll(operators, "ADDRESS", f.addr)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// start runs a gateway, as a new process would.
func (f *fixture) start(t testing.TB) {
	t.Helper()
	var err error
	f.Gateway, err = gateway.New(gateway.Config{
		Operators: f.live, Links: f.wishes, Outbox: f.outbox, Inbox: f.inbox, Dialogue: f.dialogue, TraceDir: f.traces,
		KeepTimeout: 500 * time.Millisecond, ReconnectMin: 10 * time.Millisecond, ReconnectMax: 20 * time.Millisecond,
		Log: slog.New(slog.NewTextHandler(f.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	f.stop = runtest.Start(t, f.Run)
}

func (f *fixture) allUp(t testing.TB) {
	t.Helper()
	runtest.Eventually(t, "all binds are up", func() bool { up, all := f.BindsUp(); return all > 0 && up == all })
}

func (f *fixture) tell(t testing.TB, list ...message.Outbound) {
	t.Helper()
	err := f.db.InTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error { return f.outbox.Enqueue(ctx, tx, list) })
	if err != nil {
		t.Fatal(err)
	}
}

func told(n int, body string) message.Outbound {
	return message.Outbound{
		To: number(n), Lang: text.French, Class: message.Decision,
		Line: text.L("permit.granted", nil), Body: private.NewBody(body),
	}
}

func (f *fixture) states(t testing.TB, table string) map[string]int {
	t.Helper()
	rows, err := f.db.Query(context.Background(), `select state, count(*)::int from `+table+` group by state`)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int{}
	var s string
	var n int
	if _, err := pgx.ForEachRow(rows, []any{&s, &n}, func() error { out[s] = n; return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

// gatewayOnly runs a gateway that has nothing to send.
func gatewayOnly(t testing.TB, operators string, reg *prometheus.Registry) *gateway.Gateway {
	t.Helper()
	ops, err := gateway.ParseOperators(operators, "")
	if err != nil {
		t.Fatal(err)
	}
	g, err := gateway.New(gateway.Config{Operators: gateway.Fixed(ops), Dialogue: &dialogue{}, Metrics: gateway.NewMetrics(reg)})
	if err != nil {
		t.Fatal(err)
	}
	runtest.Start(t, g.Run)
	return g
}

// count tells how often s was logged.
func (l *logs) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), s)
}

// gauges reads what would be scraped, one bind's.
func gauges(t testing.TB, reg *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			got[f.GetName()] = m.GetGauge().GetValue()
		}
	}
	return got
}
