// Package person knows who writes to us: accounts on their phone numbers, the
// household of visitors on each account, PINs and identity numbers.
//
// Numbers, names and identity numbers are stored sealed, with a keyed hash
// beside them for look-ups. Counters of wrong PINs live in PostgreSQL.
package person

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/wasl-sms/wasl/internal/batch"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/text"
)

// DB is the pool that Registry reads from and counts wrong PINs in.
type DB interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// Keys seals what names a person, makes the keyed hashes that find it, and
// peppers PINs.
type Keys interface {
	Seal(table, column string, row int64, plaintext []byte) ([]byte, error)
	Open(table, column string, row int64, sealed []byte) ([]byte, error)
	BlindIndex(kind, value string) []byte
	Pepper() []byte
}

// Kinds of blind indexes: equal values of different kinds share no hash.
const (
	indexMsisdn = "msisdn"
	indexID     = "identity"
)

// Quality is in which quality a person acts.
type Quality string

// Qualities.
const (
	Family  Quality = "family"
	Lawyer  Quality = "lawyer"
	Officer Quality = "officer"
	Agent   Quality = "agent"
)

// Account is one person's account on one number.
type Account struct {
	ID             int64 // 0: the number has none
	Country        string
	Lang           text.Lang
	Quality        Quality
	IdentityLevel  int16 // 1 keyed, 2 sighted, 3 checked with a register
	Discreet       bool
	OptOut         bool
	ConsentVersion int
	CreatedAt      time.Time
	LastSeen       time.Time
}

// Contact is where and how an account is told.
type Contact = message.Contact

// Registry keeps accounts. It is safe for concurrent use.
type Registry struct {
	db   DB
	keys Keys
	now  func() time.Time
	slot chan struct{} // bounds the PINs being hashed at once

	lookups *batch.Group[[]byte, Account]
}

// New makes a Registry.
func New(db DB, keys Keys, now func() time.Time) *Registry {
	r := &Registry{db: db, keys: keys, now: now, slot: make(chan struct{}, hashersAtOnce)}
	r.lookups = batch.New(batch.Config[[]byte, Account]{Do: r.lookupAll})
	return r
}

// Lookup gives the account of a number. For a number without one it gives a
// NotFound fault, and an Account that holds only the language chosen before,
// if any. Look-ups that come at once share a query.
func (r *Registry) Lookup(ctx context.Context, m private.Msisdn) (Account, error) {
	a, err := r.lookups.Do(ctx, r.keys.BlindIndex(indexMsisdn, m.Raw()))
	if err != nil {
		return Account{}, fmt.Errorf("look up a number: %w", err)
	}
	if a.ID == 0 {
		return a, fault.NotFound("account.unknown", nil)
	}
	return a, nil
}

func (r *Registry) lookupAll(ctx context.Context, indexes [][]byte) ([]Account, error) {
	rows, err := r.db.Query(ctx, sqlLookup, indexes)
	if err != nil {
		return nil, err
	}
	all := make([]Account, len(indexes))
	var n int
	var a Account
	into := []any{&n, &a.ID, &a.Country, &a.Lang, &a.Quality, &a.IdentityLevel, &a.Discreet, &a.OptOut, &a.ConsentVersion, &a.CreatedAt, &a.LastSeen}
	_, err = pgx.ForEachRow(rows, into, func() error {
		all[n-1] = a
		return nil
	})
	return all, err
}

// Account gives an account by id.
func (r *Registry) Account(ctx context.Context, id int64) (Account, error) {
	var a Account
	err := r.db.QueryRow(ctx, sqlAccount, id).Scan(&a.ID, &a.Country, &a.Lang, &a.Quality, &a.IdentityLevel,
		&a.Discreet, &a.OptOut, &a.ConsentVersion, &a.CreatedAt, &a.LastSeen)
	if errors.Is(err, pgx.ErrNoRows) {
		return a, fault.NotFound("account.unknown", nil)
	}
	if err != nil {
		return a, fmt.Errorf("account %d: %w", id, err)
	}
	return a, nil
}

// SetLang keeps the language of a number, which may have no account yet.
func (r *Registry) SetLang(ctx context.Context, m private.Msisdn, l text.Lang) error {
	id, err := r.numberID(ctx, r.db, m)
	if err != nil {
		return err
	}
	sealed, err := r.keys.Seal("msisdn", "number_sealed", id, []byte(m.Raw()))
	if err != nil {
		return fmt.Errorf("seal a number: %w", err)
	}
	if _, err := r.db.Exec(ctx, sqlSetLang, id, sealed, r.keys.BlindIndex(indexMsisdn, m.Raw()), l, r.now()); err != nil {
		return fmt.Errorf("set language: %w", err)
	}
	return nil
}

// SetOptOut stops proactive texts to an account, or allows them again.
func (r *Registry) SetOptOut(ctx context.Context, accountID int64, stop bool) error {
	if _, err := r.db.Exec(ctx, sqlSetOptOut, accountID, stop, r.now()); err != nil {
		return fmt.Errorf("set opt-out of account %d: %w", accountID, err)
	}
	return nil
}

// Contacts gives where to reach accounts, in one query. An account without an
// active number is left out.
func (r *Registry) Contacts(ctx context.Context, tx pgx.Tx, accountIDs []int64) (map[int64]message.Contact, error) {
	rows, err := tx.Query(ctx, sqlContacts, accountIDs)
	if err != nil {
		return nil, fmt.Errorf("contacts: %w", err)
	}
	all := make(map[int64]message.Contact, len(accountIDs))
	var account, number int64
	var rank int16
	var sealed []byte
	var lang text.Lang
	var optOut bool
	_, err = pgx.ForEachRow(rows, []any{&account, &number, &rank, &sealed, &lang, &optOut}, func() error {
		raw, err := r.keys.Open("msisdn", "number_sealed", number, sealed)
		if err != nil {
			return fmt.Errorf("open a number of account %d: %w", account, err)
		}
		c := all[account]
		c.Lang, c.OptOut = lang, optOut
		if rank == 1 {
			c.Msisdn = private.StoredMsisdn(string(raw))
		} else {
			c.Second = private.StoredMsisdn(string(raw))
		}
		all[account] = c
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("contacts: %w", err)
	}
	for id, c := range all {
		if c.Msisdn.IsZero() {
			delete(all, id)
		}
	}
	return all, nil
}

// numberID gives the row id a number has, or will have: a sealed value is
// bound to its row.
func (r *Registry) numberID(ctx context.Context, q querier, m private.Msisdn) (int64, error) {
	var id int64
	if err := q.QueryRow(ctx, sqlNumberID, r.keys.BlindIndex(indexMsisdn, m.Raw())).Scan(&id); err != nil {
		return 0, fmt.Errorf("draw a number's row: %w", err)
	}
	return id, nil
}
