// Package message holds the types of what is told to a person: who, which
// text, how urgent, until when. It knows no wire and no operator.
package message

import (
	"time"

	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/text"
)

// Class orders the outbox: a lower class is always sent before a higher one.
type Class uint8

// Classes from most to least urgent. Code is never sent twice.
const (
	Code        Class = 1 // one-time codes
	Gate        Class = 2 // concerns a visit today
	Decision    Class = 3 // also answers to the person's own text
	Information Class = 4
	Campaign    Class = 5
)

// Outbound asks for one text to one person.
type Outbound struct {
	Account int64          // whose number and language are used; 0: To and Lang say
	To      private.Msisdn // overrides the account's number
	Lang    text.Lang      // overrides the account's language
	Class   Class
	Line    text.Line
	Body    private.Body // already written out (a screen of a conversation); Line.Key still names it
	CaseID  int64        // 0: belongs to no case
	// Dedupe names the occasion: one text per (case, occasion, recipient, key) is ever stored.
	Dedupe    string
	NotBefore time.Time // zero: now
	Expires   time.Time // zero: the class's default
	Proactive bool      // held back after STOP
}

// Contact is how a person wants to be reached.
type Contact struct {
	Msisdn private.Msisdn
	Second private.Msisdn // tried when the first can't be reached; may be none
	Lang   text.Lang
	OptOut bool // said STOP: nothing proactive
}

// Inbound is one whole text from a person, committed before it is handed on.
type Inbound struct {
	ID       int64 // inbox row: the idempotency key of everything it causes
	Operator string
	From     private.Msisdn
	To       string // short code
	Body     private.Body
	At       time.Time
	// Incomplete: parts of a long text never came; an ellipsis marks the places.
	Incomplete bool
}
