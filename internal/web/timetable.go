package web

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/wasl-sms/wasl/internal/desk"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/services/visit"
	"github.com/wasl-sms/wasl/internal/text"
)

// house is the establishment a page is about: the one asked for, else the
// first of the person's own.
func (s *Server) house(q *request, a desk.Act) (establishment.Establishment, error) {
	id := q.number("e")
	if id == 0 {
		if len(q.who.Establishments) == 0 {
			return establishment.Establishment{}, fault.Forbidden("desk.not_your_role", nil)
		}
		id = q.who.Establishments[0]
	}
	if err := q.who.House(id, a); err != nil {
		return establishment.Establishment{}, err
	}
	return s.Places.Establishment(q.r.Context(), id)
}

// houses are the establishments the person may turn to.
func (s *Server) houses(q *request) ([]establishment.Establishment, error) {
	var out []establishment.Establishment
	if len(q.who.Establishments) < 2 {
		return nil, nil
	}
	all, err := s.Places.Establishments(q.r.Context(), "")
	for _, e := range all {
		if slices.Contains(q.who.Establishments, e.ID) {
			out = append(out, e)
		}
	}
	return out, err
}

type weekPage struct {
	House            establishment.Establishment
	Houses           []establishment.Establishment
	Days             []time.Time
	Rows             []weekRow
	Prev, Next, From time.Time
	Today            time.Time
	MayRun           bool
	Closures         []visit.Closure
}

// weekRow is one hour in one room across the week.
type weekRow struct {
	Starts, Ends time.Time
	Room, Kind   string
	Cells        [7]*visit.Occurrence
}

func (s *Server) timetable(q *request) error {
	e, err := s.house(q, desk.SeeTimetable)
	if err != nil {
		return err
	}
	today := q.today()
	from, ok := q.day("week")
	if !ok {
		if from, ok, err = s.Visits.NextSession(q.r.Context(), e.ID); err != nil {
			return err
		}
		if !ok {
			from = today
		}
	}
	first := e.Week(establishment.DayOf(from))
	from = time.Date(first.Year, first.Month, first.Date, 0, 0, 0, 0, time.UTC)
	all, err := s.Visits.Timetable(q.r.Context(), e.ID, from)
	if err != nil {
		return err
	}
	p := weekPage{
		House: e, From: from, Prev: from.AddDate(0, 0, -7), Next: from.AddDate(0, 0, 7), Today: today,
		MayRun: q.who.Role.May(desk.RunTimetable), Rows: weekRows(from, all),
	}
	for i := range 7 {
		p.Days = append(p.Days, from.AddDate(0, 0, i))
	}
	if p.Houses, err = s.houses(q); err != nil {
		return err
	}
	if p.Closures, err = s.Visits.Closures(q.r.Context(), e.ID); err != nil {
		return err
	}
	p.Closures = slices.DeleteFunc(p.Closures, func(c visit.Closure) bool { return c.FinishedAt != nil })
	return q.show("timetable", p)
}

func weekRows(from time.Time, all []visit.Occurrence) []weekRow {
	rows := map[string]*weekRow{}
	var order []string
	for i, o := range all {
		key := fmt.Sprint(o.Starts.Format("15:04"), o.Ends.Format("15:04"), o.Room, o.Kind)
		if rows[key] == nil {
			rows[key] = &weekRow{Starts: o.Starts, Ends: o.Ends, Room: o.Room, Kind: o.Kind}
			order = append(order, key)
		}
		if day := int(o.Day.Sub(from).Hours() / 24); day >= 0 && day < 7 {
			rows[key].Cells[day] = &all[i]
		}
	}
	slices.Sort(order)
	out := make([]weekRow, len(order))
	for i, key := range order {
		out[i] = *rows[key]
	}
	return out
}

type occurrencePage struct {
	visit.Detail
	House                 establishment.Establishment
	Guests                map[int64]desk.Person
	WantGroups, WantHeads string
	MayRun                bool
	Past                  bool
}

func (s *Server) loadOccurrence(q *request, a desk.Act) (occurrencePage, error) {
	ctx := q.r.Context()
	d, err := s.Visits.OccurrenceDetail(ctx, q.pathNumber("id"))
	if err != nil {
		return occurrencePage{}, err
	}
	if err := q.who.House(d.EstablishmentID, a); err != nil {
		return occurrencePage{}, err
	}
	p := occurrencePage{
		Detail: d, MayRun: q.who.Role.May(desk.RunTimetable), Past: d.Starts.Before(s.Now()),
		WantGroups: strconv.Itoa(d.CapacityGroups), WantHeads: strconv.Itoa(d.CapacityHeads),
	}
	if p.House, err = s.Places.Establishment(ctx, d.EstablishmentID); err != nil {
		return p, err
	}
	if err := s.Desk.Read(ctx, q.who, "occurrence", d.ID); err != nil {
		return p, err
	}
	p.Guests, err = s.guests(q, d.Visits)
	return p, err
}

// guests gives everybody on a list in one look.
func (s *Server) guests(q *request, visits []visit.Listed) (map[int64]desk.Person, error) {
	var ids []int64
	for _, v := range visits {
		ids = append(ids, v.Visitors...)
	}
	return s.Desk.People(q.r.Context(), ids)
}

func (s *Server) occurrence(q *request) error {
	p, err := s.loadOccurrence(q, desk.SeeTimetable)
	if err != nil {
		return err
	}
	return q.show("occurrence", p)
}

func (s *Server) setCapacity(q *request) error {
	p, err := s.loadOccurrence(q, desk.RunTimetable)
	if err != nil {
		return err
	}
	groups, heads := int(q.number("groups")), int(q.number("heads"))
	p.WantGroups, p.WantHeads = q.field("groups"), q.field("heads")
	if groups < 1 || heads < groups || heads > 10000 {
		return q.again("occurrence", p, problem{"groups", text.L("web.fault.capacity", nil)})
	}
	cmd, err := q.command("timetable.capacity")
	if err != nil {
		return err
	}
	err = s.Visits.SetCapacity(q.r.Context(), cmd, p.ID, int(q.number("version")), groups, heads)
	if fault.KeyOf(err) == "visit.capacity_taken" {
		return q.again("occurrence", p, problem{"groups", q.said(err)})
	}
	if err != nil {
		return err
	}
	return q.see(fmt.Sprintf("/occurrence/%d", p.ID))
}

type closePage struct {
	House      establishment.Establishment
	Houses     []establishment.Establishment
	Day        string
	Date       time.Time
	Occurrence int64
	Slot       *visit.Occurrence
	Reasons    []string
	Reason     string
	Note       string
	Affects    visit.Affects
}

func (s *Server) loadClose(q *request) (closePage, error) {
	e, err := s.house(q, desk.RunTimetable)
	if err != nil {
		return closePage{}, err
	}
	p := closePage{House: e, Day: q.field("day"), Reasons: visit.CloseReasons(), Reason: q.field("reason"), Note: q.field("note"), Occurrence: q.number("o")}
	p.Date, _ = q.day("day")
	if p.Occurrence != 0 {
		d, err := s.Visits.OccurrenceDetail(q.r.Context(), p.Occurrence)
		if err != nil {
			return p, err
		}
		if d.EstablishmentID != e.ID {
			return p, fault.NotFound("visit.unknown_slot", nil)
		}
		p.Slot, p.Date, p.Day = &d.Occurrence, d.Day, d.Day.Format(time.DateOnly)
	}
	p.Houses, err = s.houses(q)
	return p, err
}

func (s *Server) closePage(q *request) error {
	p, err := s.loadClose(q)
	if err != nil {
		return err
	}
	return q.show("close", p)
}

func (p closePage) wrong(q *request) (wrong []problem) {
	switch {
	case p.Date.IsZero():
		wrong = append(wrong, problem{"day", text.L("web.fault.date_missing", nil)})
	case p.Date.Before(q.today()):
		wrong = append(wrong, problem{"day", text.L("web.fault.day_past", nil)})
	}
	if !slices.Contains(p.Reasons, p.Reason) {
		wrong = append(wrong, problem{"reason", text.L("web.fault.close_reason_missing", nil)})
	}
	return wrong
}

func (p closePage) closing() visit.Closing {
	return visit.Closing{EstablishmentID: p.House.ID, Day: p.Date, Occurrence: p.Occurrence, Reason: p.Reason, Note: p.Note}
}

// checkClose tells how many families will be told before anything is closed.
func (s *Server) checkClose(q *request) error {
	p, err := s.loadClose(q)
	if err != nil {
		return err
	}
	if wrong := p.wrong(q); len(wrong) > 0 {
		return q.again("close", p, wrong...)
	}
	if p.Affects, err = s.Visits.ClosePreview(q.r.Context(), p.closing()); err != nil {
		return err
	}
	return q.show("close_check", p)
}

func (s *Server) closeDay(q *request) error {
	p, err := s.loadClose(q)
	if err != nil {
		return err
	}
	if wrong := p.wrong(q); len(wrong) > 0 || q.field("change") != "" {
		return q.again("close", p, wrong...)
	}
	cmd, err := q.command("visit.close")
	if err != nil {
		return err
	}
	id, err := s.Visits.Close(q.r.Context(), cmd, p.closing())
	if err != nil {
		return err
	}
	return q.see(fmt.Sprintf("/closure/%d", id))
}

type closurePage struct {
	visit.Closure
	House establishment.Establishment
}

func (s *Server) loadClosure(q *request) (closurePage, error) {
	c, err := s.Visits.Closure(q.r.Context(), q.pathNumber("id"))
	if err != nil {
		return closurePage{}, err
	}
	if err := q.who.House(c.EstablishmentID, desk.RunTimetable); err != nil {
		return closurePage{}, err
	}
	e, err := s.Places.Establishment(q.r.Context(), c.EstablishmentID)
	return closurePage{c, e}, err
}

// closure shows how far a closing has got, and looks again by itself.
func (s *Server) closure(q *request) error {
	p, err := s.loadClosure(q)
	if err != nil {
		return err
	}
	v := view{Page: "closure", Data: p}
	if p.FinishedAt == nil {
		v.Refresh = 3
	}
	return q.render(200, v)
}

// goOnClosing carries on with what the jobs would do within the minute.
func (s *Server) goOnClosing(q *request) error {
	p, err := s.loadClosure(q)
	if err != nil {
		return err
	}
	if err := s.Visits.RunClosures(q.r.Context()); err != nil {
		return err
	}
	return q.see(fmt.Sprintf("/closure/%d", p.ID))
}

type dayPage struct {
	House      establishment.Establishment
	Houses     []establishment.Establishment
	Date       time.Time
	Prev, Next time.Time
	Visits     []visit.Listed
	People     map[int64]desk.Person
	Names      map[int64]establishment.Detainee
	Printed    time.Time
	Heads      int
	Inside     int
	MaySettle  bool
	Outcomes   []string
	Now        time.Time
	Here       string // to come back to
}

func (s *Server) dayList(q *request) error {
	e, err := s.house(q, desk.SeeDay)
	if err != nil {
		return err
	}
	day, ok := q.day("day")
	if !ok {
		day = q.today()
	}
	p := dayPage{
		House: e, Date: day, Prev: day.AddDate(0, 0, -1), Next: day.AddDate(0, 0, 1), Printed: q.now(),
		MaySettle: q.who.Role.May(desk.SettleVisit), Outcomes: visit.Outcomes(), Now: s.Now(), Here: q.r.URL.RequestURI(),
	}
	if p.Visits, err = s.Visits.DayList(q.r.Context(), q.reading("visit.day_list"), e.ID, day); err != nil {
		return err
	}
	for _, v := range p.Visits {
		p.Heads += v.Heads
		if v.State == visit.CheckedIn || v.State == visit.Done {
			p.Inside++
		}
	}
	if p.People, err = s.guests(q, p.Visits); err != nil {
		return err
	}
	if p.Houses, err = s.houses(q); err != nil {
		return err
	}
	return q.show("day", p)
}
