package visit

import "github.com/wasl-sms/wasl/internal/casework"

// States of a visit.
const (
	Held              casework.State = "HELD"
	Requested         casework.State = "REQUESTED"
	Booked            casework.State = "BOOKED"
	CheckedIn         casework.State = "CHECKED_IN"
	Done              casework.State = "DONE"
	NoShow            casework.State = "NO_SHOW"
	RefusedGate       casework.State = "REFUSED_GATE"
	HoldExpired       casework.State = "HOLD_EXPIRED"
	Superseded        casework.State = "SUPERSEDED"
	CancelledFamily   casework.State = "CANCELLED_FAMILY"
	CancelledDetainee casework.State = "CANCELLED_DETAINEE"
	CancelledPrison   casework.State = "CANCELLED_PRISON"
	Rejected          casework.State = "REJECTED"
	RejectedTimeout   casework.State = "REJECTED_TIMEOUT"
	Withdrawn         casework.State = "WITHDRAWN"
)

// Events of a visit.
const (
	hold      casework.Event = "hold"
	expire    casework.Event = "expire"
	release   casework.Event = "release"
	confirm   casework.Event = "confirm"
	request   casework.Event = "request"
	accept    casework.Event = "accept"
	reject    casework.Event = "reject"
	lapse     casework.Event = "lapse"
	withdraw  casework.Event = "withdraw"
	supersede casework.Event = "supersede"
	cancel    casework.Event = "cancel"
	decline   casework.Event = "decline"
	closed    casework.Event = "close"
	checkIn   casework.Event = "check_in"
	refuse    casework.Event = "refuse"
	finish    casework.Event = "finish"
	miss      casework.Event = "miss"
	excuse    casework.Event = "excuse"
	correct   casework.Event = "correct"
)

// Life is the table of all moves of a visit.
func Life() casework.Machine {
	family := []string{"citizen", "establishment", "clerk"}
	desk := []string{"establishment"}
	gate := []string{"gate", "establishment"}
	timer := []string{"job", "system"}
	house := []string{"establishment", "admin", "authority", "clerk", "job", "system"}
	return casework.Machine{Name: "visit", Version: 1, Rules: []casework.Rule{
		{From: "", Event: hold, To: Held, By: family},
		{From: Held, Event: expire, To: HoldExpired, By: timer},
		{From: Held, Event: release, To: HoldExpired, By: append(family, "system")},
		{From: Held, Event: confirm, To: Booked, By: family},
		{From: Held, Event: request, To: Requested, By: family},

		{From: Requested, Event: accept, To: Booked, By: desk},
		{From: Requested, Event: reject, To: Rejected, By: desk, HumanOnly: true, NeedsReason: true},
		{From: Requested, Event: lapse, To: RejectedTimeout, By: timer},
		{From: Requested, Event: withdraw, To: Withdrawn, By: family},
		{From: Requested, Event: closed, To: CancelledPrison, By: house, NeedsReason: true},

		{From: Booked, Event: supersede, To: Superseded, By: family},
		{From: Booked, Event: cancel, To: CancelledFamily, By: family},
		{From: Booked, Event: decline, To: CancelledDetainee, By: desk, HumanOnly: true},
		{From: Booked, Event: closed, To: CancelledPrison, By: house, NeedsReason: true},
		{From: Booked, Event: checkIn, To: CheckedIn, By: gate},
		{From: Booked, Event: refuse, To: RefusedGate, By: gate, HumanOnly: true, NeedsReason: true},
		{From: Booked, Event: miss, To: NoShow, By: append(gate, "job")},

		{From: CheckedIn, Event: finish, To: Done, By: append(gate, "job")},

		{From: NoShow, Event: excuse, To: NoShow, By: desk, HumanOnly: true, NeedsReason: true},
		{From: NoShow, Event: correct, To: Done, By: desk, HumanOnly: true, NeedsReason: true},
		{From: Done, Event: correct, To: NoShow, By: desk, HumanOnly: true, NeedsReason: true},
	}}
}

// Open tells whether a visit in this state is still to come.
func Open(s casework.State) bool { return s == Held || s == Requested || s == Booked }
