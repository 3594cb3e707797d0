package dialog_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/dialog"
	"github.com/wasl-sms/wasl/internal/dialog/dialogtest"
	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/keys"
	"github.com/wasl-sms/wasl/internal/localdb/dbtest"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/person"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/internal/text/texttest"
	"github.com/wasl-sms/wasl/sessions"
	"github.com/wasl-sms/wasl/ussd"
)

const (
	known   = "+212600000001" // has an account, in French, PIN 4826
	unknown = "+212600000002"
	pin     = "4826"
)

// world is a Dialog on real parts, with a clock that the test moves.
type world struct {
	t      testing.TB
	db     *postgres.DB
	cat    *text.Catalogue
	keeper *dialog.Keeper
	dialog *dialog.Dialog
	faults *faults
	config dialog.Config

	mu  sync.Mutex
	now time.Time
	seq atomic.Int64
}

func (w *world) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// faults is the meter of a world.
type faults struct {
	mu      sync.Mutex
	all     []error
	trail   []string // screens, and how they ended
	repeats int
}

func (f *faults) Enter(_ form.Channel, _, screen string, _ text.Lang) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.trail = append(f.trail, "> "+screen)
}

func (f *faults) Leave(_ form.Channel, _, screen string, _ text.Lang, why dialog.Why, after time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.trail = append(f.trail, fmt.Sprintf("%s %s %v", screen, why, after))
}

func (f *faults) Repeat(form.Channel, string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.repeats++
}

func (f *faults) Fault(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = append(f.all, err)
}

// newWorld makes a world on the given store (nil: in memory).
func newWorld(t testing.TB, limits dialog.Limits, store func(*world) sessions.Store) *world {
	t.Helper()
	w := &world{
		t: t, db: dbtest.DB(t, postgres.Options{}), faults: &faults{},
		now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC),
	}
	w.cat = texttest.Load(t, dialog.Texts(), form.Texts(), os.DirFS("testdata"))
	if _, err := w.db.Exec(t.Context(), sampleSchema); err != nil {
		t.Fatal(err)
	}
	ring := keys.New()
	people := person.New(w.db, ring, w.Now)
	book := casework.NewBook(w.db, told{w.cat}, w.Now)
	s := &sample{db: w.db.Pool, book: book, people: people, now: w.Now}
	w.keeper = dialog.NewKeeper(w.db, w.Now, w.faults.Fault)
	seal, err := sessions.NewSealer(ring.SessionSeal())
	if err != nil {
		t.Fatal(err)
	}
	var live sessions.Store = sessions.NewMemoryStore(w.Now)
	if store != nil {
		live = store(w)
	}
	if limits.PerHour == 0 {
		limits.PerHour = 1000
	}
	w.config = dialog.Config{
		Catalogue: w.cat, Services: []form.Definition{s.definition()}, Statuses: []dialog.Status{s},
		Accounts: accounts{people}, Contacts: people, Commands: book, DB: w.db, Store: live, Keeper: w.keeper, Seal: seal,
		Hash: func(n string) string { return sessions.HashKey(ring.SessionName(), n) }, Now: w.Now, Meter: w.faults, Limits: limits,
	}
	if w.dialog, err = dialog.New(w.config); err != nil {
		t.Fatal(err)
	}
	hash, err := people.HashPIN(t.Context(), pin)
	if err != nil {
		t.Fatal(err)
	}
	_, err = book.Do(t.Context(), casework.Command{Actor: casework.Actor{Kind: casework.System}, Channel: "test", Key: "known", Verb: "test"}, nil,
		func(ctx context.Context, tx *casework.Tx) error {
			_, err := people.Register(ctx, tx, person.Registration{
				Msisdn: private.StoredMsisdn(known), Lang: text.French, Quality: person.Family,
				IDType: "cin", IDNumber: "AB123456", BirthDate: time.Date(1985, 3, 5, 0, 0, 0, 0, time.UTC), PIN: hash, ConsentVersion: 1, Channel: "ussd",
			})
			return err
		})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

type accounts struct{ *person.Registry }

func (a accounts) Lookup(ctx context.Context, n private.Msisdn) (dialog.Account, error) {
	p, err := a.Registry.Lookup(ctx, n)
	return dialog.Account{ID: p.ID, Lang: p.Lang}, err
}

// told is an outbox that leaves texts readable for the test.
type told struct{ cat *text.Catalogue }

func (o told) Enqueue(ctx context.Context, tx pgx.Tx, all []message.Outbound) error {
	for _, m := range all {
		body := m.Body.Raw()
		if body == "" {
			body = o.cat.Write(m.Lang, m.Line)
		}
		if _, err := tx.Exec(ctx, "insert into told (number, text_key, body, dedupe) values ($1, $2, $3, $4)", m.To.Raw(), string(m.Line.Key), body, m.Dedupe); err != nil {
			return err
		}
	}
	return nil
}

// step sends one USSD message in.
func (w *world) step(r ussd.Request) ussd.Reply {
	w.t.Helper()
	if r.RequestKey == "" {
		r.RequestKey = fmt.Sprintf("bind/%d", w.seq.Add(1))
	}
	r.At = w.Now()
	return w.dialog.Step(context.Background(), "demo", ussd.DefaultBudget(), r)
}

// inbox puts a text in the inbox as the gateway does.
func (w *world) inbox(from, body string) message.Inbound {
	w.t.Helper()
	in := message.Inbound{Operator: "demo", From: private.StoredMsisdn(from), To: "369", Body: private.NewBody(body), At: w.Now()}
	err := w.db.QueryRow(context.Background(), `insert into inbox (operator, sender, short_code, number_sealed, body_sealed, received_at, state, due_at)
		values ('demo', '', '369', '', '', $1, 'waiting', $1) returning id`, w.Now()).Scan(&in.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return in
}

func (w *world) count(sql string, args ...any) (n int) {
	w.t.Helper()
	if err := w.db.QueryRow(context.Background(), sql, args...).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

func (w *world) effects() int { return w.count("select count(*) from effect") }

// handset is a phone wired straight to the Dialog.
type handset struct {
	w       *world
	number  string
	session string
	read    int64
}

func (w *world) phone(number string) *handset { return &handset{w: w, number: number} }

func (h *handset) Dial(_ context.Context, code string) (dialogtest.Screen, error) {
	h.session = fmt.Sprint(h.w.seq.Add(1))
	return h.send(ussd.Request{Kind: ussd.Begin, Code: code, Input: code}), nil
}

func (h *handset) Answer(_ context.Context, input string) (dialogtest.Screen, error) {
	return h.send(ussd.Request{Kind: ussd.Answer, Input: input}), nil
}

func (h *handset) send(r ussd.Request) dialogtest.Screen {
	r.Msisdn, r.SessionID = h.number, h.session
	h.w.pass(5 * time.Second)
	reply := h.w.step(r)
	return dialogtest.Screen{Text: reply.Text, End: reply.End}
}

func (h *handset) Text(ctx context.Context, body string) error {
	h.w.pass(10 * time.Second)
	return h.w.dialog.Receive(ctx, h.w.inbox(h.number, body))
}

func (h *handset) Inbox(ctx context.Context, _ int) ([]string, error) {
	rows, err := h.w.db.Query(ctx, "select id, body from told where number = $1 and id > $2 order by id", h.number, h.read)
	if err != nil {
		return nil, err
	}
	var all []string
	var body string
	_, err = pgx.ForEachRow(rows, []any{&h.read, &body}, func() error {
		all = append(all, body)
		return nil
	})
	return all, err
}

// keys presses one after the other and gives the last screen.
func (h *handset) keys(inputs ...string) dialogtest.Screen {
	var s dialogtest.Screen
	for _, in := range inputs {
		if strings.HasPrefix(in, "*") {
			s, _ = h.Dial(context.Background(), in)
			continue
		}
		s, _ = h.Answer(context.Background(), in)
	}
	return s
}
