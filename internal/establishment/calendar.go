package establishment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/fault"
)

// Day is a civil day, without hour or zone.
type Day struct {
	Year  int
	Month time.Month
	Date  int
}

// DayOf gives the civil day of an instant in the instant's own zone.
func DayOf(t time.Time) Day {
	y, m, d := t.Date()
	return Day{y, m, d}
}

// Add gives the day n days later.
func (d Day) Add(n int) Day { return DayOf(d.utc().AddDate(0, 0, n)) }

// Weekday of the day.
func (d Day) Weekday() time.Weekday { return d.utc().Weekday() }

// Before tells whether d comes before other.
func (d Day) Before(other Day) bool { return d.utc().Before(other.utc()) }

// In gives the first instant of the day in a zone.
func (d Day) In(loc *time.Location) time.Time {
	return time.Date(d.Year, d.Month, d.Date, 0, 0, 0, 0, loc)
}

// String writes the day as 2026-12-30.
func (d Day) String() string { return d.utc().Format(time.DateOnly) }

// Time gives midnight UTC of the day: how a date column travels.
func (d Day) Time() time.Time { return d.utc() }

func (d Day) utc() time.Time { return d.In(time.UTC) }

// DayKind is why a day differs from its week.
type DayKind string

// Kinds of special days.
const (
	Holiday DayKind = "holiday"
	Closed  DayKind = "closed"
	Working DayKind = "working"
)

// Calendar tells working days from others at one place.
type Calendar struct {
	Location *time.Location
	Rest     [7]bool // by time.Weekday
	Special  map[Day]DayKind
}

// Works tells whether a day is worked.
func (c Calendar) Works(d Day) bool {
	switch c.Special[d] {
	case Working:
		return true
	case Holiday, Closed:
		return false
	}
	return !c.Rest[d.Weekday()]
}

// maxPause bounds the search for a working day: nothing closes for longer.
const maxPause = 366

// Due gives the end of the n-th working day after the day of from: a request
// of Monday due in one working day is due before Tuesday ends.
func (c Calendar) Due(from time.Time, n int) (time.Time, error) {
	d, pause := DayOf(from.In(c.Location)), 0
	for n > 0 {
		d = d.Add(1)
		if c.Works(d) {
			n--
			pause = 0
			continue
		}
		if pause++; pause > maxPause {
			return time.Time{}, fmt.Errorf("no working day in the year before %s", d)
		}
	}
	return d.Add(1).In(c.Location).Add(-time.Second), nil
}

// WorkingDays counts the working days after the day of from up to the day of to.
func (c Calendar) WorkingDays(from, to time.Time) int {
	n := 0
	last := DayOf(to.In(c.Location))
	for d := DayOf(from.In(c.Location)).Add(1); !last.Before(d); d = d.Add(1) {
		if c.Works(d) {
			n++
		}
	}
	return n
}

// horizon is how many calendar days are read at a time.
const horizon = 3 * 366

// Calendar gives an establishment's calendar from a day on, for three years.
func (d *Directory) Calendar(ctx context.Context, establishmentID int64, from time.Time) (Calendar, error) {
	return d.calendar(ctx, d.db.QueryRow(ctx, sqlCalendar, establishmentID), establishmentID, from)
}

// CountryCalendar gives the calendar of a whole country.
func (d *Directory) CountryCalendar(ctx context.Context, country string, from time.Time) (Calendar, error) {
	return d.calendar(ctx, d.db.QueryRow(ctx, sqlCountryCalendar, country), 0, from)
}

// AuthorityCalendar gives an authority's calendar: its establishment's, or its
// country's.
func (d *Directory) AuthorityCalendar(ctx context.Context, authorityID int64, from time.Time) (Calendar, error) {
	return d.calendar(ctx, d.db.QueryRow(ctx, sqlAuthorityCalendar, authorityID), 0, from)
}

func (d *Directory) calendar(ctx context.Context, row pgx.Row, establishmentID int64, from time.Time) (Calendar, error) {
	var tz, country string
	var rest []int16
	err := row.Scan(&country, &tz, &rest, &establishmentID)
	if errors.Is(err, pgx.ErrNoRows) {
		return Calendar{}, fault.NotFound("establishment.unknown", nil)
	}
	if err != nil {
		return Calendar{}, fmt.Errorf("calendar: %w", err)
	}
	c := Calendar{Special: map[Day]DayKind{}}
	if c.Location, err = time.LoadLocation(tz); err != nil {
		return Calendar{}, fmt.Errorf("calendar: %w", err)
	}
	for _, d := range rest {
		c.Rest[d] = true
	}
	first := DayOf(from.In(c.Location))
	rows, err := d.db.Query(ctx, sqlSpecialDays, country, establishmentID, first.Time(), first.Add(horizon).Time())
	if err != nil {
		return Calendar{}, fmt.Errorf("calendar: %w", err)
	}
	var day time.Time
	var kind DayKind
	_, err = pgx.ForEachRow(rows, []any{&day, &kind}, func() error {
		c.Special[DayOf(day)] = kind
		return nil
	})
	if err != nil {
		return Calendar{}, fmt.Errorf("calendar: %w", err)
	}
	return c, nil
}

// DueDate gives when an authority's answer is due: the end of the n-th working
// day after from, by its own calendar.
func (d *Directory) DueDate(ctx context.Context, authorityID int64, from time.Time, workingDays int) (time.Time, error) {
	c, err := d.AuthorityCalendar(ctx, authorityID, from)
	if err != nil {
		return time.Time{}, err
	}
	return c.Due(from, workingDays)
}
