package permit_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/keys"
	"github.com/wasl-sms/wasl/internal/localdb/dbtest"
	"github.com/wasl-sms/wasl/internal/outbox"
	"github.com/wasl-sms/wasl/internal/person"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/seed"
	"github.com/wasl-sms/wasl/internal/services/account"
	"github.com/wasl-sms/wasl/internal/services/permit"
	"github.com/wasl-sms/wasl/internal/services/visit"
	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/internal/text/texttest"
)

// start is a working morning with no feast near.
var start = time.Date(2027, 3, 1, 9, 30, 0, 0, time.UTC)

// People of the sample register.
const (
	convicted     = "41207" // Karim Alaoui, 12/04/1988
	onTrial       = "41533"
	investigated  = "42018"
	onAppeal      = "42377"
	convictedSale = "43001"
	nobody        = "99999"
)

type world struct {
	t        testing.TB
	db       *postgres.DB
	ring     *keys.Ring
	book     *casework.Book
	persons  *person.Registry
	places   *establishment.Directory
	register *establishment.Register
	texts    *text.Catalogue
	outbox   *outbox.Outbox
	visits   *visit.Service
	permits  *permit.Service
	keys     atomic.Int64

	mu sync.Mutex
	at time.Time
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, db: dbtest.DB(t, postgres.Options{MaxConns: 20}), ring: keys.New(), at: start}
	w.texts = texttest.Load(t, casework.Texts(), form.Texts(), establishment.Texts(), account.Texts(), visit.Texts(), permit.Texts())
	w.persons = person.New(w.db, w.ring, w.now)
	w.places = establishment.New(w.db, w.ring, w.now)
	w.outbox = outbox.New(outbox.Config{
		DB: w.db, Texts: w.texts, Contacts: w.persons, Vault: w.ring,
		Route: func(private.Msisdn) string { return "north" }, Now: w.now,
	})
	w.book = casework.NewBook(w.db, w.outbox, w.now)
	w.visits = visit.New(w.db, w.book, w.places, w.ring, w.now)
	w.permits = permit.New(w.db, w.book, w.persons, w.places, w.ring, w.visits, w.now)
	w.register = establishment.NewRegister(w.places, w.book, w.permits, w.visits)
	w.must(casework.Sync(t.Context(), w.db, permit.RequestLife(), permit.Life(), visit.Life()))
	w.must(seed.Sample(t.Context(), w.db, w.register, w.visits, start))
	return w
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

func (w *world) forward(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = w.at.Add(d)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) scan(into any, sql string, args ...any) {
	w.t.Helper()
	w.must(w.db.QueryRow(w.t.Context(), sql, args...).Scan(into))
}

// refused fails the test unless err is a fault with this text.
func refused(t testing.TB, err error, key text.Key) {
	t.Helper()
	if fault.KeyOf(err) != key {
		t.Errorf("got %v, want %s", err, key)
	}
}

func (w *world) key() string { return fmt.Sprint("k", w.keys.Add(1)) }

// family opens an account whose holder has a card and gives both ids.
func (w *world) family(lang text.Lang) (account, self int64) {
	w.t.Helper()
	n := w.keys.Add(1)
	cmd := casework.Command{Actor: casework.Actor{Kind: casework.Citizen}, Channel: "ussd", Key: w.key(), Verb: "account.register"}
	_, err := w.book.Do(w.t.Context(), cmd, nil, func(ctx context.Context, tx *casework.Tx) error {
		a, err := w.persons.Register(ctx, tx, person.Registration{
			Msisdn: private.StoredMsisdn(fmt.Sprintf("+2126%08d", n)), Lang: lang, Quality: person.Family, IDType: "cin",
			IDNumber: fmt.Sprintf("AB%06d", n), BirthDate: time.Date(1985, 3, 5, 0, 0, 0, 0, time.UTC), PIN: "x", ConsentVersion: 1, Channel: "ussd",
		})
		account = a.ID
		return err
	})
	w.must(err)
	household, err := w.persons.Household(w.t.Context(), account)
	w.must(err)
	return account, household[0].ID
}

func citizen(account int64) casework.Actor {
	return casework.Actor{Kind: casework.Citizen, ID: account}
}

func (w *world) by(a casework.Actor) casework.Command {
	return casework.Command{Actor: a, Channel: "ussd", Key: w.key(), Verb: "permit.test"}
}

func (w *world) staff(id int64, role string) casework.Command {
	return casework.Command{Actor: casework.Actor{Kind: casework.Staff, ID: id, Role: role}, Channel: "desk", Key: w.key(), Verb: "permit.test"}
}

// asks is what a family sends: its holder wants to see one person.
func asks(account, visitor int64, number string) permit.Sending {
	return permit.Sending{
		AccountID: account, Claim: permit.Claim{Number: number}, Hint: establishment.HintUnknown,
		Visitors: []permit.Coming{{VisitorID: visitor, Relation: "parent"}},
	}
}

func (w *world) send(account, visitor int64, number string) permit.Sent {
	w.t.Helper()
	sent, err := w.permits.Send(w.t.Context(), w.by(citizen(account)), asks(account, visitor, number))
	w.must(err)
	return sent
}

func (w *world) file(id int64) casework.File {
	w.t.Helper()
	f, err := casework.Look(w.t.Context(), w.db, id)
	w.must(err)
	return f
}

// decision is one that grants everyone of a request for half a year.
func (w *world) decision(id int64) permit.Decision {
	w.t.Helper()
	v, err := w.permits.View(w.t.Context(), id)
	w.must(err)
	d := permit.Decision{RequestID: id, Version: v.File.Version, Kind: permit.Period, Sighted: true, From: w.now(), To: w.now().AddDate(0, 6, 0)}
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
	w.t.Helper()
	d := w.decision(id)
	if change != nil {
		change(&d)
	}
	return w.permits.Decide(w.t.Context(), w.staff(judge, "authority"), d)
}

func refuseAll(d *permit.Decision) {
	for i := range d.Verdicts {
		d.Verdicts[i].Grant, d.Verdicts[i].Reason = false, "link_not_shown"
	}
}

// granted gives a family's live permit to see somebody.
func (w *world) granted(account, self int64, number string) casework.File {
	w.t.Helper()
	sent := w.send(account, self, number)
	_, err := w.decide(sent.ID, nil)
	w.must(err)
	v, err := w.permits.View(w.t.Context(), sent.ID)
	w.must(err)
	return w.file(v.Permits[0].ID)
}

// told gives what an account was sent, oldest first: key and text.
func (w *world) told(account int64) (all []string) {
	w.t.Helper()
	rows, err := w.db.Query(w.t.Context(), `select id, text_key from message where account_id = $1 order by id`, account)
	w.must(err)
	type row struct {
		ID  int64
		Key string
	}
	texts, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
	w.must(err)
	for _, m := range texts {
		body, err := w.outbox.Body(w.t.Context(), m.ID)
		w.must(err)
		all = append(all, m.Key+": "+body.Raw())
	}
	return all
}

// wasTold fails the test unless the newest text to an account has this key
// and these words in it.
func (w *world) wasTold(account int64, key text.Key, words ...string) {
	w.t.Helper()
	all := w.told(account)
	if len(all) == 0 || !strings.HasPrefix(all[len(all)-1], string(key)+": ") {
		w.t.Errorf("told %q, want %s last", all, key)
		return
	}
	for _, word := range words {
		if !strings.Contains(all[len(all)-1], word) {
			w.t.Errorf("told %q without %q", all[len(all)-1], word)
		}
	}
}

func (w *world) count(account int64, key text.Key) int {
	w.t.Helper()
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
	w.t.Helper()
	d, err := w.tryOpen(who, entry, args...)
	w.must(err)
	return d
}

func (w *world) tryOpen(who form.Who, entry string, args ...string) (*talk, error) {
	w.t.Helper()
	for _, e := range w.permits.Definition().Entries {
		if e.Name == entry {
			draft, err := e.Flow.Start(w.t.Context(), who, args)
			return &talk{w: w, who: who, flow: e.Flow, draft: draft}, err
		}
	}
	w.t.Fatalf("no entry %s", entry)
	return nil, nil
}

// screen writes what is asked now, "" when all is answered.
func (w *world) screen(d *talk) string {
	w.t.Helper()
	p, ok, err := d.flow.Prompt(w.t.Context(), d.who, d.draft)
	w.must(err)
	if !ok {
		return ""
	}
	s := w.texts.Write(d.who.Lang, p.Ask)
	for _, o := range p.Options {
		s += "\n" + o.Key + " " + w.texts.Write(d.who.Lang, o.Label)
	}
	return s
}

// answer gives answers that must be taken.
func (d *talk) answer(inputs ...string) {
	d.w.t.Helper()
	for _, in := range inputs {
		next, err := d.flow.Answer(d.w.t.Context(), d.who, d.draft, in)
		if err != nil {
			d.w.t.Fatalf("%q to %q: %v", in, d.w.screen(d), err)
		}
		d.draft = next
	}
}

// again gives an answer that must not be taken.
func (d *talk) again(in string, want text.Key) {
	d.w.t.Helper()
	_, err := d.flow.Answer(d.w.t.Context(), d.who, d.draft, in)
	retry, ok := errors.AsType[*form.Retry](err)
	if !ok || retry.Why.Key != want {
		d.w.t.Errorf("%q to %q: %v, want %s", in, d.w.screen(d), err, want)
	}
}

// asked is the name of the question asked now.
func (d *talk) asked() string {
	d.w.t.Helper()
	p, _, err := d.flow.Prompt(d.w.t.Context(), d.who, d.draft)
	d.w.must(err)
	return p.Question
}

// finish ends the form under a key and gives the last screen.
func (d *talk) finish(key string) text.Line {
	d.w.t.Helper()
	if q := d.asked(); q != "" {
		d.w.t.Fatalf("%s is still asked", q)
	}
	r, err := d.flow.Finish(d.w.t.Context(), d.who, key, d.draft)
	d.w.must(err)
	return r.Say
}
