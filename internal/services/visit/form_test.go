package visit_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/services/visit"
	"github.com/wasl-sms/wasl/internal/services/visit/visittest"
	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/internal/text/texttest"
)

// phone answers the questions of one entry.
type phone struct {
	t     *testing.T
	w     *visittest.World
	flow  form.Flow
	who   form.Who
	draft form.Draft
	asked []string
	texts *text.Catalogue
}

func dial(t *testing.T, w *visittest.World, f visittest.Family, entry string, args ...string) *phone {
	t.Helper()
	i := slices.IndexFunc(w.Visits.Definition().Entries, func(e form.Entry) bool { return e.Name == entry })
	p := &phone{
		t: t, w: w, flow: w.Visits.Definition().Entries[i].Flow, texts: texttest.Load(t, visit.Texts()),
		who: form.Who{Account: f.Account, Lang: text.French, Channel: form.USSD, PINGiven: true, Now: w.Clock.Now()},
	}
	var err error
	if p.draft, err = p.flow.Start(t.Context(), p.who, args); err != nil {
		t.Fatal(err)
	}
	return p
}

// prompt gives the question now, written out to show that it can be.
func (p *phone) prompt() (form.Prompt, bool) {
	p.t.Helper()
	q, ok, err := p.flow.Prompt(p.t.Context(), p.who, p.draft)
	if err != nil {
		p.t.Fatal(err)
	}
	if ok {
		p.texts.Write(text.Arabic, q.Ask)
		for _, o := range q.Options {
			if o.Label.Key != "visit.opt.guest" { // names of relations belong to another catalogue
				p.texts.Write(text.French, o.Label)
			}
		}
	}
	return q, ok
}

// press answers; it returns what the form says to an answer it can't take.
func (p *phone) press(keys ...string) error {
	p.t.Helper()
	for _, key := range keys {
		q, ok := p.prompt()
		if !ok {
			p.t.Fatalf("pressed %s, but nothing is asked any more", key)
		}
		p.asked = append(p.asked, q.Question)
		d, err := p.flow.Answer(p.t.Context(), p.who, p.draft, key)
		if err != nil {
			return err
		}
		p.draft = d
	}
	return nil
}

// done finishes, twice under one key, and gives the last screen.
func (p *phone) done() text.Line {
	p.t.Helper()
	if q, ok := p.prompt(); ok {
		p.t.Fatalf("still asks %s", q.Question)
	}
	key := p.w.Key()
	first, err := p.flow.Finish(p.t.Context(), p.who, key, p.draft)
	if err != nil {
		p.t.Fatal(err)
	}
	again, err := p.flow.Finish(p.t.Context(), p.who, key, p.draft)
	if err != nil || p.texts.Write(text.French, first.Say) != p.texts.Write(text.French, again.Say) {
		p.t.Errorf("finished twice: %q and %q (%v)", p.texts.Write(text.French, first.Say), p.texts.Write(text.French, again.Say), err)
	}
	return first.Say
}

func TestFirstVisitThenSameAsLastTime(t *testing.T) {
	t.Parallel()
	w := world(t)
	w.Session("A", time.Wednesday, "09:00", "10:00", 5)
	f := w.Family()
	child := w.AddVisitor(&f, time.Date(2018, 1, 1, 0, 0, 0, 0, time.UTC))

	p := dial(t, w, f, visit.EntryBook)
	w.Must(p.press("1", "1", "1")) // all of us; the first slot; confirm
	if want := []string{"guests", "slot", "sure"}; !slices.Equal(p.asked, want) {
		t.Errorf("asked %v, want %v", p.asked, want)
	}
	if say := p.done(); say.Key != "visit.done.booked" {
		t.Errorf("said %s", say.Key)
	}
	first := mustOne(w, f)
	if v, err := w.Visits.Get(t.Context(), first); err != nil || !slices.Contains(v.Visitors, child) {
		t.Errorf("visitors %v (%v), want the child %d too", v.Visitors, err, child)
	}

	p = dial(t, w, f, visit.EntryBook)
	w.Must(p.press("1", "1"))
	if want := []string{"slot", "sure"}; !slices.Equal(p.asked, want) {
		t.Errorf("a returning family is asked %v, want %v", p.asked, want)
	}
	p.done()
	w.Verify()

	p = dial(t, w, f, visit.EntryBook)
	q, _ := p.prompt()
	other := q.Options[len(q.Options)-1]
	w.Must(p.press(other.Key, "2", "9", "1", "2", "1", "1")) // others: me; enough; slot; other hour; slot; confirm
	if want := []string{"slot", "guests", "guests", "slot", "sure", "slot", "sure"}; !slices.Equal(p.asked, want) {
		t.Errorf("with other people: asked %v, want %v", p.asked, want)
	}
	p.done()
	w.Verify()
}

func TestNoPermitIsSaidBeforeAnyQuestion(t *testing.T) {
	t.Parallel()
	w := world(t)
	f := w.Family()
	w.Exec(`update permit set valid_to = '2026-01-01', kind = 'period' where id = $1`, f.Permits[0])
	flow := w.Visits.Definition().Entries[0].Flow
	_, err := flow.Start(t.Context(), form.Who{Account: f.Account, Now: w.Clock.Now()}, nil)
	if fault.KeyOf(err) != "visit.no_permit" {
		t.Errorf("error %v", err)
	}
}

func TestHoldSurvivesADroppedCall(t *testing.T) {
	t.Parallel()
	w := world(t)
	w.Session("A", time.Wednesday, "09:00", "10:00", 1)
	families := w.Families(2)
	f, g := families[0], families[1]
	p := dial(t, w, f, visit.EntryBook)
	w.Must(p.press("1")) // the only visitor is not asked for; the first slot is held
	w.Clock.Add(4 * time.Minute)
	other := dial(t, w, g, visit.EntryBook)
	if q, _ := other.prompt(); len(q.Options) != 2 {
		t.Errorf("another family sees %d slots, want the two that are free", len(q.Options))
	}
	q, ok := p.prompt() // dialled again: the draft goes on where it was
	if !ok || q.Question != "sure" {
		t.Fatalf("asks %q", q.Question)
	}
	w.Must(p.press("1"))
	p.done()

	// A hold that ran out is taken again if the place is still free.
	p = dial(t, w, g, visit.EntryBook)
	w.Must(p.press("1"))
	w.Clock.Add(15 * time.Minute)
	w.Must(w.Visits.ExpireHolds(t.Context()))
	w.Must(p.press("1"))
	p.done()
	w.Verify()
}

func TestMoveAndCancelByPhone(t *testing.T) {
	t.Parallel()
	w := world(t)
	days := w.Session("A", time.Wednesday, "09:00", "10:00", 5)
	f := w.Family()
	b, err := w.Visits.Book(t.Context(), w.Citizen(f), f.Ask(days[0]))
	w.Must(err)
	p := dial(t, w, f, visit.EntryMine)
	w.Must(p.press("1", "1", "1")) // change; another Wednesday; confirm
	if want := []string{"what", "slot", "sure"}; !slices.Equal(p.asked, want) {
		t.Errorf("asked %v, want %v", p.asked, want)
	}
	p.done()
	if s := w.State(b.ID); s != visit.Superseded {
		t.Errorf("the old visit is %s", s)
	}
	p = dial(t, w, f, visit.EntryMine)
	w.Must(p.press("2", "1"))
	if say := p.done(); say.Key != "visit.done.cancelled" {
		t.Errorf("said %s", say.Key)
	}
	flow := p.flow
	if _, err := flow.Start(t.Context(), p.who, nil); fault.KeyOf(err) != "visit.none" {
		t.Errorf("nothing left to show: %v", err)
	}
	w.Verify()
}

func TestCancelByReference(t *testing.T) {
	t.Parallel()
	w := world(t)
	days := w.Session("A", time.Wednesday, "09:00", "10:00", 5)
	families := w.Families(2)
	f, g := families[0], families[1]
	b, err := w.Visits.Book(t.Context(), w.Citizen(f), f.Ask(days[0]))
	w.Must(err)
	theirs, err := w.Visits.Book(t.Context(), w.Citizen(g), g.Ask(days[0]))
	w.Must(err)
	p := dial(t, w, f, visit.EntryCancel, theirs.Ref) // somebody else's is not taken
	var again *form.Retry
	if err := p.press(theirs.Ref); !errors.As(err, &again) || again.Why.Key != "visit.ref_unknown" {
		t.Errorf("another family's reference: %v", err)
	}
	if err := p.press("12345678"); !errors.As(err, &again) {
		t.Errorf("a mistyped reference: %v", err)
	}
	p = dial(t, w, f, visit.EntryCancel, b.Ref)
	w.Must(p.press("1"))
	p.done()
	if w.State(b.ID) != visit.CancelledFamily || w.State(theirs.ID) != visit.Booked {
		t.Errorf("own %s, theirs %s", w.State(b.ID), w.State(theirs.ID))
	}
}

// question is what a text of ours asked, as the dialogue would keep it.
type question struct {
	entry string
	args  []string
}

type questions map[int64]question

func (q questions) Expect(_ context.Context, _ pgx.Tx, account int64, entry string, args []string, _ time.Time) error {
	q[account] = question{entry, args}
	return nil
}

func TestAnswersToTexts(t *testing.T) {
	t.Parallel()
	w := world(t)
	ctx := t.Context()
	open := questions{}
	w.Visits.Bind(open)
	days := w.Session("A", time.Friday, "09:00", "10:00", 9)
	families := w.Families(4)
	var booked []visit.Booking
	for _, f := range families[:3] {
		b, err := w.Visits.Book(ctx, w.Citizen(f), f.Ask(days[0]))
		w.Must(err)
		booked = append(booked, b)
	}
	w.Clock.Set(time.Date(2026, 3, 4, 11, 0, 0, 0, time.UTC))
	w.Must(w.Visits.Remind(ctx))
	answer := func(f visittest.Family, key string) text.Line {
		t.Helper()
		q, ok := open[f.Account]
		if !ok {
			t.Fatal("nothing was asked")
		}
		p := dial(t, w, f, q.entry, q.args...)
		w.Must(p.press(key))
		return p.done()
	}
	if say := answer(families[0], "1"); say.Key != "visit.done.kept" || w.State(booked[0].ID) != visit.Booked {
		t.Errorf("1 to the reminder: %s, %s", say.Key, w.State(booked[0].ID))
	}
	if say := answer(families[1], "2"); say.Key != "visit.done.cancelled" || w.State(booked[1].ID) != visit.CancelledFamily {
		t.Errorf("2 to the reminder: %s, %s", say.Key, w.State(booked[1].ID))
	}
	_, err := w.Visits.Close(ctx, w.Staff(2, "establishment"), visit.Closing{
		EstablishmentID: w.House, Day: time.Date(2026, 3, 6, 0, 0, 0, 0, time.UTC), Reason: "works",
	})
	w.Must(err)
	w.Must(w.Visits.RunClosures(ctx))
	if say := answer(families[2], "2"); say.Key != "visit.done.booked" {
		t.Errorf("2 to the offers: %s", say.Key)
	}
	var occurrence int64
	w.Scan([]any{&occurrence}, `select occurrence_id from visit where account_id = $1 and state = 'BOOKED'`, families[2].Account)
	if occurrence != days[2] {
		t.Errorf("booked occurrence %d, want the second offer %d", occurrence, days[2])
	}
	held, err := w.Visits.Hold(ctx, w.Citizen(families[3]), families[3].Ask(days[1]))
	w.Must(err)
	w.Clock.Add(6 * time.Minute)
	w.Must(w.Visits.NudgeHolds(ctx))
	if say := answer(families[3], "1"); say.Key != "visit.done.booked" || w.State(held.ID) != visit.Booked {
		t.Errorf("1 to the kept place: %s, %s", say.Key, w.State(held.ID))
	}
	w.Verify()
}

func TestStatus(t *testing.T) {
	t.Parallel()
	w := world(t)
	days := w.Session("A", time.Wednesday, "09:00", "10:00", 5)
	f := w.Family()
	b, err := w.Visits.Book(t.Context(), w.Citizen(f), f.Ask(days[0]))
	w.Must(err)
	texts := texttest.Load(t, visit.Texts())
	for _, pin := range []bool{false, true} {
		line, ok, err := w.Visits.Status(t.Context(), form.Who{Account: f.Account, PINGiven: pin}, b.Ref)
		if err != nil || !ok {
			t.Fatalf("status: %v %v", ok, err)
		}
		want := fmt.Sprintf("RDV %s : confirmé", b.Ref)
		if pin {
			want += ". mercredi 04/03 09:00, Ain"
		}
		if got := texts.Write(text.French, line); got != want {
			t.Errorf("with PIN %v: %q, want %q", pin, got, want)
		}
	}
	if _, ok, _ := w.Visits.Status(t.Context(), form.Who{Account: f.Account + 1}, b.Ref); ok {
		t.Error("a stranger was answered")
	}
}
