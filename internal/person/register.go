package person

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/text"
)

// Registration is what a person states to get an account. The number comes
// from the network and is never typed.
type Registration struct {
	Msisdn         private.Msisdn
	Lang           text.Lang
	Quality        Quality
	IDType         string
	IDNumber       string
	BirthDate      time.Time
	PIN            PINHash // of HashPIN, made before the transaction: hashing is slow on purpose
	ConsentVersion int
	Channel        string
}

// Register opens an account on a number that has none and makes its holder
// the first of the household. A number that has one is a Conflict.
func (r *Registry) Register(ctx context.Context, tx *casework.Tx, in Registration) (Account, error) {
	country, err := country(ctx, tx, in.Msisdn)
	if err != nil {
		return Account{}, err
	}
	number, err := r.checkID(ctx, tx, country, in.IDType, in.IDNumber)
	if err != nil {
		return Account{}, err
	}
	if err := r.CheckBirth(in.BirthDate); err != nil {
		return Account{}, err
	}
	if in.PIN == "" {
		return Account{}, errors.New("register: no PIN")
	}
	a := Account{
		Country: country, Lang: in.Lang, Quality: in.Quality, IdentityLevel: 1, Discreet: true,
		ConsentVersion: in.ConsentVersion, CreatedAt: tx.Now(), LastSeen: tx.Now(),
	}
	err = tx.QueryRow(ctx, sqlInsertAccount, a.Country, a.Lang, a.Quality, a.IdentityLevel, in.PIN, a.ConsentVersion,
		in.Channel, tx.Now()).Scan(&a.ID)
	if err != nil {
		return Account{}, fmt.Errorf("register: %w", err)
	}
	if err := r.bindNumber(ctx, tx, a, in.Msisdn); err != nil {
		return Account{}, err
	}
	v := visitorRow{account: a.ID, self: true, country: country, idType: in.IDType, number: number, birthDate: in.BirthDate}
	if _, err := r.insertVisitor(ctx, tx, v); err != nil {
		return Account{}, err
	}
	tx.Audit(casework.Entry{
		Action: "account.register", ObjectKind: "account", ObjectID: a.ID,
		Detail: map[string]any{"quality": a.Quality, "consent": a.ConsentVersion},
	})
	return a, nil
}

// bindNumber gives a free number to an account as its own.
func (r *Registry) bindNumber(ctx context.Context, tx *casework.Tx, a Account, m private.Msisdn) error {
	id, err := r.numberID(ctx, tx, m)
	if err != nil {
		return err
	}
	sealed, err := r.keys.Seal("msisdn", "number_sealed", id, []byte(m.Raw()))
	if err != nil {
		return fmt.Errorf("seal a number: %w", err)
	}
	var bound int64
	err = tx.QueryRow(ctx, sqlBindNumber, id, sealed, r.keys.BlindIndex(indexMsisdn, m.Raw()), a.ID, a.Lang, tx.Now()).Scan(&bound)
	if errors.Is(err, pgx.ErrNoRows) {
		return fault.Conflict("account.known", nil)
	}
	if err != nil {
		return fmt.Errorf("bind a number: %w", err)
	}
	return nil
}
