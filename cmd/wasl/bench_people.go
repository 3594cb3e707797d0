package main

import (
	"context"
	"fmt"
	"time"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/person"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/services/permit"
	"github.com/wasl-sms/wasl/internal/text"
)

// benchPIN is every made-up family's.
const benchPIN = "4826"

// settle makes families that have a permit and may book.
func (b *bed) settle(ctx context.Context, families int) error {
	hash, err := b.app.persons.HashPIN(ctx, benchPIN)
	if err != nil {
		return err
	}
	b.people, b.refs = make([]private.Msisdn, families), make([]string, families)
	return many(ctx, 4, families, func(ctx context.Context, i int) error {
		b.people[i] = private.StoredMsisdn(fmt.Sprintf("+2126%08d", i))
		if err := b.family(ctx, i, hash); err != nil {
			return fmt.Errorf("make family %d: %w", i, err)
		}
		return nil
	})
}

func (b *bed) family(ctx context.Context, i int, hash person.PINHash) error {
	var id int64
	do := casework.Command{Actor: casework.Actor{Kind: casework.Citizen}, Channel: "ussd", Key: fmt.Sprint("bench/register/", i), Verb: "account.register"}
	_, err := b.app.book.Do(ctx, do, &id, func(ctx context.Context, tx *casework.Tx) error {
		a, err := b.app.persons.Register(ctx, tx, person.Registration{
			Msisdn: b.people[i], Lang: text.French, Quality: person.Family, IDType: "cin",
			IDNumber: fmt.Sprintf("AB%06d", 100000+i), BirthDate: time.Date(1985, 3, 5, 0, 0, 0, 0, time.UTC), PIN: hash, ConsentVersion: 1, Channel: "ussd",
		})
		id = a.ID
		return err
	})
	if err != nil {
		return err
	}
	household, err := b.app.persons.Household(ctx, id)
	if err != nil {
		return err
	}
	do = casework.Command{Actor: casework.Actor{Kind: casework.Citizen, ID: id}, Channel: "ussd", Key: fmt.Sprint("bench/send/", i), Verb: "permit.send"}
	sent, err := b.app.permits.Send(ctx, do, permit.Sending{
		AccountID: id, Claim: permit.Claim{Number: "41207"}, Hint: establishment.HintYes,
		Visitors: []permit.Coming{{VisitorID: household[0].ID, Relation: "parent"}},
	})
	if err != nil {
		return err
	}
	b.refs[i] = sent.Ref
	v, err := b.app.permits.View(ctx, sent.ID)
	if err != nil {
		return err
	}
	do = casework.Command{Actor: casework.Actor{Kind: casework.Staff, ID: 1, Role: "authority"}, Channel: "desk", Key: fmt.Sprint("bench/decide/", i), Verb: "permit.decide"}
	_, err = b.app.permits.Decide(ctx, do, permit.Decision{
		RequestID: sent.ID, Version: v.File.Version, AuthorityID: *v.File.AuthorityID,
		Kind: permit.Period, Sighted: true, From: time.Now(), To: time.Now().AddDate(0, 6, 0),
		Verdicts: []permit.Verdict{{VisitorID: household[0].ID, Grant: true}},
	})
	return err
}
