// Package form holds what a public service asks a person: questions in
// order, their checks, and what happens with the answers. It knows no channel:
// the same form runs over USSD, over an SMS conversation and on a desk page.
package form

import (
	"context"
	"time"

	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/text"
)

// Channel names the surface a person uses; it is part of every idempotency key.
type Channel string

// Channels.
const (
	USSD Channel = "ussd"
	SMS  Channel = "sms"
	Desk Channel = "desk"
)

// Who answers, as far as the surface knows.
type Who struct {
	Msisdn   private.Msisdn
	Account  int64 // 0: not registered
	Lang     text.Lang
	Channel  Channel
	PINGiven bool // the PIN was checked in this conversation
	Now      time.Time
}

// Level is what an entry needs before it opens.
type Level uint8

// Levels.
const (
	Anyone     Level = iota // no account
	Registered              // an account on this number
	WithPIN                 // and the PIN checked in this conversation
)

// Definition is all that surfaces know of one public service.
type Definition struct {
	Name    string
	Entries []Entry
}

// Entry is one errand of a service: a menu line, its keywords, its form.
type Entry struct {
	Name     string // "visit.book": stable, in drafts, metrics and transcripts
	Version  int    // pinned in a running dialogue; raise when questions change
	Menu     int    // place in the main menu; 0: not shown there
	Label    text.Key
	Keywords map[text.Lang][]string // as a person writes them; folded by the surface
	Needs    Level
	// Hidden removes the menu line for a person (nil: always shown).
	Hidden func(ctx context.Context, w Who) (bool, error)
	Flow   Flow
}

// Flow is a form with the type of its answers hidden. A Draft is opaque to
// surfaces; it holds the answers so far and survives restarts.
type Flow interface {
	// Start makes an empty draft; args are the words after an SMS keyword, each
	// offered to the questions that take it.
	Start(ctx context.Context, w Who, args []string) (Draft, error)
	// Prompt gives the question to ask now; ok is false when all are answered.
	Prompt(ctx context.Context, w Who, d Draft) (p Prompt, ok bool, err error)
	// Answer takes one input. A *Retry error asks the same question again.
	Answer(ctx context.Context, w Who, d Draft, input string) (Draft, error)
	// Back takes the last answer back; ok is false at the first question.
	Back(d Draft) (Draft, bool)
	// Finish performs the errand once per key and gives the last screen.
	Finish(ctx context.Context, w Who, key string, d Draft) (Receipt, error)
}

// Draft is the encoded state of a form.
type Draft []byte

// Kind says what sort of answer a question takes; surfaces pick hints by it.
type Kind uint8

// Kinds of answers.
const (
	Choice Kind = iota // one of Options
	Digits
	Date // DDMMYYYY
	Words
	Secret // a PIN: never stored in a draft that outlives the dialogue, never logged
)

// Option is one choice: its value and its label. Key "9" and the like fixes the digit
// to press; empty numbers the options from 1.
type Option struct {
	Value string
	Key   string
	Label text.Line
	Under text.Line // heading shared with the options beside it, as a day above its hours; none: zero
}

// Prompt is one question ready to be drawn by a surface.
type Prompt struct {
	Question string // stable name, for metrics and drafts
	Ask      text.Line
	Kind     Kind
	Options  []Option
	Holds    bool // the draft holds an identity number: keep it 30 minutes, not a day
}

// Receipt is the end of an errand: the last screen. Its SMS, if any, is already
// in the outbox.
type Receipt struct {
	Say text.Line
	// Texted tells that a text saying the same goes out anyway: a conversation
	// by SMS does not say it twice.
	Texted bool
	// Then opens another entry in the same dialogue (empty: the dialogue ends).
	Then string
}

// Retry is an answer that can't be taken: Why says what to do next.
type Retry struct{ Why text.Line }

func (r *Retry) Error() string { return "asked again: " + string(r.Why.Key) }

// Again makes a Retry from a key.
func Again(k text.Key, p text.Params) error { return &Retry{Why: text.L(k, p)} }
