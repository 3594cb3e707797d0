package links_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/links"
	"github.com/wasl-sms/wasl/internal/localdb/dbtest"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/run/runtest"
	"github.com/wasl-sms/wasl/internal/text/texttest"
)

type world struct {
	db *postgres.DB
	at time.Time
}

func setUp(t *testing.T) *world {
	t.Helper()
	w := &world{db: dbtest.DB(t, postgres.Options{}), at: time.Date(2026, 11, 20, 9, 30, 20, 0, time.UTC)}
	_, err := w.db.Exec(t.Context(), `insert into staff (id, login, name, lang, password_hash, totp_sealed, created_at)
		values (7, 'samira', 'Samira', 'fr', 'x', '\x00', $1)`, w.at)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// process is a Store as another process would have it.
func (w *world) process() *links.Store { return links.New(w.db, func() time.Time { return w.at }) }

func (w *world) in(t *testing.T, fn func(ctx context.Context, tx pgx.Tx) error) error {
	t.Helper()
	return w.db.InTx(t.Context(), fn)
}

func (w *world) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := w.db.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

func bound(bind string, at time.Time) links.Standing {
	return links.Standing{
		Name: links.Name{Operator: "north", Bind: bind}, Address: "smsc:2775", Mode: "transceiver",
		State: links.Bound, Since: at, InFlight: 3, Window: 10, TPS: 2.5,
	}
}

func report(t *testing.T, s *links.Store, r links.Report) []links.Name {
	t.Helper()
	elsewhere, err := s.Report(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return elsewhere
}

var north = links.About{Operator: "north", Prefixes: []string{"+2126"}, ShortCodes: []string{"3690"}}

func TestStandingsAreReadAsReported(t *testing.T) {
	t.Parallel()
	w := setUp(t)
	one, two := w.process(), w.process()
	refused := bound("2", w.at)
	refused.State, refused.Resting = links.Refused, true
	refused.Failed = &links.Failure{Name: refused.Name, Cause: links.LoginFailed, Code: 0x0E, Count: 1, Last: w.at}
	report(t, one, links.Report{Standings: []links.Standing{bound("1", w.at), refused}, Abouts: []links.About{north}})
	report(t, two, links.Report{Standings: []links.Standing{bound("1", w.at)}})
	w.exec(t, `update bind_state set seen_at = now() - interval '1 minute' where process = $1`, one.Process())

	list, err := two.Operators(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 1 || len(list[0].Binds) != 2 || !cmp.Equal(list[0].Prefixes, north.Prefixes) || list[0].SeenAt.IsZero() {
		t.Fatalf("operators are %+v", list)
	}
	first, second := list[0].Binds[0], list[0].Binds[1]
	if first.Wish != links.Run || first.Version != 0 || len(first.At) != 2 {
		t.Fatalf("bind 1 is %+v", first)
	}
	if a, b := first.At[0], first.At[1]; a.Process != two.Process() || a.Stale || b.Process != one.Process() || !b.Stale {
		t.Errorf("the one heard of last comes first, the silent one is stale: %+v", first.At)
	}
	got := second.At[0]
	got.SeenAt, got.Process, got.Stale, got.Since = time.Time{}, "", false, got.Since.UTC()
	got.Failed.Last = got.Failed.Last.UTC()
	if diff := cmp.Diff(refused, got); diff != "" {
		t.Error(diff)
	}

	report(t, two, links.Report{Removed: []string{"north"}})
	if list, err = two.Operators(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("a removed operator is still listed: %v, %v", list, err)
	}
}

// What can't be stored is an error, and costs nothing of what is stored.
func TestAReportThatCantBeWritten(t *testing.T) {
	t.Parallel()
	w := setUp(t)
	s := w.process()
	report(t, s, links.Report{Standings: []links.Standing{bound("1", w.at)}, Abouts: []links.About{north}})
	endless := bound("1", w.at)
	endless.TPS = math.Inf(1)
	if _, err := s.Report(t.Context(), links.Report{Standings: []links.Standing{endless}}); err == nil {
		t.Error("an endless rate was stored")
	}
	if list, err := s.Operators(t.Context()); err != nil || len(list[0].Binds) != 1 {
		t.Errorf("operators are %+v, %v", list, err)
	}
}

func TestAWishIsHeardAndHasOneWinner(t *testing.T) {
	t.Parallel()
	w := setUp(t)
	keeper, office := w.process(), w.process()
	report(t, keeper, links.Report{Standings: []links.Standing{bound("1", w.at)}})
	runtest.Start(t, keeper.Run)
	rung, leave := keeper.Listen()
	defer leave()
	<-rung // listening has begun

	wish := func(bind string, v links.Wish, version int) error {
		return w.in(t, func(ctx context.Context, tx pgx.Tx) error { return office.Wish(ctx, tx, "north", bind, v, version, 7) })
	}
	if err := wish("1", links.Pause, 0); err != nil {
		t.Fatal(err)
	}
	<-rung
	got, err := keeper.Wishes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if g := got[links.Name{Operator: "north", Bind: "1"}]; g.Wish != links.Pause || g.Version != 1 || g.SetBy != 7 || !g.SetAt.Equal(w.at) {
		t.Errorf("wish is %+v", g)
	}
	if err := wish("1", links.Drain, 0); fault.KindOf(err) != fault.KindConflict {
		t.Errorf("a wish over one that changed meanwhile: %v", err)
	}
	if err := wish("2", links.Drain, 0); fault.KindOf(err) != fault.KindNotFound {
		t.Errorf("a wish for no bind: %v", err)
	}
	if err := wish("1", links.Run, 1); err != nil {
		t.Error(err)
	}
	<-rung
	if got, err = keeper.Wishes(t.Context()); err != nil || got[links.Name{Operator: "north", Bind: "1"}].Wish != links.Run {
		t.Errorf("wishes are %v, %v", got, err)
	}
}

func TestATraceEndsByItself(t *testing.T) {
	t.Parallel()
	w := setUp(t)
	s := w.process()
	report(t, s, links.Report{Standings: []links.Standing{bound("1", w.at)}})
	trace := func(until time.Time, version int) error {
		return w.in(t, func(ctx context.Context, tx pgx.Tx) error { return s.Trace(ctx, tx, "north", "1", until, version, 7) })
	}
	if err := trace(w.at.Add(2*time.Hour), 0); fault.KindOf(err) != fault.KindInvalid {
		t.Errorf("two hours: %v", err)
	}
	until := w.at.Add(10 * time.Minute)
	if err := trace(until, 0); err != nil {
		t.Fatal(err)
	}
	got, err := s.Wishes(t.Context())
	if g := got[links.Name{Operator: "north", Bind: "1"}]; err != nil || !g.TraceUntil.Equal(until) || g.Wish != links.Run {
		t.Errorf("wanted %+v, %v", g, err)
	}
	if err := trace(time.Time{}, 1); err != nil {
		t.Fatal(err)
	}
	got, err = s.Wishes(t.Context())
	if g := got[links.Name{Operator: "north", Bind: "1"}]; err != nil || !g.TraceUntil.IsZero() {
		t.Errorf("wanted %+v, %v", g, err)
	}
}

func TestCountsAddUpOverProcesses(t *testing.T) {
	t.Parallel()
	w := setUp(t)
	minute := w.at.Truncate(time.Minute)
	m := links.Minute{
		Name: links.Name{Operator: "north", Bind: "1"}, Minute: minute, Submitted: 5, Sent: 2, Throttled: 1, Temporary: 1, Rejected: 1,
		Unknown: 1, Delivered: 2, Undelivered: 1, Inbound: 4, USSD: 3, ResponseMS: 120,
	}
	f := links.Failure{Name: m.Name, Cause: links.Throttled, Code: 0x58, Count: 2, Last: w.at}
	one, two := w.process(), w.process()
	report(t, one, links.Report{Minutes: []links.Minute{m}, Failures: []links.Failure{f}})
	report(t, two, links.Report{Minutes: []links.Minute{m}, Failures: []links.Failure{f, {Name: m.Name, Cause: links.Lost, Count: 1, Last: w.at.Add(time.Second)}}})

	got, err := one.Minutes(t.Context(), "north", minute)
	if err != nil || len(got) != 1 {
		t.Fatalf("minutes %v, %v", got, err)
	}
	got[0].Minute = got[0].Minute.UTC()
	want := links.Minute{
		Name: m.Name, Minute: minute, Submitted: 10, Sent: 4, Throttled: 2, Temporary: 2, Rejected: 2, Unknown: 2,
		Delivered: 4, Undelivered: 2, Inbound: 8, USSD: 6, ResponseMS: 240,
	}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Error(diff)
	}
	errs, err := one.Errors(t.Context(), "north", 10)
	if err != nil || len(errs) != 2 || errs[0].Cause != links.Lost || errs[1].Count != 4 || errs[1].Code != 0x58 {
		t.Errorf("errors %+v, %v", errs, err)
	}

	w.at = w.at.Add(91 * 24 * time.Hour)
	if err := one.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err = one.Minutes(t.Context(), "north", time.Time{}); err != nil || len(got) != 0 {
		t.Errorf("after 91 days: %v, %v", got, err)
	}
}

// A refusal counts until the bind has been bound after it.
func TestRefusalsAreRemembered(t *testing.T) {
	t.Parallel()
	w := setUp(t)
	s := w.process()
	refusal := func(bind string, code uint32, ago time.Duration) links.Failure {
		return links.Failure{Name: links.Name{Operator: "north", Bind: bind}, Cause: links.LoginFailed, Code: code, Count: 1, Last: w.at.Add(-ago)}
	}
	older := bound("before", w.at.Add(-time.Hour)) // by another process, whose session stays
	report(t, w.process(), links.Report{Standings: []links.Standing{older}})
	report(t, s, links.Report{
		Standings: []links.Standing{bound("after", w.at.Add(-time.Minute))},
		Failures: []links.Failure{
			refusal("wrong", 0x0E, 14*time.Minute), refusal("wrong", 0x0D, 3*time.Minute), refusal("held", 0x05, time.Minute),
			refusal("long ago", 0x0E, 16*time.Minute), refusal("after", 0x0F, 2*time.Minute), refusal("before", 0x0F, 2*time.Minute),
		},
	})
	got, err := s.Refusals(t.Context(), w.at.Add(-15*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if f := got[links.Name{Operator: "north", Bind: "wrong"}]; len(got) != 2 || f.Code != 0x0D || !f.Last.Equal(w.at.Add(-3*time.Minute)) {
		t.Errorf("refusals are %+v", got)
	}
	if f := got[links.Name{Operator: "north", Bind: "before"}]; f.Code != 0x0F {
		t.Errorf("refusals are %+v", got)
	}
}

func TestWhoCanSendIsToldToOthers(t *testing.T) {
	t.Parallel()
	w := setUp(t)
	one, two := w.process(), w.process()
	st := bound("1", w.at)
	for name, c := range map[string]struct {
		change func(*links.Standing)
		want   int
	}{
		"bound":    {func(*links.Standing) {}, 1},
		"resting":  {func(s *links.Standing) { s.Resting = true }, 0},
		"paused":   {func(s *links.Standing) { s.State = links.Paused }, 0},
		"receiver": {func(s *links.Standing) { s.Mode = "receiver" }, 0},
	} {
		changed := st
		c.change(&changed)
		report(t, one, links.Report{Standings: []links.Standing{changed}})
		if got := report(t, two, links.Report{}); len(got) != c.want {
			t.Errorf("%s: others see %v", name, got)
		}
		if got := report(t, one, links.Report{Standings: []links.Standing{changed}}); len(got) != 0 {
			t.Errorf("%s: its own process counts as another: %v", name, got)
		}
	}
}

func TestProcessesThatAreGoneAreForgotten(t *testing.T) {
	t.Parallel()
	w := setUp(t)
	old, fresh := w.process(), w.process()
	report(t, old, links.Report{Standings: []links.Standing{bound("1", w.at), bound("2", w.at)}, Abouts: []links.About{north}})
	w.exec(t, `update bind_state set seen_at = now() - interval '5 minutes'`)
	report(t, fresh, links.Report{Standings: []links.Standing{bound("1", w.at)}})
	if err := fresh.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	list, err := fresh.Operators(t.Context())
	if err != nil || len(list) != 1 || len(list[0].Binds) != 2 {
		t.Fatalf("operators %+v, %v", list, err)
	}
	if b := list[0].Binds; len(b[0].At) != 1 || b[0].At[0].Process != fresh.Process() || !b[1].At[0].Stale {
		t.Errorf("binds are %+v", b)
	}
	report(t, fresh, links.Report{}) // the file has no bind any more
	if list, err = fresh.Operators(t.Context()); err != nil || len(list[0].Binds) != 1 {
		t.Errorf("what is left out of a report is forgotten: %+v, %v", list, err)
	}
}

func TestReloadsAreAskedAndAnswered(t *testing.T) {
	t.Parallel()
	w := setUp(t)
	one, two := w.process(), w.process()
	if err := w.in(t, func(ctx context.Context, tx pgx.Tx) error { return one.AskReload(ctx, tx, 7) }); err != nil {
		t.Fatal(err)
	}
	id, asked, err := two.LastReload(t.Context())
	if err != nil || id == 0 || !asked.Equal(w.at) {
		t.Fatalf("reload %d at %v, %v", id, asked, err)
	}
	for _, s := range []*links.Store{one, two} {
		if err := s.Reloaded(t.Context(), id, links.Spoiled, "operator \"north\": no sender"); err != nil {
			t.Fatal(err)
		}
	}
	if err := two.Reloaded(t.Context(), 0, links.Applied, "1 bind added"); err != nil { // a signal
		t.Fatal(err)
	}
	if again, _, err := one.LastReload(t.Context()); err != nil || again != id {
		t.Errorf("a signal to one process asks no other: %d, %v", again, err)
	}
	list, err := one.Reloads(t.Context(), 10)
	if err != nil || len(list) != 2 {
		t.Fatalf("reloads %+v, %v", list, err)
	}
	if r := list[0]; r.Process != two.Process() || r.AskedBy != 0 || len(r.Done) != 1 || r.Done[0].Outcome != links.Applied {
		t.Errorf("signal: %+v", r)
	}
	if r := list[1]; r.Process != "" || r.AskedBy != 7 || len(r.Done) != 2 || r.Done[0].Detail == "" {
		t.Errorf("asked: %+v", r)
	}
}

func TestTexts(t *testing.T) {
	t.Parallel()
	texttest.Lint(t, links.CatalogueFiles())
}
