// Package permittest has permits and visits on a real database, with the
// sample register, for tests of permits and of what stands on them.
package permittest

import (
	"context"
	"fmt"
	"io/fs"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/establishment"
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
	"github.com/wasl-sms/wasl/internal/services/visit/visittest"
	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/internal/text/texttest"
)

// Start is a working Monday morning with no feast near.
var Start = time.Date(2027, 3, 1, 9, 30, 0, 0, time.UTC)

// World is the services with the sample data, and a clock that begins at Start.
type World struct {
	visittest.Clock
	T        testing.TB
	DB       *postgres.DB
	Ring     *keys.Ring
	Book     *casework.Book
	Persons  *person.Registry
	Places   *establishment.Directory
	Register *establishment.Register
	Texts    *text.Catalogue
	Outbox   *outbox.Outbox
	Visits   *visit.Service
	Permits  *permit.Service
	n        atomic.Int64
}

// New makes a World on a database of its own; more are texts beside those of
// the services.
func New(t testing.TB, o postgres.Options, more ...fs.FS) *World {
	t.Helper()
	w := &World{T: t, DB: dbtest.DB(t, o), Ring: keys.New()}
	w.Set(Start)
	w.Texts = texttest.Load(t, append(more, casework.Texts(), form.Texts(), establishment.Texts(), account.Texts(), visit.Texts(), permit.Texts())...)
	w.Persons = person.New(w.DB, w.Ring, w.Now)
	w.Places = establishment.New(w.DB, w.Ring, w.Now)
	w.Outbox = outbox.New(outbox.Config{
		DB: w.DB, Texts: w.Texts, Contacts: w.Persons, Vault: w.Ring,
		Route: func(private.Msisdn) string { return "north" }, Now: w.Now,
	})
	w.Book = casework.NewBook(w.DB, w.Outbox, w.Now)
	w.Visits = visit.New(w.DB, w.Book, w.Places, w.Ring, w.Now)
	w.Permits = permit.New(w.DB, w.Book, w.Persons, w.Places, w.Ring, w.Visits, w.Now)
	w.Register = establishment.NewRegister(w.Places, w.Book, w.Permits, w.Visits)
	w.Must(casework.Sync(t.Context(), w.DB, permit.RequestLife(), permit.Life(), visit.Life()))
	w.Must(seed.Sample(t.Context(), w.DB, w.Register, w.Visits, Start))
	return w
}

// Must fails the test on an error.
func (w *World) Must(err error) {
	w.T.Helper()
	if err != nil {
		w.T.Fatal(err)
	}
}

// Scan reads one value.
func (w *World) Scan(into any, sql string, args ...any) {
	w.T.Helper()
	w.Must(w.DB.QueryRow(w.T.Context(), sql, args...).Scan(into))
}

// Key is a command's own.
func (w *World) Key() string { return fmt.Sprint("k", w.n.Add(1)) }

// Family opens an account whose holder has a card, and gives both ids.
func (w *World) Family(lang text.Lang) (account, self int64) {
	w.T.Helper()
	n := w.n.Add(1)
	cmd := casework.Command{Actor: casework.Actor{Kind: casework.Citizen}, Channel: "ussd", Key: w.Key(), Verb: "account.register"}
	_, err := w.Book.Do(w.T.Context(), cmd, nil, func(ctx context.Context, tx *casework.Tx) error {
		a, err := w.Persons.Register(ctx, tx, person.Registration{
			Msisdn: private.StoredMsisdn(fmt.Sprintf("+2126%08d", n)), Lang: lang, Quality: person.Family, IDType: "cin",
			IDNumber: fmt.Sprintf("BK%06d", n), BirthDate: time.Date(1985, 3, 5, 0, 0, 0, 0, time.UTC), PIN: "x", ConsentVersion: 1, Channel: "ussd",
		})
		account = a.ID
		return err
	})
	w.Must(err)
	household, err := w.Persons.Household(w.T.Context(), account)
	w.Must(err)
	return account, household[0].ID
}
