package main

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/dialog"
	"github.com/wasl-sms/wasl/internal/person"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/services/visit"
)

// known lets a dialogue see of an account what it needs.
type known struct{ *person.Registry }

func (k known) Lookup(ctx context.Context, n private.Msisdn) (dialog.Account, error) {
	a, err := k.Registry.Lookup(ctx, n)
	return dialog.Account{ID: a.ID, Lang: a.Lang}, err
}

// resting lets a permit call off the visits that rest on it.
type resting struct{ *visit.Service }

func (r resting) Resting(ctx context.Context, permitID int64) (func(context.Context, *casework.Tx) error, error) {
	on, err := r.RestingOn(ctx, permitID)
	return func(ctx context.Context, tx *casework.Tx) error { return r.CallOff(ctx, tx, on) }, err
}

// asking binds a bare number in answer to a text that a service sent.
type asking struct {
	dialog  *dialog.Dialog
	persons *person.Registry
}

func (a asking) Expect(ctx context.Context, tx pgx.Tx, account int64, entry string, args []string, until time.Time) error {
	contacts, err := a.persons.Contacts(ctx, tx, []int64{account})
	if err != nil {
		return err
	}
	c, ok := contacts[account]
	if !ok {
		return nil // no number: the text does not go out either
	}
	return a.dialog.Expect(ctx, tx, c.Msisdn, entry, args, until)
}
