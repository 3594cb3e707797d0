package outbox

import (
	"time"

	"github.com/wasl-sms/wasl/internal/message"
)

// Outcome is what became of one write to an operator. The set is closed; what
// each does to its part and to its lane is the table below.
type Outcome uint8

const (
	// Sent: the operator has it and gave it an id.
	Sent Outcome = iota + 1
	// Throttled: the operator takes no more just now.
	Throttled
	// Temporary: refused for now.
	Temporary
	// Rejected: refused for good.
	Rejected
	// Unknown: written, and no answer.
	Unknown
	// NotSent: the operator can't have it.
	NotSent
	// Expired: its time was over before it was written.
	Expired
)

// consequence is what follows an outcome.
type consequence struct {
	name string
	next State // of the part
	// home: the part belongs to the operator of its number again, if another
	// had it.
	home bool
	// retry: it counts, and the part waits for its next turn; the last one
	// refuses it.
	retry bool
	lane  pacing
}

// pacing is what an outcome tells of a bind.
type pacing uint8

const (
	nothing pacing = iota
	well           // carries on at its full pace
	stumble        // rests after stumbles of them in a row
	halt           // rests at once
)

// What follows each outcome.
//
//	           part                                        lane
//	sent       accepted: waits for its receipt             full pace
//	throttled  queued, at its old place; nothing counted   rests 1 s, doubling up to 30 s
//	temporary  later: by the class's policy, then refused  rests after five in a row
//	rejected   refused                                     –
//	unknown    in doubt: a receipt, else the policy        –
//	not sent   queued, at its old place                    –
//	expired    expired                                     –
func (o Outcome) consequence() consequence {
	switch o {
	case Sent:
		return consequence{name: "sent", next: Accepted, lane: well}
	case Throttled:
		return consequence{name: "throttled", next: Queued, home: true, lane: halt}
	case Temporary:
		return consequence{name: "temporary", next: Later, home: true, retry: true, lane: stumble}
	case Rejected:
		return consequence{name: "rejected", next: Refused}
	case Unknown:
		return consequence{name: "unknown", next: InDoubt}
	case NotSent:
		return consequence{name: "not_sent", next: Queued, home: true}
	case Expired:
		return consequence{name: "expired", next: TimedOut}
	}
	return consequence{name: "none", next: InDoubt}
}

// String is the outcome's word in tables and metrics.
func (o Outcome) String() string { return o.consequence().name }

// Answer is an outcome with what the operator said.
type Answer struct {
	Outcome Outcome
	ID      string // the operator's message id in its normal form; Sent only
	Code    int32  // command_status
}

// State is where a part stands.
type State string

// States of a part; see the package's drawing.
const (
	Later       State = "later"
	Queued      State = "queued"
	InDoubt     State = "in_doubt"
	Accepted    State = "accepted"
	Delivered   State = "delivered"
	Undelivered State = "undelivered"
	Refused     State = "refused"
	TimedOut    State = "expired"
	Lost        State = "unknown" // in doubt, and given up
	Withdrawn   State = "withdrawn"
)

func (s State) final() bool {
	switch s {
	case Delivered, Undelivered, Refused, TimedOut, Lost, Withdrawn:
		return true
	default:
		return false
	}
}

// How long things are waited for, whatever the class.
const (
	inDoubtWait = 2 * time.Minute    // for a receipt, before a part in doubt is decided, while the operator is listened to
	inDoubtMost = 6 * time.Hour      // the same, where it is not
	parkedFor   = 72 * time.Hour     // a receipt that names no part yet
	idFor       = 7 * 24 * time.Hour // an operator's message id, before it may name another part
)

// policy is what a class is worth.
type policy struct {
	lifetime time.Duration // of a text whose author does not say
	// refused lists the waits after temporary refusals; one more is the last.
	refused []time.Duration
	// failed lists the waits after a handset did not take a part that the
	// operator had; one more failure is the last.
	failed []time.Duration
	// resend: a part in doubt is sent again, unless its operator holds; it
	// counts as a refusal.
	resend bool
}

// policyOf gives the policy of a class. What is sent again goes out in the
// same words, with the same references, and never after its time.
func policyOf(c message.Class) policy {
	slow := []time.Duration{
		30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 15 * time.Minute, 15 * time.Minute,
	}
	quick := []time.Duration{5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute}
	switch c {
	case message.Code: // asked for again rather than sent twice
		return policy{lifetime: 10 * time.Minute, refused: quick}
	case message.Gate: // of use today only
		return policy{lifetime: 12 * time.Hour, refused: append(quick, slow[2:]...), resend: true,
			failed: []time.Duration{10 * time.Minute, 30 * time.Minute, 2 * time.Hour}}
	case message.Campaign:
		return policy{lifetime: 24 * time.Hour, refused: slow, resend: true, failed: []time.Duration{3 * time.Hour}}
	default:
		return policy{lifetime: 72 * time.Hour, refused: slow, resend: true, failed: []time.Duration{30 * time.Minute, 3 * time.Hour}}
	}
}

// classes from the most to the least urgent.
func classes() []message.Class {
	return []message.Class{message.Code, message.Gate, message.Decision, message.Information, message.Campaign}
}

// redelivery is the table of failed by class, as a matrix for the database:
// null where there is no more.
func redelivery() [][]*time.Duration {
	var table [][]*time.Duration
	for _, c := range classes() {
		row := make([]*time.Duration, maxFailed)
		for i, d := range policyOf(c).failed {
			row[i] = &d
		}
		table = append(table, row)
	}
	return table
}

// maxFailed is the longest list of failed.
const maxFailed = 3

// tries tells by class how often a part in doubt may be sent again.
func tries() []int16 {
	var n []int16
	for _, c := range classes() {
		p := policyOf(c)
		if p.resend {
			n = append(n, int16(len(p.refused)+1))
		} else {
			n = append(n, 0)
		}
	}
	return n
}

// settle is the row's next state after an answer.
func (p *part) settle(a Answer, now time.Time) settlement {
	c := a.Outcome.consequence()
	s := settlement{id: p.ID, attempt: p.attempt, to: c.next, reason: c.name, due: now}
	if a.Code != 0 {
		s.code = &a.Code
	}
	if a.ID != "" && c.next == Accepted {
		s.smscID = &a.ID
	}
	if c.home {
		s.operator = &p.home
	}
	if c.retry {
		s.retry, s.to = 1, Refused
		if waits := policyOf(p.Class).refused; p.retries < len(waits) {
			s.due = now.Add(waits[p.retries])
			if s.due.Before(p.expires) {
				s.to = c.next
			}
		}
	}
	return s
}
