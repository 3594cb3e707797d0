package person_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/keys"
	"github.com/wasl-sms/wasl/internal/localdb/dbtest"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/person"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/text"
)

// clock is a clock that tests set.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.t }

func (c *clock) add(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.t = c.t.Add(d) }

// silent stands where no text is sent.
type silent struct{}

func (silent) Enqueue(context.Context, pgx.Tx, []message.Outbound) error { return nil }

type town struct {
	*person.Registry
	db    *postgres.DB
	book  *casework.Book
	clock *clock
	n     int
}

func newTown(t *testing.T) *town {
	t.Helper()
	db := dbtest.DB(t, postgres.Options{MaxConns: 20})
	c := &clock{t: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	return &town{Registry: person.New(db, keys.New(), c.now), db: db, book: casework.NewBook(db, silent{}, c.now), clock: c}
}

func number(t *testing.T, s string) private.Msisdn {
	t.Helper()
	m, err := private.ParseMsisdn(s, "MA")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (w *town) do(ctx context.Context, account int64, fn func(context.Context, *casework.Tx) error) error {
	w.n++
	_, err := w.book.Do(ctx, casework.Command{
		Actor: casework.Actor{Kind: casework.Citizen, ID: account}, Channel: "ussd",
		Key: fmt.Sprint("k", w.n), Verb: "account.test",
	}, nil, fn)
	return err
}

var birth = time.Date(1980, 2, 1, 0, 0, 0, 0, time.UTC)

func (w *town) register(t *testing.T, m private.Msisdn, id, pin string) (person.Account, error) {
	t.Helper()
	hash, err := w.HashPIN(t.Context(), pin)
	if err != nil {
		t.Fatal(err)
	}
	var a person.Account
	err = w.do(t.Context(), 0, func(ctx context.Context, tx *casework.Tx) (err error) {
		idType, number, err := w.MatchID(ctx, "MA", id)
		if err != nil {
			return err
		}
		a, err = w.Register(ctx, tx, person.Registration{
			Msisdn: m, Lang: text.French, Quality: person.Family, IDType: idType,
			IDNumber: number.Raw(), BirthDate: birth, PIN: hash, ConsentVersion: 1, Channel: "ussd",
		})
		return err
	})
	return a, err
}

func TestRegisterAndFindAgain(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	m := number(t, "0612345678")
	if a, err := w.Lookup(t.Context(), m); fault.KindOf(err) != fault.KindNotFound || a != (person.Account{}) {
		t.Fatalf("before: %+v, %v", a, err)
	}
	if err := w.SetLang(t.Context(), m, text.Darija); err != nil {
		t.Fatal(err)
	}
	if a, err := w.Lookup(t.Context(), m); fault.KindOf(err) != fault.KindNotFound || a.Lang != text.Darija {
		t.Fatalf("with a language only: %+v, %v", a, err)
	}
	a, err := w.register(t, m, "ab 123456", "5937")
	if err != nil {
		t.Fatal(err)
	}
	got, err := w.Lookup(t.Context(), m)
	if err != nil || got.ID != a.ID || got.Country != "MA" || got.Lang != text.French || got.IdentityLevel != 1 || !got.Discreet {
		t.Errorf("after: %+v, %v", got, err)
	}
	if _, err := w.register(t, m, "CD654321", "5937"); fault.KeyOf(err) != "account.known" {
		t.Errorf("a second account on the number: %v", err)
	}
	other, err := w.register(t, number(t, "0612345679"), "AB123456", "5937")
	if err != nil {
		t.Errorf("the same person on another number: %v", err)
	}
	if err := w.SetLang(t.Context(), m, text.Arabic); err != nil {
		t.Fatal(err)
	}
	if got, err := w.Account(t.Context(), a.ID); err != nil || got.Lang != text.Arabic {
		t.Errorf("with another language: %+v, %v", got, err)
	}
	if err := w.SetOptOut(t.Context(), a.ID, true); err != nil {
		t.Fatal(err)
	}
	err = pgx.BeginFunc(t.Context(), w.db, func(tx pgx.Tx) error {
		all, err := w.Contacts(t.Context(), tx, []int64{a.ID, other.ID, 99999})
		if len(all) != 2 || all[a.ID].Msisdn != m || all[a.ID].Lang != text.Arabic || !all[a.ID].OptOut || all[other.ID].OptOut {
			t.Errorf("contacts %+v", all)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Fifty dials register one number at once: one account.
func TestOneAccountPerNumber(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	m := number(t, "0612345678")
	hash, err := w.HashPIN(t.Context(), "5937")
	if err != nil {
		t.Fatal(err)
	}
	errs := make([]error, 50)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = w.book.Do(t.Context(), casework.Command{
				Actor: casework.Actor{Kind: casework.Citizen}, Channel: "ussd",
				Key: fmt.Sprint("r", i), Verb: "account.register",
			}, nil, func(ctx context.Context, tx *casework.Tx) error {
				_, err := w.Register(ctx, tx, person.Registration{
					Msisdn: m, Lang: text.French, Quality: person.Family, IDType: "cin",
					IDNumber: "AB123456", BirthDate: birth, PIN: hash, ConsentVersion: 1, Channel: "ussd",
				})
				return err
			})
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case fault.KeyOf(err) != "account.known":
			t.Errorf("the loser was told %v", err)
		}
	}
	var accounts, visitors int
	if err := w.db.QueryRow(t.Context(), `select (select count(*) from account), (select count(*) from visitor)`).Scan(&accounts, &visitors); err != nil {
		t.Fatal(err)
	}
	if won != 1 || accounts != 1 || visitors != 1 {
		t.Errorf("%d registered, %d accounts, %d visitors", won, accounts, visitors)
	}
}

func TestHousehold(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	a, err := w.register(t, number(t, "0612345678"), "AB123456", "5937")
	if err != nil {
		t.Fatal(err)
	}
	add := func(id string, most int) (v person.Visitor, err error) {
		err = w.do(t.Context(), a.ID, func(ctx context.Context, tx *casework.Tx) (err error) {
			v, err = w.AddVisitor(ctx, tx, a.ID, person.VisitorInput{IDType: "cin", IDNumber: id, BirthDate: birth.AddDate(30, 0, 0), Relation: "child", Max: most})
			return err
		})
		return v, err
	}
	child, err := add("X 12345", 3)
	if err != nil || child.IDTail != "345" || child.Relation != "child" || child.Age(time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)) != 15 {
		t.Fatalf("%+v, %v", child, err)
	}
	for id, want := range map[string]text.Key{"x12345": "household.known", "AB123456": "household.known", "ABC12345": "id_shape.cin", "1234567": "id_shape.cin"} {
		if _, err := add(id, 9); fault.KeyOf(err) != want {
			t.Errorf("adding %s: %v, want %s", id, err, want)
		}
	}
	if _, err := add("Y12345", 2); fault.KeyOf(err) != "household.full" {
		t.Errorf("a third of two: %v", err)
	}
	remove := func(id int64) error {
		return w.do(t.Context(), a.ID, func(ctx context.Context, tx *casework.Tx) error { return w.RemoveVisitor(ctx, tx, a.ID, id) })
	}
	all, err := w.Household(t.Context(), a.ID)
	if err != nil || len(all) != 2 || !all[0].Self || all[0].IDTail != "456" || all[1].ID != child.ID {
		t.Fatalf("%+v, %v", all, err)
	}
	if err := remove(all[0].ID); fault.KindOf(err) != fault.KindNotFound {
		t.Errorf("the holder was taken out: %v", err)
	}
	if err := remove(child.ID); err != nil {
		t.Error(err)
	}
	if again, err := add("X12345", 2); err != nil || again.ID != child.ID {
		t.Errorf("brought back: %+v, %v", again, err)
	}
}

// What names a person is in no column in the clear.
func TestNothingLiesInTheClear(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	a, err := w.register(t, number(t, "0612345678"), "AB123456", "5937")
	if err != nil {
		t.Fatal(err)
	}
	err = w.do(t.Context(), a.ID, func(ctx context.Context, tx *casework.Tx) error {
		_, err := w.AddVisitor(ctx, tx, a.ID, person.VisitorInput{IDType: "passport", IDNumber: "QQ7654321", BirthDate: birth})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"account", "msisdn", "visitor", "audit_event", "command"} {
		rows, err := w.db.Query(t.Context(), "select convert_to(t::text, 'utf8') from "+table+" t")
		if err != nil {
			t.Fatal(err)
		}
		all, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
		if err != nil || len(all) == 0 {
			t.Fatalf("%s: %d rows, %v", table, len(all), err)
		}
		for _, row := range all {
			for _, secret := range []string{"612345678", "123456", "7654321", "5937"} {
				for _, form := range []string{secret, fmt.Sprintf("%x", secret)} {
					// Hexadecimal columns may hold four digits by chance.
					if len(secret) > 4 && bytes.Contains(row, []byte(form)) {
						t.Errorf("%s holds %s", table, secret)
					}
				}
			}
		}
	}
	var sealed []byte
	if err := w.db.QueryRow(t.Context(), `update visitor v set id_number_sealed = o.id_number_sealed from visitor o where o.id <> v.id and v.self returning v.id_number_sealed`).Scan(&sealed); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Household(t.Context(), a.ID); err == nil {
		t.Error("a number moved to another person's row was opened")
	}
}

func TestIdentityNumbers(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	for _, c := range []struct{ country, in, idType, out string }{
		{"MA", "ab123456", "cin", "AB123456"},
		{"MA", " k 12-345 ", "cin", "K12345"},
		{"MA", "٢٣", "", ""},
		{"MA", "AB١٢٣٤٥٦", "cin", "AB123456"},
		{"MA", "AB1234567", "passport", "AB1234567"},
		{"MA", "ABC12345", "", ""},
		{"MA", "123456", "", ""},
		{"MA", "😀", "", ""},
		{"MA", strings.Repeat("A1", 1000), "", ""},
		{"MA", "", "", ""},
		{"DZ", "109840012003450017", "nin", "109840012003450017"},
		{"DZ", "10984001200345001", "", ""},
		{"DZ", "12345678", "passport", "12345678"},
	} {
		idType, id, err := w.MatchID(t.Context(), c.country, c.in)
		if idType != c.idType || id.Raw() != c.out || (err != nil) != (c.out == "") {
			t.Errorf("%s %.20q: %q %q, %v", c.country, c.in, idType, id.Raw(), err)
		}
		if err != nil && fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("%s %.20q: %v", c.country, c.in, err)
		}
	}
	if c, err := w.Country(t.Context(), number(t, "+213551234567")); err != nil || c != "DZ" {
		t.Errorf("country %q, %v", c, err)
	}
	for d, want := range map[string]text.Key{"2026-03-03": "birth.future", "1900-01-01": "birth.too_old", "1930-01-01": "", "2026-03-02": ""} {
		day, err := time.Parse(time.DateOnly, d)
		if err != nil {
			t.Fatal(err)
		}
		if got := fault.KeyOf(w.CheckBirth(day)); got != want {
			t.Errorf("born %s: %q, want %q", d, got, want)
		}
	}
}
