package casework

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/message"
)

// ActorKind says what sort of actor acts.
type ActorKind string

// Kinds of actors.
const (
	Citizen ActorKind = "citizen"
	Staff   ActorKind = "staff"
	Job     ActorKind = "job"
	System  ActorKind = "system"
)

// Actor is who acts. ID is an account or a staff user; Role is the staff role
// under which the act is done.
type Actor struct {
	Kind       ActorKind
	ID         int64
	Role       string
	OnBehalfOf int64 // account for whom staff enter something; 0: nobody
}

// Command is one wish to change state. Channel and Key together name it: the
// same pair takes effect once.
type Command struct {
	Actor   Actor
	Channel string // "ussd", "sms", "desk", "job", "system"
	Key     string
	Verb    string // "visit.book"
}

// Transactor runs fn in one database transaction, again from the start when
// the database asks for it.
type Transactor interface {
	InTx(ctx context.Context, fn func(context.Context, pgx.Tx) error) error
}

// Outbox stores outgoing texts in the transaction that causes them.
type Outbox interface {
	Enqueue(ctx context.Context, tx pgx.Tx, texts []message.Outbound) error
}

// Book runs commands. It is safe for concurrent use.
type Book struct {
	db     Transactor
	outbox Outbox
	now    func() time.Time
}

// NewBook makes a Book.
func NewBook(db Transactor, outbox Outbox, now func() time.Time) *Book {
	return &Book{db: db, outbox: outbox, now: now}
}

// Do runs fn in one transaction under the command's key and stores result (a
// pointer, as JSON: ids, references and codes only, never a name or a number).
// When the key has taken effect before, fn does not run, result is filled from
// the first time and replayed is true. An error from fn undoes everything, the
// key included, so that a corrected attempt may use it again.
func (b *Book) Do(ctx context.Context, c Command, result any, fn func(context.Context, *Tx) error) (replayed bool, err error) {
	if c.Key == "" {
		return false, fmt.Errorf("%s: command without a key", c.Verb)
	}
	err = b.db.InTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		replayed = false
		now := b.now()
		var id int64
		err := tx.QueryRow(ctx, sqlCommandBegin, c.Channel, c.Key, c.Verb, c.Actor.Kind, c.Actor.ID, now).Scan(&id)
		if errors.Is(err, pgx.ErrNoRows) {
			replayed = true
			return replay(ctx, tx, c, result)
		}
		if err != nil {
			return fmt.Errorf("%s: begin command: %w", c.Verb, err)
		}
		t := &Tx{Tx: tx, cmd: c, commandID: id, now: now}
		if err := fn(ctx, t); err != nil {
			return err
		}
		if len(t.texts) > 0 {
			if err := b.outbox.Enqueue(ctx, tx, t.texts); err != nil {
				return fmt.Errorf("%s: enqueue texts: %w", c.Verb, err)
			}
		}
		return t.finish(ctx, result)
	})
	return replayed, err
}

func replay(ctx context.Context, tx pgx.Tx, c Command, result any) error {
	var stored []byte
	var actor int64
	if err := tx.QueryRow(ctx, sqlCommandResult, c.Channel, c.Key, c.Verb).Scan(&stored, &actor); err != nil {
		return fmt.Errorf("%s: replay command: %w", c.Verb, err)
	}
	if actor != c.Actor.ID {
		return fmt.Errorf("%s: key belongs to another actor", c.Verb)
	}
	if result == nil || stored == nil {
		return nil
	}
	return json.Unmarshal(stored, result)
}
