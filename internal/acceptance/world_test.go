package acceptance

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/keys"
	"github.com/wasl-sms/wasl/internal/localdb/dbtest"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/outbox"
	"github.com/wasl-sms/wasl/internal/person"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/run/runtest"
	"github.com/wasl-sms/wasl/internal/smsc"
	"github.com/wasl-sms/wasl/internal/smsc/smsctest"
	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/smpp"
)

// Two operators: north may repeat what is in doubt, hold must not. North has
// two binds.
const (
	north = "+2126"
	hold  = "+2127"

	window    = 10
	shortCode = "3690"
	dialCode  = "*369#"
	pin       = "4826"
)

// world is everything but the process on trial.
type world struct {
	t       *testing.T
	db      *postgres.DB // past the proxy
	keys    *keys.Ring
	outbox  *outbox.Outbox
	proxy   *database
	program *program
	north   *smsc.SMSC
	hold    *smsc.SMSC
	links   *links // of both

	// What happens at each PDU and each commit; both let by at first.
	onWire   atomic.Pointer[func(sight, pdu) bool]
	onCommit atomic.Pointer[func(moment, work) bool]
}

// settings are what differs from test to test.
type settings struct {
	dsn       string        // of an empty migrated database; one of the usual server
	stepLimit time.Duration // for a page; 25 s
	operator  string        // further lines of both operators
	bind      string        // of each bind
}

// newWorld makes the operators, a database and the sample data.
func newWorld(t *testing.T, s settings) *world {
	t.Helper()
	dsn := s.dsn
	w := &world{t: t, links: &links{}}
	if dsn == "" {
		dsn = dbtest.DSN(t)
	}
	var err error
	if w.db, err = postgres.Open(t.Context(), dsn, postgres.Options{MaxConns: 4}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.db.Close)
	w.proxy = newDatabase(t, dsn, func(m moment, done work) bool {
		at := w.onCommit.Load()
		return at == nil || (*at)(m, done)
	})
	dir := t.TempDir()
	keyFile := filepath.Join(dir, "keys.toml")
	if w.keys, _, err = keys.LoadOrCreate(keyFile); err != nil {
		t.Fatal(err)
	}
	var northAddr, holdAddr string
	w.north, northAddr = w.operator(s.stepLimit)
	w.hold, holdAddr = w.operator(s.stepLimit)
	bind := func(addr string) string {
		return fmt.Sprintf("[[operator.bind]]\naddress = %q\nsystem_id = \"wasl\"\npassword = \"secret\"\nwindow = %d\n%s\n", addr, window, s.bind)
	}
	operators := filepath.Join(dir, "operators.toml")
	err = os.WriteFile(operators, fmt.Appendf(nil, `
[[operator]]
name = "north"
prefixes = [%q]
short_codes = [%q]
ussd_codes = [%q]
%s
%s
%s
[[operator]]
name = "hold"
prefixes = [%q]
short_codes = ["3691"]
in_doubt = "hold"
%s
%s`, north, shortCode, dialCode, s.operator, bind(northAddr), bind(northAddr), hold, s.operator, bind(holdAddr)), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	w.program = newProgram(t,
		"WASL_DATABASE_URL="+w.proxy.dsn, "WASL_REDIS_URL="+dbtest.Redis(t), "WASL_HTTP_ADDR=127.0.0.1:0",
		"WASL_OPERATORS="+operators, "WASL_DATA_DIR="+dir, "WASL_KEYS="+keyFile, "WASL_LOG=warn",
		// The stand-in gives what it kept as soon as it is bound.
		"WASL_LISTEN=300ms")
	w.program.run(t, "seed", "--sample")
	w.outbox = outbox.New(outbox.Config{DB: w.db, Vault: w.keys, Route: route})
	return w
}

// operator starts a stand-in whose every PDU is looked at.
func (w *world) operator(stepLimit time.Duration) (*smsc.SMSC, string) {
	w.t.Helper()
	s, err := smsc.New(smsc.Config{
		Accounts: map[string]string{"wasl": "secret"}, AnyNumber: true, LedgerMax: 10_000_000,
		StepLimit: stepLimit, Session: smpp.SessionConfig{Window: 100},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	ln, err := (&net.ListenConfig{}).Listen(w.t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	at := func(s sight, p pdu) bool {
		at := w.onWire.Load()
		return at == nil || (*at)(s, p)
	}
	smsctest.Serve(w.t, s, wire{ln, at, w.links})
	return s, ln.Addr().String()
}

func route(n private.Msisdn) string {
	switch n.Raw()[:5] {
	case north:
		return "north"
	case hold:
		return "hold"
	}
	return ""
}

// bound waits until the process has all its binds.
func (w *world) bound() {
	w.t.Helper()
	w.until("all binds are up", func() bool { return w.north.Binds() == 2 && w.hold.Binds() == 1 })
}

// tell puts texts into the outbox, as any service does.
func (w *world) tell(ctx context.Context, texts ...message.Outbound) error {
	return w.db.InTx(ctx, func(ctx context.Context, tx pgx.Tx) error { return w.outbox.Enqueue(ctx, tx, texts) })
}

// one makes a text of the given class.
func one(to string, class message.Class, body string) message.Outbound {
	return message.Outbound{
		To: private.StoredMsisdn(to), Lang: text.French, Class: class, Line: text.L("acceptance", nil), Body: private.NewBody(body),
	}
}

// family registers a person who may ask for a permit.
func (w *world) family(number, card string, hash person.PINHash) error {
	registry := person.New(w.db, w.keys, time.Now)
	book := casework.NewBook(w.db, w.outbox, time.Now)
	cmd := casework.Command{Actor: casework.Actor{Kind: casework.Citizen}, Channel: "ussd", Key: "register/" + number, Verb: "account.register"}
	_, err := book.Do(w.t.Context(), cmd, nil, func(ctx context.Context, tx *casework.Tx) error {
		_, err := registry.Register(ctx, tx, person.Registration{
			Msisdn: private.StoredMsisdn(number), Lang: text.French, Quality: person.Family, IDType: "cin", IDNumber: card,
			BirthDate: time.Date(1985, 3, 5, 0, 0, 0, 0, time.UTC), PIN: hash, ConsentVersion: 1, Channel: "ussd",
		})
		return err
	})
	return err
}

// count asks the database.
func (w *world) count(sql string, args ...any) (n int) {
	w.t.Helper()
	if err := w.db.QueryRow(w.t.Context(), sql, args...).Scan(&n); err != nil {
		w.t.Fatalf("%s: %v", sql, err)
	}
	return n
}

// until waits for what other goroutines and processes will bring about.
func (w *world) until(what string, is func() bool) {
	w.t.Helper()
	defer func() {
		if w.t.Failed() {
			w.t.Logf("how it stands: %s", w.stand())
		}
	}()
	runtest.Within(w.t, 2*time.Minute, what, is)
}
