// Package visittest seeds families, detainees, permits and timetables on a real
// database for tests of visits and of what stands on them.
package visittest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/keys"
	"github.com/wasl-sms/wasl/internal/localdb/dbtest"
	"github.com/wasl-sms/wasl/internal/outbox"
	"github.com/wasl-sms/wasl/internal/person"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/services/visit"
	"github.com/wasl-sms/wasl/internal/text/texttest"
)

// Start is when a World begins: a Monday, nine o'clock in Casablanca plus one,
// after the furthest day has opened.
var Start = time.Date(2026, 3, 2, 10, 30, 0, 0, time.UTC)

// Clock is a clock that tests set.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// Now gives the time.
func (c *Clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }

// Add moves the clock on.
func (c *Clock) Add(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.at = c.at.Add(d) }

// Set moves the clock to an instant.
func (c *Clock) Set(at time.Time) { c.mu.Lock(); defer c.mu.Unlock(); c.at = at }

// World is one establishment with its service.
type World struct {
	T      testing.TB
	DB     *postgres.DB
	Clock  *Clock
	Ring   *keys.Ring
	Book   *casework.Book
	People *person.Registry
	Outbox *outbox.Outbox
	Visits *visit.Service
	House  int64
	JAP    int64
	keys   atomic.Int64
	people atomic.Int64
}

// Family is an account with visitors who each hold a permit for one detainee.
type Family struct {
	Account  int64
	Visitors []int64 // the account's holder first
	Detainee int64
	Permits  []int64
}

// permitLife is as much of a permit's life as the fixtures need.
func permitLife() casework.Machine {
	return casework.Machine{Name: "permit", Version: 1, Rules: []casework.Rule{
		{From: "", Event: "issue", To: "ACTIVE", By: []string{"authority"}, HumanOnly: true},
		{From: "ACTIVE", Event: "revoke", To: "REVOKED", By: []string{"authority"}, HumanOnly: true, NeedsReason: true},
	}}
}

// requestLife lets a permit have a request behind it.
func requestLife() casework.Machine {
	return casework.Machine{Name: "permit_request", Version: 99, Rules: []casework.Rule{
		{From: "", Event: "fixture", To: "GRANTED", By: []string{"authority"}},
	}}
}

const sqlPermit = `
with r as (
	insert into permit_request (id, detainee_id, claim, claim_hash, hint, warning_accepted_at, submitted_at)
	values ($1, $3, '', '', 'yes', $6, $6)
), v as (
	insert into permit_request_visitor (request_id, visitor_id, relation, result) values ($1, $4, 'spouse', 'granted')
)
insert into permit (id, request_id, visitor_id, detainee_id, code, relation, kind, valid_from, authority_id, issued_by, issued_at)
values ($2, $1, $4, $3, '00000000', 'spouse', 'permanent', '2020-01-01', $5, 1, $6)`

// New makes a World on a database of its own.
func New(t testing.TB, o postgres.Options) *World {
	t.Helper()
	w := &World{T: t, DB: dbtest.DB(t, o), Clock: &Clock{at: Start}, Ring: keys.New()}
	w.People = person.New(w.DB, w.Ring, w.Clock.Now)
	w.Outbox = outbox.New(outbox.Config{
		DB: w.DB, Texts: texttest.Load(t, visit.Texts()), Contacts: w.People, Vault: w.Ring,
		Route: func(private.Msisdn) string { return "north" }, Now: w.Clock.Now,
	})
	w.Book = casework.NewBook(w.DB, w.Outbox, w.Clock.Now)
	w.Visits = visit.New(w.DB, w.Book, establishment.New(w.DB, w.Ring, w.Clock.Now), w.Ring, w.Clock.Now)
	w.Must(casework.Sync(t.Context(), w.DB, visit.Life(), permitLife(), requestLife()))
	w.House = w.NewHouse("AAA")
	w.Scan([]any{&w.JAP}, `insert into authority (kind, country, name_ar, name_fr) values ('JAP', 'MA', 'قاضي', 'Juge') returning id`)
	return w
}

// Must fails the test on an error.
func (w *World) Must(err error) {
	w.T.Helper()
	if err != nil {
		w.T.Fatal(err)
	}
}

// Scan reads one row.
func (w *World) Scan(into []any, sql string, args ...any) {
	w.T.Helper()
	w.Must(w.DB.QueryRow(w.T.Context(), sql, args...).Scan(into...))
}

// Exec runs one statement.
func (w *World) Exec(sql string, args ...any) {
	w.T.Helper()
	_, err := w.DB.Exec(w.T.Context(), sql, args...)
	w.Must(err)
}

// NewHouse makes an establishment where visits are live.
func (w *World) NewHouse(code string) (id int64) {
	w.T.Helper()
	w.Scan([]any{&id}, `
		with e as (
			insert into establishment (code, country, name_ar, name_fr, short_name, short_name_ar, tz, week_start, phone)
			values ($1, 'MA', 'عين', 'Ain', 'Ain', 'عين', 'Africa/Casablanca', 1, '0522000000') returning id
		), p as (
			insert into establishment_phase (establishment_id, service, phase, since) select id, 'visit', 'live', $2 from e
		)
		select id from e`, code, w.Clock.Now())
	return id
}

// Key gives a command key that was never used.
func (w *World) Key() string { return fmt.Sprint("k", w.keys.Add(1)) }

// Citizen is a command of a family by USSD.
func (w *World) Citizen(f Family) casework.Command {
	return casework.Command{Actor: casework.Actor{Kind: casework.Citizen, ID: f.Account}, Channel: "ussd", Key: w.Key()}
}

// Staff is a command of a staff user.
func (w *World) Staff(id int64, role string) casework.Command {
	return casework.Command{Actor: casework.Actor{Kind: casework.Staff, ID: id, Role: role}, Channel: "desk", Key: w.Key()}
}

// Families makes n families of one adult each, with a permanent permit and a detainee
// of their own.
func (w *World) Families(n int) []Family {
	w.T.Helper()
	ctx := w.T.Context()
	first := w.people.Add(int64(n)) - int64(n) + 1
	now := w.Clock.Now()
	var nos, numbers, indexes, ids, sealedIDs [][]byte
	var numberIDs []int64
	for i := range int64(n) {
		no := first + i
		raw := fmt.Sprintf("+2126%08d", no)
		sealed, err := w.Ring.Seal("msisdn", "number_sealed", 1_000_000+no, []byte(raw))
		w.Must(err)
		id := fmt.Sprintf("AB%06d", no)
		sealedID, err := w.Ring.Seal("visitor", "id_number_sealed", 1_000_000+no, []byte(id))
		w.Must(err)
		nos = append(nos, w.Ring.BlindIndex("detention_no", fmt.Sprint(no)))
		numbers, indexes = append(numbers, sealed), append(indexes, w.Ring.BlindIndex("msisdn", raw))
		numberIDs = append(numberIDs, 1_000_000+no)
		ids, sealedIDs = append(ids, w.Ring.BlindIndex("id_number", id)), append(sealedIDs, sealedID)
	}
	_, err := w.DB.Exec(ctx, `
		with n as (
			select * from unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bytea[], $5::bytea[], $6::bytea[])
				as n (id, no, number, number_index, person, person_sealed)
		), d as (
			insert into detainee (id, country, detention_no_sealed, detention_no_index, birth_date, establishment_id, legal_status,
				status_since, state_at)
			select id, 'MA', '\x00', no, '1980-01-01', $7, 'convicted', '2020-01-01', '2020-01-01' from n
		), a as (
			insert into account (id, country, lang, quality, identity_level, pin_hash, consent_version, consent_at, created_channel, created_at)
			select id, 'MA', 'fr', 'family', 1, 'x', 1, $8, 'ussd', $8 from n
		), m as (
			insert into msisdn (id, number_sealed, number_index, account_id, rank, lang, last_seen_at)
			select id, number, number_index, id, 1, 'fr', $8 from n
		)
		insert into visitor (id, account_id, self, country, id_type, id_number_sealed, id_number_index, birth_date, relation, created_at)
		select id, id, true, 'MA', 'cin', person_sealed, person, '1985-05-03', 'spouse', $8 from n`,
		numberIDs, nos, numbers, indexes, ids, sealedIDs, w.House, now)
	w.Must(err)
	out := make([]Family, n)
	for i, id := range numberIDs {
		out[i] = Family{Account: id, Visitors: []int64{id}, Detainee: id}
	}
	w.permits(out)
	return out
}

// Family makes one family of one adult.
func (w *World) Family() Family { w.T.Helper(); return w.Families(1)[0] }

// permits issues a permit to the last visitor of each family, in one command.
func (w *World) permits(families []Family) {
	w.T.Helper()
	ctx := w.T.Context()
	_, err := w.Book.Do(ctx, w.Staff(1, "authority"), nil, func(ctx context.Context, tx *casework.Tx) error {
		for i := range families {
			f := &families[i]
			visitor := f.Visitors[len(f.Visitors)-1]
			req, err := tx.Begin(ctx, requestLife(), casework.Opening{AccountID: f.Account}, casework.Move{Event: "fixture"})
			if err != nil {
				return err
			}
			p, err := tx.Begin(ctx, permitLife(), casework.Opening{AccountID: f.Account}, casework.Move{Event: "issue"})
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, sqlPermit, req.ID, p.ID, f.Detainee, visitor, w.JAP, tx.Now()); err != nil {
				return err
			}
			f.Permits = append(f.Permits, p.ID)
		}
		return nil
	})
	w.Must(err)
}

// AddVisitor adds a person born on a day to a family, with a permit.
func (w *World) AddVisitor(f *Family, born time.Time) int64 {
	w.T.Helper()
	no := w.people.Add(1)
	id := 1_000_000 + no
	number := fmt.Sprintf("AB%06d", no)
	sealed, err := w.Ring.Seal("visitor", "id_number_sealed", id, []byte(number))
	w.Must(err)
	w.Exec(`insert into visitor (id, account_id, self, country, id_type, id_number_sealed, id_number_index, birth_date, relation, created_at)
		values ($1, $2, false, 'MA', 'cin', $3, $4, $5, 'child', $6)`,
		id, f.Account, sealed, w.Ring.BlindIndex("id_number", number), born, w.Clock.Now())
	f.Visitors = append(f.Visitors, id)
	one := []Family{*f}
	w.permits(one)
	*f = one[0]
	return id
}

// Session adds a weekly session of the establishment and gives its
// occurrences, the earliest first.
func (w *World) Session(room string, day time.Weekday, from, to string, groups int) []int64 {
	w.T.Helper()
	id, err := w.Visits.AddTemplate(w.T.Context(), w.Staff(1, "establishment"), visit.Template{
		EstablishmentID: w.House, Room: room, Kind: "contact", Weekday: day, Starts: from, Ends: to,
		ValidFrom: Start.AddDate(0, 0, -7).Truncate(24 * time.Hour), CapacityGroups: groups, CapacityHeads: groups * 3,
	})
	w.Must(err)
	rows, err := w.DB.Query(w.T.Context(), `select id from occurrence where template_id = $1 order by day`, id)
	w.Must(err)
	out, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	w.Must(err)
	return out
}

// Ask is a family's wish for a place with all its visitors.
func (f Family) Ask(occurrence int64) visit.Ask {
	return visit.Ask{Account: f.Account, Detainee: f.Detainee, Visitors: f.Visitors, Occurrence: occurrence}
}

// State gives the state of a visit.
func (w *World) State(id int64) (s casework.State) {
	w.T.Helper()
	w.Scan([]any{&s}, `select state from visit where id = $1`, id)
	return s
}

// Told counts the texts of a key that an account was sent.
func (w *World) Told(account int64, key string) (n int) {
	w.T.Helper()
	w.Scan([]any{&n}, `select count(*) from message where account_id = $1 and text_key = $2`, account, key)
	return n
}

// Verify fails the test unless every counter equals its rows.
func (w *World) Verify() {
	w.T.Helper()
	if err := visit.VerifyCounters(context.WithoutCancel(w.T.Context()), w.DB); err != nil {
		w.T.Errorf("counters differ from their rows:\n%v", err)
	}
}
