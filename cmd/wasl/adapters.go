package main

import (
	"context"

	"github.com/wasl-sms/wasl/internal/desk"
	"github.com/wasl-sms/wasl/internal/dialog"
	"github.com/wasl-sms/wasl/internal/outbox"
	"github.com/wasl-sms/wasl/internal/person"
	"github.com/wasl-sms/wasl/internal/private"
)

// known lets a dialogue see of an account what it needs.
type known struct{ *person.Registry }

func (k known) Lookup(ctx context.Context, n private.Msisdn) (dialog.Account, error) {
	a, err := k.Registry.Lookup(ctx, n)
	return dialog.Account{ID: a.ID, Lang: a.Lang}, err
}

// queues are the outbox's for the desk.
type queues struct{ *outbox.Outbox }

func (q queues) all(ctx context.Context) ([]desk.Queue, error) {
	depths, err := q.Depths(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]desk.Queue, len(depths))
	for i, d := range depths {
		all[i] = desk.Queue{Operator: d.Operator, Class: int(d.Class), Waiting: d.Waiting, Oldest: d.Oldest}
	}
	return all, nil
}
