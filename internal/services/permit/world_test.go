package permit_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/services/permit"
	"github.com/wasl-sms/wasl/internal/services/permit/permittest"
	"github.com/wasl-sms/wasl/internal/text"
)

// People of the sample register.
const (
	convicted     = "41207" // Karim Alaoui, 12/04/1988
	onTrial       = "41533"
	investigated  = "42018"
	onAppeal      = "42377"
	convictedSale = "43001"
	nobody        = "99999"
)

type world struct{ *permittest.World }

func newWorld(t testing.TB) *world {
	t.Helper()
	return &world{permittest.New(t, postgres.Options{MaxConns: 20})}
}

// refused fails the test unless err is a fault with this text.
func refused(t testing.TB, err error, key text.Key) {
	t.Helper()
	if fault.KeyOf(err) != key {
		t.Errorf("got %v, want %s", err, key)
	}
}

func citizen(account int64) casework.Actor {
	return casework.Actor{Kind: casework.Citizen, ID: account}
}

func (w *world) by(a casework.Actor) casework.Command {
	return casework.Command{Actor: a, Channel: "ussd", Key: w.Key(), Verb: "permit.test"}
}

func (w *world) staff(id int64, role string) casework.Command {
	return casework.Command{Actor: casework.Actor{Kind: casework.Staff, ID: id, Role: role}, Channel: "desk", Key: w.Key(), Verb: "permit.test"}
}

// asks is what a family sends: its holder wants to see one person.
func asks(account, visitor int64, number string) permit.Sending {
	return permit.Sending{
		AccountID: account, Claim: permit.Claim{Number: number}, Hint: establishment.HintUnknown,
		Visitors: []permit.Coming{{VisitorID: visitor, Relation: "parent"}},
	}
}

func (w *world) send(account, visitor int64, number string) permit.Sent {
	w.T.Helper()
	sent, err := w.Permits.Send(w.T.Context(), w.by(citizen(account)), asks(account, visitor, number))
	w.Must(err)
	return sent
}

func (w *world) file(id int64) casework.File {
	w.T.Helper()
	f, err := casework.Look(w.T.Context(), w.DB, id)
	w.Must(err)
	return f
}

// decision is one that grants everyone of a request for half a year.
func (w *world) decision(id int64) permit.Decision {
	w.T.Helper()
	v, err := w.Permits.View(w.T.Context(), id)
	w.Must(err)
	d := permit.Decision{RequestID: id, Version: v.File.Version, Kind: permit.Period, Sighted: true, From: w.Now(), To: w.Now().AddDate(0, 6, 0)}
	if v.File.AuthorityID != nil {
		d.AuthorityID = *v.File.AuthorityID
	}
	for _, asked := range v.Visitors {
		d.Verdicts = append(d.Verdicts, permit.Verdict{VisitorID: asked.VisitorID, Grant: true})
	}
	return d
}

const judge = 7

func (w *world) decide(id int64, change func(*permit.Decision)) (permit.Decided, error) {
	w.T.Helper()
	d := w.decision(id)
	if change != nil {
		change(&d)
	}
	return w.Permits.Decide(w.T.Context(), w.staff(judge, "authority"), d)
}

func refuseAll(d *permit.Decision) {
	for i := range d.Verdicts {
		d.Verdicts[i].Grant, d.Verdicts[i].Reason = false, "link_not_shown"
	}
}

// granted gives a family's live permit to see somebody.
func (w *world) granted(account, self int64, number string) casework.File {
	w.T.Helper()
	sent := w.send(account, self, number)
	_, err := w.decide(sent.ID, nil)
	w.Must(err)
	v, err := w.Permits.View(w.T.Context(), sent.ID)
	w.Must(err)
	return w.file(v.Permits[0].ID)
}

// told gives what an account was sent, oldest first: key and text.
func (w *world) told(account int64) (all []string) {
	w.T.Helper()
	rows, err := w.DB.Query(w.T.Context(), `select id, text_key from message where account_id = $1 order by id`, account)
	w.Must(err)
	type row struct {
		ID  int64
		Key string
	}
	texts, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
	w.Must(err)
	for _, m := range texts {
		body, err := w.Outbox.Body(w.T.Context(), m.ID)
		w.Must(err)
		all = append(all, m.Key+": "+body.Raw())
	}
	return all
}

// wasTold fails the test unless the newest text to an account has this key
// and these words in it.
func (w *world) wasTold(account int64, key text.Key, words ...string) {
	w.T.Helper()
	all := w.told(account)
	if len(all) == 0 || !strings.HasPrefix(all[len(all)-1], string(key)+": ") {
		w.T.Errorf("told %q, want %s last", all, key)
		return
	}
	for _, word := range words {
		if !strings.Contains(all[len(all)-1], word) {
			w.T.Errorf("told %q without %q", all[len(all)-1], word)
		}
	}
}

func (w *world) count(account int64, key text.Key) int {
	w.T.Helper()
	return len(slices.DeleteFunc(w.told(account), func(s string) bool { return !strings.HasPrefix(s, string(key)+": ") }))
}

// masked hides a reference.
func masked(s, ref string) string { return strings.ReplaceAll(s, ref, "REF") }

// talk is one run through a form.
type talk struct {
	w     *world
	who   form.Who
	flow  form.Flow
	draft form.Draft
}

func (w *world) open(who form.Who, entry string, args ...string) *talk {
	w.T.Helper()
	d, err := w.tryOpen(who, entry, args...)
	w.Must(err)
	return d
}

func (w *world) tryOpen(who form.Who, entry string, args ...string) (*talk, error) {
	w.T.Helper()
	for _, e := range w.Permits.Definition().Entries {
		if e.Name == entry {
			draft, err := e.Flow.Start(w.T.Context(), who, args)
			return &talk{w: w, who: who, flow: e.Flow, draft: draft}, err
		}
	}
	w.T.Fatalf("no entry %s", entry)
	return nil, nil
}

// screen writes what is asked now, "" when all is answered.
func (w *world) screen(d *talk) string {
	w.T.Helper()
	p, ok, err := d.flow.Prompt(w.T.Context(), d.who, d.draft)
	w.Must(err)
	if !ok {
		return ""
	}
	s := w.Texts.Write(d.who.Lang, p.Ask)
	for _, o := range p.Options {
		s += "\n" + o.Key + " " + w.Texts.Write(d.who.Lang, o.Label)
	}
	return s
}

// answer gives answers that must be taken.
func (d *talk) answer(inputs ...string) {
	d.w.T.Helper()
	for _, in := range inputs {
		next, err := d.flow.Answer(d.w.T.Context(), d.who, d.draft, in)
		if err != nil {
			d.w.T.Fatalf("%q to %q: %v", in, d.w.screen(d), err)
		}
		d.draft = next
	}
}

// again gives an answer that must not be taken.
func (d *talk) again(in string, want text.Key) {
	d.w.T.Helper()
	_, err := d.flow.Answer(d.w.T.Context(), d.who, d.draft, in)
	retry, ok := errors.AsType[*form.Retry](err)
	if !ok || retry.Why.Key != want {
		d.w.T.Errorf("%q to %q: %v, want %s", in, d.w.screen(d), err, want)
	}
}

// asked is the name of the question asked now.
func (d *talk) asked() string {
	d.w.T.Helper()
	p, _, err := d.flow.Prompt(d.w.T.Context(), d.who, d.draft)
	d.w.Must(err)
	return p.Question
}

// finish ends the form under a key and gives the last screen.
func (d *talk) finish(key string) text.Line {
	d.w.T.Helper()
	if q := d.asked(); q != "" {
		d.w.T.Fatalf("%s is still asked", q)
	}
	r, err := d.flow.Finish(d.w.T.Context(), d.who, key, d.draft)
	d.w.Must(err)
	return r.Say
}
