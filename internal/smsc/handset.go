package smsc

import (
	"errors"
	"log/slog"
	"strings"
	"time"
)

// Why a dialogue or a message could not go on, as the person holding the
// handset would learn it.
var (
	ErrBusy          = errors.New("smsc: the handset has a dialogue already")
	ErrNoDialogue    = errors.New("smsc: no dialogue waits for an answer")
	ErrNoApplication = errors.New("smsc: no application is bound to receive")
	ErrNoAnswer      = errors.New("smsc: the application did not answer in time")
	ErrExpired       = errors.New("smsc: the network ended the dialogue")
	ErrAborted       = errors.New("smsc: the user ended the dialogue")
	ErrNoMessage     = errors.New("smsc: the handset has sent nothing to repeat")
	ErrClosed        = errors.New("smsc: closed")
)

// Screen is one USSD page as the handset shows it. End says that the
// application closed the dialogue with it.
type Screen struct {
	Text string
	End  bool
}

// LogValue keeps what a person reads out of logs.
func (Screen) LogValue() slog.Value { return slog.StringValue("[screen]") }

// SMS is one message in a handset's inbox, its parts joined.
type SMS struct {
	ID       int // grows by one with each message of the handset
	From     string
	Text     string
	Parts    int
	Alphabet string // "GSM-7", "UCS-2", "Latin-1" or "binary"
	At       time.Time
	Read     bool
	IDs      []string // the message ids of its parts, in the order they came
}

// LogValue keeps numbers and texts out of logs.
func (SMS) LogValue() slog.Value { return slog.StringValue("[sms]") }

type dialogueState uint8

const (
	waiting dialogueState = iota // the application is to answer
	open                         // a page asks for an answer
	ended                        // the application or the user closed it
	failed                       // the network gave up
)

func (s dialogueState) String() string {
	return [...]string{"waiting", "open", "ended", "failed"}[s]
}

type dialogue struct {
	id      int
	session byte // its_session_info octet 1, SMPP 3.4 §5.3.2.43
	code    string
	state   dialogueState
	text    string
	err     error
	begun   time.Time
	asked   time.Time // when the last deliver_sm of this dialogue was made
}

func (d *dialogue) live() bool { return d != nil && (d.state == waiting || d.state == open) }

func (d *dialogue) end(state dialogueState, err error) {
	d.state, d.err = state, err
	if err != nil {
		d.text = ""
	}
}

// deadline is when the network's patience ends: with the whole dialogue or, while
// the application is to answer, with the step.
func (d *dialogue) deadline(whole, step time.Duration) time.Time {
	at := d.begun.Add(whole)
	if d.state == waiting {
		if s := d.asked.Add(step); s.Before(at) {
			return s
		}
	}
	return at
}

// handset is one SIM. All of it is guarded by SMSC.mu.
type handset struct {
	msisdn     string
	subscriber Subscriber
	inbox      []SMS
	received   int
	texts      uint16 // sent; numbers the parts of long ones
	dialogues  int
	dialogue   *dialogue
	last       *sent
	version    uint64        // grows with each change
	wake       chan struct{} // closed and replaced at each change
}

// Subscriber says how the network finds a number.
type Subscriber uint8

const (
	Reachable Subscriber = iota
	Absent               // switched off: not delivered
	Full                 // no room in the handset: not delivered
	Unknown              // no such number: not delivered
)

// mapError is the GSM error the receipt carries (3GPP TS 29.002 §17.6:
// unknownSubscriber, absentSubscriber, sm-DeliveryFailure).
func (s Subscriber) mapError() string {
	return [...]string{Reachable: "000", Absent: "027", Full: "032", Unknown: "001"}[s]
}

// maxInbox bounds what a handset keeps; the oldest message makes room.
const maxInbox = 500

func (h *handset) receive(m SMS) {
	h.received++
	m.ID = h.received
	if len(h.inbox) == maxInbox {
		h.inbox = append(h.inbox[:0], h.inbox[1:]...)
	}
	h.inbox = append(h.inbox, m)
}

// canonical brings a number to the form the handsets are kept under: digits
// with a leading plus. Short codes stay as they are.
func canonical(number string) string {
	n := strings.TrimPrefix(strings.NewReplacer(" ", "", "-", "").Replace(number), "+")
	n = strings.TrimPrefix(n, "00")
	if len(n) < 8 {
		return n
	}
	return "+" + n
}
