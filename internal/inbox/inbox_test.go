package inbox_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/inbox"
	"github.com/wasl-sms/wasl/internal/keys"
	"github.com/wasl-sms/wasl/internal/localdb/dbtest"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/run/runtest"
	"github.com/wasl-sms/wasl/smpp/gsm"
)

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// service writes down what it is handed, and fails as told.
type service struct {
	mu   sync.Mutex
	got  []message.Inbound
	fail func(in message.Inbound) error
}

func (s *service) Receive(_ context.Context, in message.Inbound) error {
	s.mu.Lock()
	s.got = append(s.got, in)
	fail := s.fail
	s.mu.Unlock()
	if fail != nil {
		return fail(in)
	}
	return nil
}

func (s *service) bodies() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, in := range s.got {
		out = append(out, in.Body.Raw())
	}
	return out
}

type fixture struct {
	*inbox.Inbox
	*service
	db    *postgres.DB
	clock *clock
}

func setUp(t *testing.T, flood inbox.Flood) *fixture {
	t.Helper()
	f := &fixture{
		service: &service{}, db: dbtest.DB(t, postgres.Options{MaxConns: 12}),
		clock: &clock{now: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)},
	}
	f.Inbox = f.another(flood)
	return f
}

var ring = keys.New()

// another is a second process on the same database.
func (f *fixture) another(flood inbox.Flood) *inbox.Inbox {
	return inbox.New(inbox.Config{DB: f.db, Vault: ring, Texts: f.service, Flood: flood, Now: f.clock.Now})
}

func (f *fixture) run(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func number(n int) private.Msisdn { return private.StoredMsisdn(fmt.Sprintf("+2126%08d", n)) }

func says(n int, body string) inbox.Arrival {
	payload, a := gsm.Encode(body)
	return inbox.Arrival{Operator: "north", From: number(n), To: "3690", DataCoding: a.DataCoding(), Payload: payload, Link: 1}
}

func (f *fixture) keep(t *testing.T, a inbox.Arrival, want inbox.Verdict) {
	t.Helper()
	got, err := f.Keep(t.Context(), a)
	if err != nil || got != want {
		t.Fatalf("verdict is %v, %v; want %v", got, err, want)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	runtest.Eventually(t, what, ok)
}

func (f *fixture) states(t *testing.T) map[string]int {
	t.Helper()
	rows, err := f.db.Query(context.Background(), `select state, count(*)::int from inbox group by state`)
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

func TestKeptTextIsHandedOnOnce(t *testing.T) {
	t.Parallel()
	f := setUp(t, inbox.Flood{})
	f.keep(t, says(1, "SUIVI 12345678"), inbox.Stored)
	f.run(t)
	eventually(t, "it is done", func() bool { return f.states(t)["done"] == 1 })
	f.mu.Lock()
	defer f.mu.Unlock()
	in := f.got[0]
	if len(f.got) != 1 || in.Body.Raw() != "SUIVI 12345678" || in.From != number(1) || in.To != "3690" || in.ID == 0 || in.Incomplete {
		t.Errorf("handed on: %d, %+v", len(f.got), in)
	}
}

func TestRepeatsAreTold(t *testing.T) {
	t.Parallel()
	marked := func(mark string) inbox.Arrival {
		a := says(1, "1")
		a.Mark = mark
		return a
	}
	other := func(link uint64) inbox.Arrival {
		a := says(1, "1")
		a.Link = link
		return a
	}
	for name, c := range map[string]struct {
		first, second inbox.Arrival
		after         time.Duration
		want          inbox.Verdict
	}{
		"same link, at once":             {says(1, "1"), says(1, "1"), time.Second, inbox.Repeated},
		"same link, as the next answer":  {says(1, "1"), says(1, "1"), 4 * time.Second, inbox.Stored},
		"after a new bind":               {says(1, "1"), other(2), 4 * time.Second, inbox.Repeated},
		"after a new bind, long after":   {says(1, "1"), other(2), 11 * time.Minute, inbox.Stored},
		"other words":                    {says(1, "1"), says(1, "2"), 0, inbox.Stored},
		"another person":                 {says(1, "1"), says(2, "1"), 0, inbox.Stored},
		"handset's own mark, the same":   {marked("7"), marked("7"), 4 * time.Minute, inbox.Repeated},
		"handset's own mark, another":    {marked("7"), marked("8"), 0, inbox.Stored},
		"another alphabet, other octets": {says(1, "1"), says(1, "١"), 0, inbox.Stored},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setUp(t, inbox.Flood{})
			f.keep(t, c.first, inbox.Stored)
			f.clock.Advance(c.after)
			f.keep(t, c.second, c.want)
		})
	}
}

func TestACrashBeforeTheAckMakesARepeat(t *testing.T) {
	t.Parallel()
	f := setUp(t, inbox.Flood{})
	f.keep(t, says(1, "RDV"), inbox.Stored)
	f.clock.Advance(30 * time.Second)
	v, err := f.another(inbox.Flood{}).Keep(t.Context(), says(1, "RDV")) // the next process has no memory
	if err != nil || v != inbox.Repeated {
		t.Errorf("verdict is %v, %v", v, err)
	}
}

func TestManyCopiesAtOnceAreOneText(t *testing.T) {
	t.Parallel()
	f := setUp(t, inbox.Flood{})
	var wg sync.WaitGroup
	var mu sync.Mutex
	verdicts := map[inbox.Verdict]int{}
	for range 20 {
		wg.Go(func() {
			v, err := f.Keep(t.Context(), says(1, "AIDE"))
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			verdicts[v]++
			mu.Unlock()
		})
	}
	wg.Wait()
	if diff := cmp.Diff(map[inbox.Verdict]int{inbox.Stored: 1, inbox.Repeated: 19}, verdicts); diff != "" {
		t.Error(diff)
	}
}

const long = "Je demande une autorisation pour ma mère, mon frère et ma soeur, qui viendront tous les trois un jeudi matin. " +
	"Merci de me dire quels papiers il faut et à quelle heure venir, car nous habitons loin et il n'y a qu'un car par jour."

func TestTextsOfOneSenderStayInOrder(t *testing.T) {
	t.Parallel()
	const people, each = 12, 15
	f := setUp(t, inbox.Flood{})
	failed := map[int64]bool{}
	f.fail = func(in message.Inbound) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		if in.ID%7 == 0 && !failed[in.ID] {
			failed[in.ID] = true
			return errors.New("try again")
		}
		return nil
	}
	for i := range each {
		for n := range people {
			f.keep(t, says(n, fmt.Sprint("text ", i)), inbox.Stored)
		}
	}
	f.run(t)
	second := f.another(inbox.Flood{})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- second.Run(ctx) }()
	eventually(t, "all are done", func() bool {
		f.clock.Advance(time.Second)
		return f.states(t)["done"] == people*each
	})
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	last := map[private.Msisdn]int64{}
	for _, in := range f.got {
		if in.ID < last[in.From] {
			t.Fatalf("text %d of %v came after %d", in.ID, in.From, last[in.From])
		}
		last[in.From] = in.ID
	}
}

// settle does something with a text that was set aside.
func (f *fixture) settle(t *testing.T, do func(context.Context, pgx.Tx, int64, time.Time) (inbox.Quarantined, error), id int64, since time.Time) error {
	t.Helper()
	return f.db.InTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		_, err := do(ctx, tx, id, since)
		return err
	})
}

func TestAFloodHoldsBackItsSenderOnly(t *testing.T) {
	t.Parallel()
	f := setUp(t, inbox.Flood{Burst: 5, Every: time.Minute})
	for i := range 8 {
		want := inbox.Stored
		if i >= 5 {
			want = inbox.Flooded
		}
		f.keep(t, says(1, fmt.Sprint(i)), want)
	}
	f.keep(t, says(2, "RDV"), inbox.Stored)
	f.clock.Advance(time.Minute)
	f.keep(t, says(1, "later"), inbox.Stored)
	f.run(t)
	eventually(t, "the others are done", func() bool { return f.states(t)["done"] == 7 })
	if s := f.states(t); s["flood"] != 3 {
		t.Errorf("states are %v", s)
	}
}

func TestBinaryIsNoText(t *testing.T) {
	t.Parallel()
	f := setUp(t, inbox.Flood{})
	a := says(1, "x")
	a.DataCoding = 0x04
	f.keep(t, a, inbox.NoText)
}

// A death catches all texts that are under way: it takes many to blame one of them.
func TestTextOfADeadProcessIsHandedOnAgain(t *testing.T) {
	t.Parallel()
	f := setUp(t, inbox.Flood{})
	f.keep(t, says(1, "RDV"), inbox.Stored)
	f.keep(t, says(2, "RDV"), inbox.Stored)
	for from, lost := range []int{18, 19} {
		_, err := f.db.Exec(t.Context(), `update inbox set state = 'claimed', tries = 1, lost = $2, lease_until = now() - interval '1 second'
			where id = (select id from inbox order by id offset $1 limit 1)`, from, lost)
		if err != nil {
			t.Fatal(err)
		}
	}
	f.run(t)
	eventually(t, "one is done, the other set aside", func() bool {
		f.clock.Advance(time.Minute)
		return f.states(t)["done"] == 1 && f.states(t)["quarantined"] == 1
	})
}

// Whoever wrote while the process died again and again is answered soon after.
func TestATextThatWasLostOftenWaitsSecondsOnly(t *testing.T) {
	t.Parallel()
	f := setUp(t, inbox.Flood{})
	const n = 20
	for i := range n {
		f.keep(t, says(i, "RDV"), inbox.Stored)
	}
	if _, err := f.db.Exec(t.Context(), `update inbox set state = 'claimed', tries = 1, lost = 12, lease_until = now() - interval '1 second'`); err != nil {
		t.Fatal(err)
	}
	f.run(t)
	eventually(t, "all were missed", func() bool {
		var missed int
		if err := f.db.QueryRow(t.Context(), `select count(*) from inbox where lost = 13`).Scan(&missed); err != nil {
			t.Fatal(err)
		}
		return missed == n
	})
	f.clock.Advance(5 * time.Second)
	eventually(t, "all are done", func() bool { return f.states(t)["done"] == n })
}
