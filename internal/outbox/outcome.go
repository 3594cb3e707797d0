package outbox

import (
	"time"

	"github.com/wasl-sms/wasl/internal/message"
)

// Outcome is what became of one write to an operator. The set is closed.
type Outcome uint8

const (
	// Sent: the operator has it and gave it an id.
	Sent Outcome = iota + 1
	// Throttled: the operator takes no more just now. The part keeps
	// its place at the head, the bind pauses, and nothing is counted.
	Throttled
	// Temporary: refused for now; tried again later, a bounded number of times.
	Temporary
	// Rejected: refused for good.
	Rejected
	// Unknown: written, and no answer. The part stays in doubt.
	Unknown
	// NotSent: the operator can't have it. It goes back to the queue.
	NotSent
	// Expired: its time was over before it was written.
	Expired
)

var outcomeNames = [...]string{
	Sent: "sent", Throttled: "throttled", Temporary: "temporary", Rejected: "rejected",
	Unknown: "unknown", NotSent: "not_sent", Expired: "expired",
}

// String is the outcome's word in tables and metrics.
func (o Outcome) String() string {
	if int(o) < len(outcomeNames) && outcomeNames[o] != "" {
		return outcomeNames[o]
	}
	return "none"
}

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
	Claimed     State = "claimed"
	InDoubt     State = "in_doubt"
	Accepted    State = "accepted"
	Delivered   State = "delivered"
	Undelivered State = "undelivered"
	Refused     State = "refused"
	TimedOut    State = "expired"
	Lost        State = "unknown" // in doubt, and given up
	Withdrawn   State = "withdrawn"
)

// How often and when a part is tried again.
const (
	maxRetries  = 8
	inDoubtWait = 2 * time.Minute // for a receipt, before a part in doubt is decided
	leaseFor    = 30 * time.Second
	parkedFor   = 72 * time.Hour // a receipt that names no part yet
)

// backoff is the wait after the n-th temporary refusal.
func backoff(n int) time.Duration {
	return min(30*time.Second<<min(n, 5), 15*time.Minute)
}

// redelivery lists the waits before a text that the handset did not take is
// sent again. A one-time code is never sent again.
func redelivery() []time.Duration { return []time.Duration{30 * time.Minute, 3 * time.Hour} }

// lifetime is how long a text is worth sending when its author does not say.
func lifetime(c message.Class) time.Duration {
	switch c {
	case message.Code:
		return 10 * time.Minute
	case message.Gate:
		return 12 * time.Hour
	case message.Campaign:
		return 24 * time.Hour
	default:
		return 72 * time.Hour
	}
}

// settle is the row's next state after an answer.
func (p *part) settle(a Answer, now time.Time) settlement {
	s := settlement{id: p.ID, from: InDoubt, attempt: p.attempt, reason: a.Outcome.String(), due: now}
	if a.Code != 0 {
		s.code = &a.Code
	}
	switch a.Outcome {
	case Sent:
		if s.to = Accepted; a.ID != "" {
			s.smscID = &a.ID
		}
	case Throttled:
		s.to = Claimed
	case NotSent:
		s.to = Queued
	case Temporary:
		s.to, s.retry = Later, 1
		s.due = now.Add(backoff(p.retries))
		if p.retries+1 >= maxRetries || !s.due.Before(p.expires) {
			s.to = Refused
		}
	case Expired:
		s.to, s.from = TimedOut, Claimed
	case Unknown:
		s.to = InDoubt
	default: // Rejected
		s.to = Refused
	}
	return s
}

func (s State) final() bool {
	switch s {
	case Delivered, Undelivered, Refused, TimedOut, Lost, Withdrawn:
		return true
	default:
		return false
	}
}
