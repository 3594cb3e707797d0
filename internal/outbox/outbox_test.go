package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/keys"
	"github.com/wasl-sms/wasl/internal/localdb/dbtest"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/outbox"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/run/runtest"
	"github.com/wasl-sms/wasl/internal/text"
)

var start = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)

// clock is moved by tests, or runs by itself.
type clock struct {
	mu   sync.Mutex
	now  time.Time
	runs bool
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.runs {
		return time.Now()
	}
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// texts writes a line as its key and language; {n} of its parameters follows.
type texts struct{}

func (texts) Write(l text.Lang, line text.Line) string {
	return strings.TrimSpace(fmt.Sprint(line.Key, " ", l, " ", line.Params["n"]))
}

type contacts map[int64]message.Contact

func (c contacts) Contacts(context.Context, pgx.Tx, []int64) (map[int64]message.Contact, error) {
	return c, nil
}

type fixture struct {
	*outbox.Outbox
	db    *postgres.DB
	clock *clock

	texts   outbox.Texts
	metrics *outbox.Metrics
	hold    []string
	manner  outbox.Manner
}

func number(n int) private.Msisdn { return private.StoredMsisdn(fmt.Sprintf("+2126%08d", n)) }

func setUp(t testing.TB, people contacts) *fixture {
	t.Helper()
	f := &fixture{db: dbtest.DB(t, postgres.Options{MaxConns: 12}), clock: &clock{now: start}, texts: texts{}}
	f.Outbox = f.another(people)
	return f
}

// another is a second process on the same database.
func (f *fixture) another(people contacts) *outbox.Outbox {
	return outbox.New(outbox.Config{
		DB: f.db, Texts: f.texts, Contacts: people, Vault: ring, Now: f.clock.Now,
		Holding: func() []string { return f.hold }, Metrics: f.metrics,
		Manner: func(string) outbox.Manner { return f.manner },
		Route: func(n private.Msisdn) string {
			if strings.HasPrefix(n.Raw(), "+2126") {
				return "north"
			}
			return ""
		},
	})
}

var ring = keys.New()

func (f *fixture) enqueue(t testing.TB, list ...message.Outbound) {
	t.Helper()
	err := f.db.InTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error { return f.Enqueue(ctx, tx, list) })
	if err != nil {
		t.Fatal(err)
	}
}

func told(n int, class message.Class) message.Outbound {
	return message.Outbound{
		To: number(n), Lang: text.French, Class: class,
		Line: text.L("permit.granted", text.Params{"n": n}),
	}
}

// states counts parts by state.
func (f *fixture) states(t testing.TB) map[string]int {
	t.Helper()
	rows, err := f.db.Query(context.Background(), `select state, count(*)::int from message_part group by state`)
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

func (f *fixture) exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	if _, err := f.db.Exec(context.Background(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// operator is the far side of a link: it keeps a ledger of what it was given
// and answers as told.
type operator struct {
	mu     sync.Mutex
	ledger []outbox.Part
	answer func(n int, p outbox.Part) (outbox.Answer, bool) // false: no answer yet
	open   []func(outbox.Answer)
}

func accept(n int, _ outbox.Part) (outbox.Answer, bool) {
	return outbox.Answer{Outcome: outbox.Sent, ID: fmt.Sprint("m", n)}, true
}

func silent(int, outbox.Part) (outbox.Answer, bool) { return outbox.Answer{}, false }

func (o *operator) Send(_ context.Context, p outbox.Part, done func(outbox.Answer)) {
	o.mu.Lock()
	o.ledger = append(o.ledger, p)
	n := len(o.ledger)
	a, now := o.answer(n, p)
	if !now {
		o.open = append(o.open, done)
	}
	o.mu.Unlock()
	if now {
		done(a)
	}
}

// cut breaks the link: what is open will never be answered.
func (o *operator) cut() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, done := range o.open {
		done(outbox.Answer{Outcome: outbox.Unknown})
	}
	o.open = nil
}

func (o *operator) got() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []string
	for _, p := range o.ledger {
		out = append(out, string(p.Payload))
	}
	return out
}

func (o *operator) count() int { return len(o.got()) }

var north = outbox.Lane{Operator: "north", Bind: "north/1", Window: 10}

func (f *fixture) serve(t testing.TB, l outbox.Lane, op *operator) (stop func()) {
	t.Helper()
	stop = runtest.Start(t, func(ctx context.Context) error { return f.Serve(ctx, l, op) })
	t.Cleanup(func() { // a lane waits for its answers
		op.mu.Lock()
		op.answer = accept
		op.mu.Unlock()
		op.cut()
	})
	return stop
}

func TestEnqueueSendsIfAndOnlyIfTheTransactionCommits(t *testing.T) {
	t.Parallel()
	f := setUp(t, nil)
	op := &operator{answer: accept}
	f.serve(t, north, op)
	runtest.Start(t, f.Run)

	undone := fmt.Errorf("undone")
	err := f.db.InTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		if err := f.Enqueue(ctx, tx, []message.Outbound{told(1, message.Decision)}); err != nil {
			t.Fatal(err)
		}
		return undone
	})
	if !errors.Is(err, undone) {
		t.Fatal(err)
	}
	f.enqueue(t, told(2, message.Decision))
	runtest.Eventually(t, "the committed text is accepted", func() bool { return f.states(t)["accepted"] == 1 })
	if diff := cmp.Diff([]string{"permit.granted fr 2"}, op.got()); diff != "" {
		t.Error(diff)
	}
}

func TestOneOccasionIsToldOnce(t *testing.T) {
	t.Parallel()
	f := setUp(t, nil)
	twice := told(1, message.Decision)
	twice.Dedupe = "granted:7"
	other := told(1, message.Decision)
	other.Dedupe = "granted:8"
	f.enqueue(t, twice, twice)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { f.enqueue(t, twice) })
	}
	wg.Wait()
	f.enqueue(t, other, told(1, message.Decision), told(1, message.Decision))
	if got := f.states(t); got["queued"] != 4 {
		t.Errorf("stored %v, want one for each occasion and two without", got)
	}
}

// account stores an account for the texts to belong to.
func (f *fixture) account(t testing.TB, id int64) {
	t.Helper()
	f.exec(t, `insert into account (id, country, lang, quality, identity_level, pin_hash, consent_version, consent_at, created_channel, created_at)
		values ($1, 'MA', 'fr', 'family', 1, '', 1, now(), 'ussd', now())`, id)
}

func TestWhatCannotBeSentIsStoredWithItsReason(t *testing.T) {
	t.Parallel()
	f := setUp(t, contacts{1: {Msisdn: number(1), Lang: text.Arabic, OptOut: true}})
	f.account(t, 1)
	f.account(t, 2)
	f.enqueue(t,
		message.Outbound{To: private.StoredMsisdn("+33612345678"), Line: text.L("abroad", nil)},
		message.Outbound{Account: 2, Line: text.L("nobody", nil)},
		message.Outbound{Account: 1, Line: text.L("news", nil), Class: message.Campaign, Proactive: true},
		message.Outbound{Account: 1, Line: text.L("answer", nil)},
	)
	rows, err := f.db.Query(t.Context(), `select text_key || ' ' || lang || ' ' || state || ' ' || coalesce(reason, '')
		from message m join message_part p on p.message_id = m.id order by m.id`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"abroad fr refused no_route", "nobody fr refused no_number", "news ar withdrawn stop", "answer ar queued "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLongTextGoesInPartsOfOneReference(t *testing.T) {
	t.Parallel()
	f := setUp(t, nil)
	op := &operator{answer: accept}
	f.serve(t, north, op)
	long := told(1, message.Decision)
	long.Body = private.NewBody(strings.Repeat("مرحبا بكم ", 15)) // 150 UCS-2 units: three parts of 67
	f.enqueue(t, long)
	runtest.Eventually(t, "three parts are accepted", func() bool { return f.states(t)["accepted"] == 3 })
	op.mu.Lock()
	defer op.mu.Unlock()
	for i, p := range op.ledger {
		if len(p.UDH) != 6 || p.UDH[3] != op.ledger[0].UDH[3] || p.UDH[4] != 3 || int(p.UDH[5]) != i+1 {
			t.Errorf("part %d has header % x", i+1, p.UDH)
		}
	}
}

func TestUrgentTextsOvertakeACampaign(t *testing.T) {
	t.Parallel()
	f := setUp(t, nil)
	var campaign []message.Outbound
	for n := range 400 {
		campaign = append(campaign, told(n, message.Campaign))
	}
	f.enqueue(t, campaign...)
	runtest.Start(t, f.Run)
	// The operator answers one part at a time, when the test lets it.
	step := make(chan struct{})
	op := &operator{}
	op.answer = silent
	f.serve(t, outbox.Lane{Operator: "north", Bind: "north/1", Window: 1}, op)
	runtest.Start(t, func(ctx context.Context) error {
		for {
			select {
			case <-step:
				op.mu.Lock()
				done, n := op.open[0], len(op.ledger)
				op.open = op.open[1:]
				op.mu.Unlock()
				done(outbox.Answer{Outcome: outbox.Sent, ID: fmt.Sprint(n)})
			case <-ctx.Done():
				op.cut()
				return nil
			}
		}
	})
	runtest.Eventually(t, "the campaign has begun", func() bool { return op.count() == 1 })
	f.enqueue(t, told(9000, message.Decision), told(9001, message.Code))
	for n := 2; n <= 4; n++ {
		step <- struct{}{}
		runtest.Eventually(t, "the next part is written", func() bool { return op.count() == n })
	}
	got := op.got()
	if at := slices.Index(got, "permit.granted fr 9001"); at != 1 {
		t.Errorf("the code came at place %d of %v", at, got)
	}
	if at := slices.Index(got, "permit.granted fr 9000"); at != 2 {
		t.Errorf("the decision came at place %d of %v", at, got)
	}
}
