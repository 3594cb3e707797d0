package visit

import (
	"time"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/text"
)

// Reason says why a slot can't be had; "" is that it can.
type Reason string

// Reasons, in the order in which they are looked at.
const (
	NotOpenYet    Reason = "not_open_yet" // the service at this establishment
	WrongHouse    Reason = "wrong_house"  // the detainee is held elsewhere
	Closed        Reason = "closed"
	TooSoon       Reason = "too_soon"
	TooFar        Reason = "too_far"
	OtherDay      Reason = "other_day"   // at the gate
	OtherHour     Reason = "other_hour"  // at the gate
	Absent        Reason = "absent"      // released or gone
	Away          Reason = "away"        // court, hospital
	Ban           Reason = "ban"         // of contact, by a judge
	Sanction      Reason = "sanction"    //
	NotForThem    Reason = "not_for"     // other sectors, categories or statuses
	SeparateOnly  Reason = "separate"    // only behind glass
	PartyTooBig   Reason = "party_total" //
	PartyAdults   Reason = "party_adults"
	PartyChildren Reason = "party_children"
	NoAdult       Reason = "no_adult"
	VisitorBanned Reason = "visitor_banned"
	NoPermit      Reason = "no_permit"
	PermitUsed    Reason = "permit_used"
	TakenDetainee Reason = "taken_detainee" // has another visit then
	TakenVisitor  Reason = "taken_visitor"
	WeekFull      Reason = "week"
	TooManyOpen   Reason = "max_open"
	Full          Reason = "full"
	Flagged       Reason = "flagged" // at the gate
)

// Text gives the key of the reason's text. What concerns the detainee has one
// neutral text, so that a refusal tells nothing about a person.
func (r Reason) Text() text.Key {
	switch r {
	case WrongHouse, Absent, Away, Ban, Sanction, NotForThem, SeparateOnly, TakenDetainee, VisitorBanned:
		return "visit.why.none"
	default:
		return text.Key("visit.why." + string(r))
	}
}

// Stage says where in a booking the rules are asked.
type Stage uint8

// Stages.
const (
	Listing Stage = iota
	Holding
	Confirming
	AtGate
)

// Slot is one occurrence as the rules see it.
type Slot struct {
	ID              int64
	EstablishmentID int64
	Room            string
	Kind            string
	Day             time.Time // civil, midnight UTC
	Start, End      time.Time // in the establishment's zone
	Opened          bool      // the service runs at this establishment
	Closed          bool      // by staff, or by the calendar
	FreeGroups      int       // in the pool asked for, expired holds counted as free
	FreeHeads       int
	Sectors         []string
	SectorsOut      []string
	Categories      []string
	Statuses        string
	OnRequest       bool // the establishment answers each wish
}

// Detainee is what the rules need to know of the person visited.
type Detainee struct {
	ID              int64
	EstablishmentID int64
	Sector          string
	Category        string
	LegalStatus     establishment.LegalStatus
	Present         bool
	ContactBanUntil *time.Time
	SanctionUntil   *time.Time
	SeparatedOnly   bool
	AwayFrom        *time.Time
	AwayUntil       *time.Time
}

// Permit is one right of one visitor.
type Permit struct {
	ID              int64
	Ref             string
	State           casework.State
	From            time.Time
	To              *time.Time
	Left            *int // uses; nil: not counted
	Separation      bool
	EstablishmentID *int64
}

// Guest is one visitor of a party.
type Guest struct {
	VisitorID int64
	Birth     time.Time
	Banned    []span // civil days
	Permits   []Permit
}

// span is a time from up to, but not including, to.
type span struct{ from, to time.Time }

func (s span) meets(o span) bool { return s.from.Before(o.to) && o.from.Before(s.to) }

// Party is who wants to visit whom, and what they have already.
type Party struct {
	Account      int64
	Detainee     Detainee
	Guests       []Guest
	Professional bool // lawyer or officer: official sessions
	Staff        bool // entered at the desk: the notice does not bind
	Moves        bool // gives up a visit for this one

	DetaineeBusy []span
	GuestsBusy   []span
	Weeks        map[WeekKey]Week
	OpenBookings int
	Flagged      bool // a flag of this visit blocks the gate
}

// WeekKey names a detainee's week of one kind of visit.
type WeekKey struct {
	Start time.Time
	Kind  string
}

// Week is how much of a week's right is used.
type Week struct{ Used, Allowed int }

// age is counted in whole years on a civil day.
func (g Guest) age(day time.Time) int {
	years := day.Year() - g.Birth.Year()
	if day.YearDay() < g.Birth.AddDate(years, 0, 0).YearDay() {
		years--
	}
	return max(years, 0)
}

// permitFor finds the permit that covers a slot; the soonest to end goes first.
func (g Guest) permitFor(o Slot, needsUse bool) (Permit, Reason) {
	why := NoPermit
	var best *Permit
	for i, p := range g.Permits {
		if p.State != "ACTIVE" && p.State != "PENDING_SIGHT" || o.Day.Before(p.From) || p.To != nil && o.Day.After(*p.To) ||
			p.EstablishmentID != nil && *p.EstablishmentID != o.EstablishmentID ||
			p.Separation && o.Kind != "separated" {
			continue
		}
		if needsUse && p.Left != nil && *p.Left < 1 {
			why = PermitUsed
			continue
		}
		if best == nil || p.To != nil && (best.To == nil || p.To.Before(*best.To)) {
			best = &g.Permits[i]
		}
	}
	if best == nil {
		return Permit{}, why
	}
	return *best, ""
}

// weekOf gives the first day of the week that a civil day lies in.
func weekOf(day time.Time, start time.Weekday) time.Time {
	return day.AddDate(0, 0, -(int(day.Weekday()-start)+7)%7)
}
