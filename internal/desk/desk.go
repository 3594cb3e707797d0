// Package desk is the staff's side of the house: who they are, what each role
// may do and where, what waits for them, and what they have read.
//
// Every question about a record goes through a Who, whose scope decides. What
// shows a detainee or a visitor writes one audit event.
package desk

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"time"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/text"
)

// Keys seals second factors, opens what a family is known by, and peppers
// passwords.
type Keys interface {
	Seal(table, column string, row int64, plaintext []byte) ([]byte, error)
	Open(table, column string, row int64, sealed []byte) ([]byte, error)
	Pepper() []byte
}

// Desk serves staff. It is safe for concurrent use.
type Desk struct {
	db     *postgres.DB
	book   *casework.Book
	places *establishment.Directory
	keys   Keys
	now    func() time.Time
	slot   chan struct{} // bounds the passwords being hashed at once
}

// New makes a Desk.
func New(db *postgres.DB, book *casework.Book, places *establishment.Directory, keys Keys, now func() time.Time) *Desk {
	return &Desk{db: db, book: book, places: places, keys: keys, now: now, slot: make(chan struct{}, hashersAtOnce)}
}

// Channel is the channel of every command from the back-office.
const Channel = "desk"

// Nonce draws the key of one form: sent twice, it takes effect once.
func Nonce() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // ends the process rather than fail
	return base64.RawURLEncoding.EncodeToString(b)
}

// Who is a member of staff at work: one person under one role.
type Who struct {
	StaffID        int64
	Login          string
	Name           string
	Lang           text.Lang
	Role           Role
	Roles          []Role // that may be put on instead
	Authorities    []int64
	Establishments []int64
	Countries      []string
	Zone           *time.Location
	token          []byte // hash
}

// Actor is the person as commands record them.
func (w Who) Actor() casework.Actor {
	return casework.Actor{Kind: casework.Staff, ID: w.StaffID, Role: string(w.Role)}
}

// Command makes the command of a form from its nonce.
func (w Who) Command(verb, nonce string) casework.Command {
	c := casework.Command{Actor: w.Actor(), Channel: Channel, Verb: verb}
	if nonce != "" {
		c.Key = verb + "/" + w.Login + "/" + nonce
	}
	return c
}

// note stores one audit event that changes nothing else.
func (d *Desk) note(ctx context.Context, a casework.Actor, e casework.Entry) error {
	cmd := casework.Command{Actor: a, Channel: Channel, Key: "note/" + Nonce(), Verb: e.Action}
	_, err := d.book.Do(ctx, cmd, nil, func(_ context.Context, tx *casework.Tx) error {
		tx.Audit(e)
		return nil
	})
	return err
}
