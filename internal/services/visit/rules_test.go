package visit

import (
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/establishment"
)

// fine is a slot, a party and a house where everything is allowed.
func fine(t *testing.T) (Frame, Slot, Party) {
	t.Helper()
	zone, err := time.LoadLocation("Africa/Casablanca")
	if err != nil {
		t.Fatal(err)
	}
	rules, err := establishment.ParseRules([]byte(`{
		"household_max": 9, "open_requests_max": 3, "claims_per_day": 5, "visitors_per_request": 4,
		"permit_working_days": 10, "permit_paper_days": 30, "permit_valid_days": 365,
		"visitors": {"total": 3, "adults": 2, "children": 2}, "adult_age": 18, "infant_age": 2, "adult_lead": true,
		"visits_per_week": {"convicted": 1}, "book_from_days": 1, "book_to_days": 21, "day_opens_at": "10:00",
		"hold_minutes": 10, "holds_max": 1, "open_bookings_max": 4, "arrive_minutes_before": 30, "court_margin_minutes": 30}`))
	if err != nil {
		t.Fatal(err)
	}
	f := Frame{Rules: rules, WeekStart: time.Monday, Zone: zone, Now: time.Date(2026, 6, 1, 11, 0, 0, 0, zone)}
	day := time.Date(2026, 6, 3, 0, 0, 0, 0, time.UTC)
	o := Slot{
		ID: 1, EstablishmentID: 7, Kind: "contact", Day: day, Opened: true, FreeGroups: 1, FreeHeads: 3, Statuses: "all",
		Start: time.Date(2026, 6, 3, 9, 0, 0, 0, zone), End: time.Date(2026, 6, 3, 10, 0, 0, 0, zone),
	}
	p := Party{
		Detainee: Detainee{ID: 3, EstablishmentID: 7, Sector: "N", Category: "B", LegalStatus: establishment.Convicted, Present: true},
		Guests:   []Guest{adult()}, Weeks: map[WeekKey]Week{},
	}
	return f, o, p
}

func adult() Guest {
	return Guest{VisitorID: 1, Birth: time.Date(1985, 5, 3, 0, 0, 0, 0, time.UTC), Permits: []Permit{{
		ID: 1, State: "ACTIVE", From: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
	}}}
}

func child() Guest {
	g := adult()
	g.Birth = time.Date(2016, 5, 3, 0, 0, 0, 0, time.UTC)
	return g
}

func TestCheck(t *testing.T) {
	t.Parallel()
	day := func(d int) *time.Time { at := time.Date(2026, 6, d, 0, 0, 0, 0, time.UTC); return &at }
	num := func(n int) *int { return &n }
	id := func(n int64) *int64 { return &n }
	cases := []struct {
		name string
		at   Stage
		do   func(*Frame, *Slot, *Party)
		want Reason
	}{
		{"fine", Holding, func(*Frame, *Slot, *Party) {}, ""},
		{"service off", Listing, func(_ *Frame, o *Slot, _ *Party) { o.Opened = false }, NotOpenYet},
		{"held elsewhere", Listing, func(_ *Frame, _ *Slot, p *Party) { p.Detainee.EstablishmentID = 8 }, WrongHouse},
		{"closed", Confirming, func(_ *Frame, o *Slot, _ *Party) { o.Closed = true }, Closed},
		{"same day", Holding, func(f *Frame, o *Slot, _ *Party) { f.Now = o.Start.Add(-time.Hour) }, TooSoon},
		{"same day at the desk", Holding, func(f *Frame, o *Slot, p *Party) { f.Now, p.Staff = o.Start.Add(-time.Hour), true }, ""},
		{"furthest day after ten", Holding, func(f *Frame, o *Slot, _ *Party) { f.Now = o.Start.AddDate(0, 0, -21).Add(time.Hour) }, ""},
		{"furthest day before ten", Holding, func(f *Frame, o *Slot, _ *Party) { f.Now = o.Start.AddDate(0, 0, -21).Add(59 * time.Minute) }, TooFar},
		{"confirm after it began", Confirming, func(f *Frame, o *Slot, _ *Party) { f.Now = o.Start }, TooSoon},
		{"released", Confirming, func(_ *Frame, _ *Slot, p *Party) { p.Detainee.Present = false }, Absent},
		{"court ends just before", Holding, func(_ *Frame, o *Slot, p *Party) {
			from, until := o.Start.Add(-3*time.Hour), o.Start.Add(-20*time.Minute)
			p.Detainee.AwayFrom, p.Detainee.AwayUntil = &from, &until
		}, Away},
		{"court ends in time", Holding, func(_ *Frame, o *Slot, p *Party) {
			from, until := o.Start.Add(-3*time.Hour), o.Start.Add(-30*time.Minute)
			p.Detainee.AwayFrom, p.Detainee.AwayUntil = &from, &until
		}, ""},
		{"ban until that day", Listing, func(_ *Frame, _ *Slot, p *Party) { p.Detainee.ContactBanUntil = day(3) }, Ban},
		{"ban until the day before", Listing, func(_ *Frame, _ *Slot, p *Party) { p.Detainee.ContactBanUntil = day(2) }, ""},
		{"ban, but the lawyer", Listing, func(_ *Frame, o *Slot, p *Party) {
			p.Detainee.ContactBanUntil, p.Professional, o.Kind = day(3), true, "official"
		}, ""},
		{"sanction", Listing, func(_ *Frame, _ *Slot, p *Party) { p.Detainee.SanctionUntil = day(9) }, Sanction},
		{"remand session", Listing, func(_ *Frame, o *Slot, _ *Party) { o.Statuses = "remand" }, NotForThem},
		{"other sector", Listing, func(_ *Frame, o *Slot, _ *Party) { o.Sectors = []string{"S"} }, NotForThem},
		{"sector left out", Listing, func(_ *Frame, o *Slot, _ *Party) { o.SectorsOut = []string{"N"} }, NotForThem},
		{"other category", Listing, func(_ *Frame, o *Slot, _ *Party) { o.Categories = []string{"A"} }, NotForThem},
		{"official session", Listing, func(_ *Frame, o *Slot, _ *Party) { o.Kind = "official" }, NotForThem},
		{"moved to where it has to be asked for", Listing, func(_ *Frame, o *Slot, p *Party) { o.OnRequest, p.Moves = true, true }, NotForThem},
		{"separated only", Listing, func(_ *Frame, _ *Slot, p *Party) { p.Detainee.SeparatedOnly = true }, SeparateOnly},
		{"separated in its place", Listing, func(_ *Frame, o *Slot, p *Party) { p.Detainee.SeparatedOnly, o.Kind = true, "separated" }, ""},
		{"permit behind glass only", Listing, func(_ *Frame, _ *Slot, p *Party) { p.Guests[0].Permits[0].Separation = true }, SeparateOnly},
		{"nobody", Listing, func(_ *Frame, _ *Slot, p *Party) { p.Guests = nil }, NoAdult},
		{"only a child", Listing, func(_ *Frame, _ *Slot, p *Party) { p.Guests = []Guest{child()} }, NoAdult},
		{"three adults", Listing, func(_ *Frame, _ *Slot, p *Party) { p.Guests = []Guest{adult(), adult(), adult()} }, PartyAdults},
		{"three children", Listing, func(f *Frame, _ *Slot, p *Party) {
			f.Rules.Visitors.Total = 4
			p.Guests = []Guest{adult(), child(), child(), child()}
		}, PartyChildren},
		{"four people", Listing, func(_ *Frame, _ *Slot, p *Party) { p.Guests = []Guest{adult(), adult(), child(), child()} }, PartyTooBig},
		{"an infant more", Listing, func(_ *Frame, _ *Slot, p *Party) {
			infant := adult()
			infant.Birth = time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)
			p.Guests = []Guest{adult(), adult(), child(), infant}
		}, ""},
		{"visitor banned", AtGate, func(f *Frame, o *Slot, p *Party) {
			f.Now = o.Start
			p.Guests[0].Banned = []span{{*day(1), *day(30)}}
		}, VisitorBanned},
		{"permit ends the day before", Holding, func(_ *Frame, _ *Slot, p *Party) { p.Guests[0].Permits[0].To = day(2) }, NoPermit},
		{"permit ends that day", Holding, func(_ *Frame, _ *Slot, p *Party) { p.Guests[0].Permits[0].To = day(3) }, ""},
		{"permit revoked", AtGate, func(f *Frame, o *Slot, p *Party) { f.Now, p.Guests[0].Permits[0].State = o.Start, "REVOKED" }, NoPermit},
		{"permit of elsewhere", Holding, func(_ *Frame, _ *Slot, p *Party) { p.Guests[0].Permits[0].EstablishmentID = id(8) }, NoPermit},
		{"permit used up", Holding, func(_ *Frame, _ *Slot, p *Party) { p.Guests[0].Permits[0].Left = num(0) }, PermitUsed},
		{"its own use is committed", Confirming, func(_ *Frame, _ *Slot, p *Party) { p.Guests[0].Permits[0].Left = num(0) }, ""},
		{"detainee has a visit then", Holding, func(_ *Frame, o *Slot, p *Party) { p.DetaineeBusy = []span{{o.End.Add(-time.Minute), o.End}} }, TakenDetainee},
		{"visitor is elsewhere then", Confirming, func(_ *Frame, o *Slot, p *Party) { p.GuestsBusy = []span{{o.Start, o.End}} }, TakenVisitor},
		{"a visit that ends as it begins", Holding, func(_ *Frame, o *Slot, p *Party) { p.DetaineeBusy = []span{{o.Start.Add(-time.Hour), o.Start}} }, ""},
		{"week used", Holding, func(_ *Frame, _ *Slot, p *Party) { p.Weeks[WeekKey{*day(1), "contact"}] = Week{Used: 1, Allowed: 1} }, WeekFull},
		{"an extra one authorised", Holding, func(_ *Frame, _ *Slot, p *Party) { p.Weeks[WeekKey{*day(1), "contact"}] = Week{Used: 1, Allowed: 2} }, ""},
		{"another week used", Holding, func(_ *Frame, _ *Slot, p *Party) { p.Weeks[WeekKey{*day(8), "contact"}] = Week{Used: 1, Allowed: 1} }, ""},
		{"too many open", Holding, func(_ *Frame, _ *Slot, p *Party) { p.OpenBookings = 4 }, TooManyOpen},
		{"full", Holding, func(_ *Frame, o *Slot, _ *Party) { o.FreeGroups = 0 }, Full},
		{"no seats", Holding, func(_ *Frame, o *Slot, p *Party) { o.FreeHeads, p.Guests = 1, []Guest{adult(), child()} }, Full},
		{"gate in time", AtGate, func(f *Frame, o *Slot, _ *Party) { f.Now = o.Start.Add(-20 * time.Minute) }, ""},
		{"gate, day before", AtGate, func(f *Frame, o *Slot, _ *Party) { f.Now = o.Start.AddDate(0, 0, -1) }, OtherDay},
		{"gate, hours early", AtGate, func(f *Frame, o *Slot, _ *Party) { f.Now = o.Start.Add(-4 * time.Hour) }, OtherHour},
		{"gate, after the end", AtGate, func(f *Frame, o *Slot, _ *Party) { f.Now = o.End }, OtherHour},
		{"gate, flagged", AtGate, func(f *Frame, o *Slot, p *Party) { f.Now, p.Flagged = o.Start, true }, Flagged},
		{"gate, full does not matter", AtGate, func(f *Frame, o *Slot, _ *Party) { f.Now, o.FreeGroups = o.Start, 0 }, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f, o, p := fine(t)
			c.do(&f, &o, &p)
			if got := Check(c.at, f, o, p); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// The week begins where the establishment's week begins.
func TestWeekOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		day   string
		start time.Weekday
		want  string
	}{
		{"2026-06-03", time.Monday, "2026-06-01"},
		{"2026-06-01", time.Monday, "2026-06-01"},
		{"2026-05-31", time.Monday, "2026-05-25"},
		{"2026-06-03", time.Saturday, "2026-05-30"},
		{"2026-05-31", time.Sunday, "2026-05-31"},
	} {
		day, err := time.Parse(time.DateOnly, c.day)
		if err != nil {
			t.Fatal(err)
		}
		if got := weekOf(day, c.start).Format(time.DateOnly); got != c.want {
			t.Errorf("week of %s from %s: %s, want %s", c.day, c.start, got, c.want)
		}
	}
}

// The clocks go forward on 22 March, between the booking and the visit: the hour
// on the wall is what counts.
func TestWindowAcrossAClockChange(t *testing.T) {
	t.Parallel()
	f, o, p := fine(t)
	o.Day = time.Date(2026, 3, 25, 0, 0, 0, 0, time.UTC)
	o.Start = time.Date(2026, 3, 25, 9, 0, 0, 0, f.Zone)
	o.End = o.Start.Add(time.Hour)
	f.Now = time.Date(2026, 3, 4, 9, 59, 0, 0, f.Zone)
	if got := Check(Holding, f, o, p); got != TooFar {
		t.Errorf("a minute before ten: %q", got)
	}
	f.Now = f.Now.Add(time.Minute)
	if got := Check(Holding, f, o, p); got != "" {
		t.Errorf("at ten: %q", got)
	}
}
