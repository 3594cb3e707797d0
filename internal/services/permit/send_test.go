package permit_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/person"
	"github.com/wasl-sms/wasl/internal/services/permit"
	"github.com/wasl-sms/wasl/internal/text"
)

func TestSendRoutesByStatusAndRelation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct {
		number, relation string
		want             establishment.AuthorityKind
	}{
		{convicted, "parent", establishment.EstablishmentHead},
		{onTrial, "spouse", establishment.PublicProsecutor},
		{investigated, "parent", establishment.InvestigatingJudge},
		{onAppeal, "child", establishment.ProsecutorGeneral},
		{convictedSale, "sibling", establishment.EstablishmentHead},
	} {
		account, self := w.Family(text.French)
		in := asks(account, self, c.number)
		in.Visitors[0].Relation = c.relation
		sent, err := w.Permits.Send(t.Context(), w.by(citizen(account)), in)
		w.Must(err)
		f := w.file(sent.ID)
		if f.State != permit.UnderReview || f.AuthorityID == nil {
			t.Fatalf("%s: %+v", c.number, f)
		}
		a, err := w.Places.Authority(t.Context(), *f.AuthorityID)
		w.Must(err)
		if a.Kind != c.want {
			t.Errorf("%s for a %s lies with %s, want %s", c.number, c.relation, a.Kind, c.want)
		}
		if !f.DueAt.Equal(sent.Due) {
			t.Errorf("due %v, the family was told %v", f.DueAt, sent.Due)
		}
	}
}

// textRow is a text as the outbox keeps it, but for ids and sealed bytes.
type textRow struct {
	Occasion, Key, Lang, Operator string
	Class, Parts, Part            int16
	State                         string
	CreatedAt, DueAt, ExpiresAt   time.Time
	Body                          string
}

// What a family can see must not tell whether the person was found: not the
// answer, nor the texts, nor the state in any language, nor what it may do.
func TestFoundOrNotLooksTheSame(t *testing.T) {
	t.Parallel()
	for _, lang := range text.Citizen() {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			type view struct {
				Due     time.Time
				Rows    []textRow
				Receipt string
				Screens []string
			}
			see := func(claim permit.Claim) (v view) {
				account, self := w.Family(lang)
				in := asks(account, self, "")
				in.Claim = claim
				sent, err := w.Permits.Send(t.Context(), w.by(citizen(account)), in)
				w.Must(err)
				hide := func(s string) string { return masked(s, sent.Ref) }
				v.Due = sent.Due
				rows, err := w.DB.Query(t.Context(), `select m.id, m.occasion, m.text_key, m.lang, m.operator, m.class, m.parts, p.part, p.state,
					m.created_at, p.due_at, p.expires_at from message m join message_part p on p.message_id = m.id where m.account_id = $1 order by m.id, p.part`, account)
				w.Must(err)
				var ids []int64
				for rows.Next() {
					var r textRow
					var id int64
					w.Must(rows.Scan(&id, &r.Occasion, &r.Key, &r.Lang, &r.Operator, &r.Class, &r.Parts, &r.Part, &r.State, &r.CreatedAt, &r.DueAt, &r.ExpiresAt))
					ids, v.Rows = append(ids, id), append(v.Rows, r)
				}
				w.Must(rows.Err())
				for i, id := range ids {
					body, err := w.Outbox.Body(t.Context(), id)
					w.Must(err)
					v.Rows[i].Body = hide(body.Raw())
				}
				who := form.Who{Account: account, Lang: lang, Channel: form.USSD, PINGiven: true, Now: w.Now()}
				for _, pin := range []bool{false, true} {
					who.PINGiven = pin
					line, ok, err := w.Permits.Status(t.Context(), who, sent.Ref)
					if w.Must(err); !ok {
						t.Fatal("no status")
					}
					v.Screens = append(v.Screens, hide(w.Texts.Write(lang, line)))
				}
				d := w.open(who, "permit.mine")
				v.Screens = append(v.Screens, hide(w.screen(d)))
				return v
			}
			found := see(permit.Claim{Number: convicted})
			if diff := cmp.Diff(found, see(permit.Claim{Number: nobody})); diff != "" {
				t.Errorf("by number, found and not found differ:\n%s", diff)
			}
			var ains int64
			w.Scan(&ains, `select id from establishment where code = 'AINS'`)
			named := permit.Claim{Family: "Alaoui", Given: "Karim", Birth: "1988-04-12", PlaceID: ains}
			byName := see(named)
			named.Given = "Kamal"
			if diff := cmp.Diff(byName, see(named)); diff != "" {
				t.Errorf("by name, found and not found differ:\n%s", diff)
			}
			if diff := cmp.Diff(found, byName); diff != "" {
				t.Errorf("by number and by name differ:\n%s", diff)
			}
			var states []string
			rows, err := w.DB.Query(t.Context(), `select state from case_file where machine = 'permit_request' order by id`)
			w.Must(err)
			for rows.Next() {
				var s string
				w.Must(rows.Scan(&s))
				states = append(states, s)
			}
			if diff := cmp.Diff([]string{"UNDER_REVIEW", "SUBMITTED", "UNDER_REVIEW", "SUBMITTED"}, states); diff != "" {
				t.Errorf("the test compared the wrong things:\n%s", diff)
			}
		})
	}
}

func TestHowOftenOneMayAsk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	account, self := w.Family(text.French)
	first := w.send(account, self, convicted)
	same := asks(account, self, "00"+convicted)
	_, err := w.Permits.Send(t.Context(), w.by(citizen(account)), same)
	refused(t, err, "permit.already_open")
	if ref := fault.LineOf(err).Params["ref"]; ref != text.Ref(first.Ref) {
		t.Errorf("joined %v, want %s", ref, first.Ref)
	}
	w.send(account, self, nobody)
	w.send(account, self, onTrial)
	_, err = w.Permits.Send(t.Context(), w.by(citizen(account)), asks(account, self, onAppeal))
	refused(t, err, "permit.too_many_open")
	w.Must(w.Permits.Withdraw(t.Context(), w.by(citizen(account)), first.ID, w.file(first.ID).Version))
	w.wasTold(account, "permit.withdrawn", first.Ref)
	_, err = w.Permits.Send(t.Context(), w.by(citizen(account)), asks(account, self, onAppeal))
	refused(t, err, "permit.enough_today")
	w.Add(25 * time.Hour)
	w.send(account, self, onAppeal)
}

func TestManySendingsAtOnceCountEachOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	account, self := w.Family(text.French)
	numbers := []string{"90001", "90002", "90003", "90004", "90005", "90006", "90007", "90008"}
	once := w.by(citizen(account))
	var wg sync.WaitGroup
	for _, n := range numbers {
		wg.Go(func() {
			_, err := w.Permits.Send(t.Context(), w.by(citizen(account)), asks(account, self, n))
			if err != nil && fault.KindOf(err) != fault.KindConflict {
				t.Errorf("told %v", err)
			}
		})
	}
	wg.Wait()
	if n := w.count(account, "permit.received"); n != 3 {
		t.Errorf("%d requests were taken, want 3", n)
	}
	w.Add(25 * time.Hour)
	other, self2 := w.Family(text.French)
	once.Actor = citizen(other)
	got := make([]permit.Sent, 10)
	for i := range got {
		wg.Go(func() {
			var err error
			if got[i], err = w.Permits.Send(t.Context(), once, asks(other, self2, convicted)); err != nil {
				t.Errorf("the same command again: %v", err)
			}
		})
	}
	wg.Wait()
	for _, g := range got {
		if g.Ref != got[0].Ref || !g.Due.Equal(got[0].Due) {
			t.Errorf("answers differ: %+v and %+v", g, got[0])
		}
	}
	if n := w.count(other, "permit.received"); n != 1 {
		t.Errorf("%d receipts for one command", n)
	}
}

func TestWhoMayBeAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	account, self := w.Family(text.French)
	_, stranger := w.Family(text.French)
	_, err := w.Permits.Send(t.Context(), w.by(citizen(account)), asks(account, stranger, convicted))
	refused(t, err, "household.nobody")

	in := asks(account, self, convicted)
	in.Visitors = nil
	_, err = w.Permits.Send(t.Context(), w.by(citizen(account)), in)
	refused(t, err, "permit.too_many")

	birth := time.Date(1990, 1, 2, 0, 0, 0, 0, time.UTC)
	cousin := &person.VisitorInput{IDType: "cin", IDNumber: "ZZ 99001", BirthDate: birth, Relation: "relative"}
	in.Visitors = []permit.Coming{{VisitorID: self, Relation: "parent"}, {New: cousin, Relation: "relative"}, {New: cousin, Relation: "relative"}}
	sent, err := w.Permits.Send(t.Context(), w.by(citizen(account)), in)
	w.Must(err)
	v, err := w.Permits.View(t.Context(), sent.ID)
	w.Must(err)
	if len(v.Visitors) != 2 || v.Claim.Number != convicted {
		t.Errorf("stored %+v", v)
	}
	household, err := w.Persons.Household(t.Context(), account)
	w.Must(err)
	if len(household) != 2 {
		t.Errorf("%d people in the household", len(household))
	}

	// What is not there yet is not open: a clerk gets it, and the family sees no difference.
	if _, err := w.DB.Exec(t.Context(), `update establishment_phase set phase = 'off' where service = 'permit'`); err != nil {
		t.Fatal(err)
	}
	closed := w.send(account, self, onTrial)
	if f := w.file(closed.ID); f.State != permit.Submitted {
		t.Errorf("a place that is not open got %+v", f)
	}
}
