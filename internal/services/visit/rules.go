package visit

import (
	"slices"
	"time"

	"github.com/wasl-sms/wasl/internal/establishment"
)

// Frame is what the rules of one establishment say at one instant.
type Frame struct {
	Rules     establishment.Rules
	WeekStart time.Weekday
	Zone      *time.Location
	Now       time.Time
}

// Check tells whether a party may have a slot, and if not, why not. Listing,
// holding, confirming and the gate all ask here and nowhere else.
func Check(s Stage, f Frame, o Slot, p Party) Reason {
	for _, rule := range []func(Stage, Frame, Slot, Party) Reason{
		checkHouse, checkWindow, checkDetainee, checkSession, checkGuests, checkPermits, checkClashes, checkRights, checkPlaces,
	} {
		if why := rule(s, f, o, p); why != "" {
			return why
		}
	}
	return ""
}

func checkHouse(s Stage, _ Frame, o Slot, p Party) Reason {
	switch {
	case !o.Opened:
		return NotOpenYet
	case p.Detainee.EstablishmentID != o.EstablishmentID:
		return WrongHouse
	case o.Closed:
		return Closed
	case s == AtGate && p.Flagged:
		return Flagged
	}
	return ""
}

// checkWindow keeps to the notice and the furthest day; the furthest day opens
// at a fixed hour, so that nobody has to wake at midnight for it.
func checkWindow(s Stage, f Frame, o Slot, p Party) Reason {
	now := f.Now.In(f.Zone)
	today := civil(now)
	switch s {
	case AtGate:
		if !o.Day.Equal(today) {
			return OtherDay
		}
		early := time.Duration(f.Rules.ArriveMinutesBefore)*time.Minute + time.Hour
		if now.Before(o.Start.Add(-early)) || !now.Before(o.End) {
			return OtherHour
		}
	case Confirming:
		if !now.Before(o.Start) {
			return TooSoon
		}
	case Listing, Holding:
		if !now.Before(o.Start) || !p.Staff && o.Day.Before(today.AddDate(0, 0, f.Rules.BookFromDays)) {
			return TooSoon
		}
		last := today.AddDate(0, 0, f.Rules.BookToDays)
		if now.Before(f.Rules.DayOpensAt.On(now)) {
			last = last.AddDate(0, 0, -1)
		}
		if o.Day.After(last) {
			return TooFar
		}
	}
	return ""
}

func checkDetainee(_ Stage, f Frame, o Slot, p Party) Reason {
	d := p.Detainee
	margin := time.Duration(f.Rules.CourtMarginMinutes) * time.Minute
	switch {
	case !d.Present:
		return Absent
	case d.AwayFrom != nil && (d.AwayUntil == nil || d.AwayUntil.Add(margin).After(o.Start)) && d.AwayFrom.Add(-margin).Before(o.End):
		return Away
	case p.Professional:
		return "" // the rules below bind families, not the defence
	case d.ContactBanUntil != nil && !o.Day.After(*d.ContactBanUntil):
		return Ban
	case d.SanctionUntil != nil && !o.Day.After(*d.SanctionUntil):
		return Sanction
	}
	return ""
}

func checkSession(_ Stage, _ Frame, o Slot, p Party) Reason {
	d := p.Detainee
	convicted := d.LegalStatus == establishment.Convicted
	switch {
	case o.Statuses == "convicted" && !convicted, o.Statuses == "remand" && convicted:
		return NotForThem
	case len(o.Sectors) > 0 && !slices.Contains(o.Sectors, d.Sector), slices.Contains(o.SectorsOut, d.Sector):
		return NotForThem
	case len(o.Categories) > 0 && !slices.Contains(o.Categories, d.Category):
		return NotForThem
	case (o.Kind == "official") != p.Professional:
		return NotForThem
	case o.OnRequest && p.Moves: // the old visit would have to be given up for a maybe
		return NotForThem
	case !p.Professional && (d.SeparatedOnly || p.separated()) != (o.Kind == "separated"):
		return SeparateOnly
	}
	return ""
}

// separated tells whether the party itself may come only behind glass.
func (p Party) separated() bool {
	return slices.ContainsFunc(p.Guests, func(g Guest) bool {
		return slices.ContainsFunc(g.Permits, func(p Permit) bool { return p.Separation })
	})
}

func checkGuests(_ Stage, f Frame, o Slot, p Party) Reason {
	limit := f.Rules.Party(p.Detainee.Category)
	adults, children := 0, 0
	for _, g := range p.Guests {
		for _, ban := range g.Banned {
			if !o.Day.Before(ban.from) && !o.Day.After(ban.to) {
				return VisitorBanned
			}
		}
		switch age := g.age(o.Day); {
		case age >= f.Rules.AdultAge:
			adults++
		case age >= f.Rules.InfantAge || f.Rules.InfantsCount:
			children++
		}
	}
	switch {
	case adults == 0 && (f.Rules.AdultLead || len(p.Guests) == 0):
		return NoAdult
	case adults+children > limit.Total:
		return PartyTooBig
	case adults > limit.Adults:
		return PartyAdults
	case children > limit.Children:
		return PartyChildren
	}
	return ""
}

// checkPermits wants a permit of each visitor that is valid on the day itself.
// Once held, its use is committed already.
func checkPermits(s Stage, _ Frame, o Slot, p Party) Reason {
	for _, g := range p.Guests {
		if _, why := g.permitFor(o, s == Listing || s == Holding); why != "" {
			return why
		}
	}
	return ""
}

func checkClashes(s Stage, _ Frame, o Slot, p Party) Reason {
	if s == AtGate {
		return ""
	}
	when := span{o.Start, o.End}
	switch {
	case slices.ContainsFunc(p.DetaineeBusy, when.meets):
		return TakenDetainee
	case slices.ContainsFunc(p.GuestsBusy, when.meets):
		return TakenVisitor
	}
	return ""
}

func checkRights(s Stage, f Frame, o Slot, p Party) Reason {
	if s != Listing && s != Holding {
		return ""
	}
	if !p.Professional {
		allowed := f.Rules.Week(p.Detainee.LegalStatus)
		w, known := p.Weeks[WeekKey{weekOf(o.Day, f.WeekStart), o.Kind}]
		if known {
			allowed = max(allowed, w.Allowed)
		}
		if w.Used >= allowed {
			return WeekFull
		}
	}
	if p.OpenBookings >= f.Rules.OpenBookingsMax {
		return TooManyOpen
	}
	return ""
}

func checkPlaces(s Stage, f Frame, o Slot, p Party) Reason {
	if s != Listing && s != Holding {
		return ""
	}
	if o.FreeGroups < 1 || o.FreeHeads < p.heads(f, o.Day) {
		return Full
	}
	return ""
}

// heads counts the places that the party takes in the room.
func (p Party) heads(f Frame, day time.Time) int {
	n := 0
	for _, g := range p.Guests {
		if counted(f, g.age(day)) {
			n++
		}
	}
	return n
}

func counted(f Frame, age int) bool { return age >= f.Rules.InfantAge || f.Rules.InfantsCount }

// civil gives the day of an instant in its own zone, as midnight UTC.
func civil(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}
