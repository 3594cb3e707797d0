package establishment_test

import (
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"github.com/wasl-sms/wasl/internal/establishment"
)

func zone(t interface{ Fatal(...any) }, name string) *time.Location {
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func weekend(loc *time.Location, rest ...time.Weekday) establishment.Calendar {
	c := establishment.Calendar{Location: loc, Special: map[establishment.Day]establishment.DayKind{}}
	for _, d := range rest {
		c.Rest[d] = true
	}
	return c
}

func TestDueDate(t *testing.T) {
	t.Parallel()
	casablanca, algiers := zone(t, "Africa/Casablanca"), zone(t, "Africa/Algiers")
	morocco := weekend(casablanca, time.Saturday, time.Sunday)
	algeria := weekend(algiers, time.Friday, time.Saturday)
	feast := weekend(casablanca, time.Saturday, time.Sunday)
	feast.Special[establishment.Day{Year: 2026, Month: 3, Date: 20}] = establishment.Holiday
	feast.Special[establishment.Day{Year: 2026, Month: 3, Date: 21}] = establishment.Working // a Saturday made good
	for _, c := range []struct {
		name     string
		calendar establishment.Calendar
		from     string
		n        int
		want     string
	}{
		{"Monday and one day", morocco, "2026-03-02 10:00", 1, "2026-03-03 23:59:59"},
		{"over a Moroccan weekend", morocco, "2026-03-05 10:00", 2, "2026-03-09 23:59:59"},
		{"over an Algerian weekend", algeria, "2026-03-05 10:00", 2, "2026-03-09 23:59:59"},
		{"asked on a rest day", morocco, "2026-03-07 10:00", 1, "2026-03-09 23:59:59"},
		{"ten working days", morocco, "2026-03-02 10:00", 10, "2026-03-16 23:59:59"},
		{"a feast and a Saturday made good", feast, "2026-03-19 16:00", 1, "2026-03-21 23:59:59"},
		{"no day at all", morocco, "2026-03-02 10:00", 0, "2026-03-02 23:59:59"},
		{"just before midnight", morocco, "2026-03-02 23:59", 1, "2026-03-03 23:59:59"},
		// Morocco leaves summer time for Ramadan on 15 February 2026 and takes
		// it up again on 22 March: one day has 25 hours, the other 23.
		{"over the longer day", morocco, "2026-02-13 10:00", 1, "2026-02-16 23:59:59"},
		{"over the shorter day", morocco, "2026-03-20 10:00", 1, "2026-03-23 23:59:59"},
		{"due on the longer day", weekend(casablanca), "2026-02-14 10:00", 1, "2026-02-15 23:59:59"},
		{"due on the shorter day", weekend(casablanca), "2026-03-21 10:00", 1, "2026-03-22 23:59:59"},
	} {
		loc := c.calendar.Location
		from, err := time.ParseInLocation("2006-01-02 15:04", c.from, loc)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.calendar.Due(from.UTC(), c.n)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if s := got.In(loc).Format("2006-01-02 15:04:05"); s != c.want {
			t.Errorf("%s: due %s, want %s", c.name, s, c.want)
		}
	}
}

func TestRamadanClock(t *testing.T) {
	t.Parallel()
	loc := zone(t, "Africa/Casablanca")
	for day, hours := range map[establishment.Day]float64{
		{Year: 2026, Month: 2, Date: 14}: 24, {Year: 2026, Month: 2, Date: 15}: 25,
		{Year: 2026, Month: 3, Date: 21}: 24, {Year: 2026, Month: 3, Date: 22}: 23,
	} {
		if got := day.Add(1).In(loc).Sub(day.In(loc)).Hours(); got != hours {
			t.Errorf("%s has %v hours, want %v", day, got, hours)
		}
		ten := establishment.ClockTime(600).On(day.In(loc))
		if ten.Hour() != 10 || ten.Minute() != 0 || establishment.DayOf(ten) != day {
			t.Errorf("ten o'clock of %s is %s", day, ten)
		}
		if utc := ten.UTC().Hour(); utc != 9 && utc != 10 {
			t.Errorf("ten o'clock of %s is %d in UTC", day, utc)
		}
	}
	// The morning after the change the same wall clock is another instant.
	before := establishment.ClockTime(600).On(establishment.Day{Year: 2026, Month: 2, Date: 14}.In(loc))
	after := establishment.ClockTime(600).On(establishment.Day{Year: 2026, Month: 2, Date: 15}.In(loc))
	if d := after.Sub(before); d != 25*time.Hour {
		t.Errorf("from ten to ten over the change: %s", d)
	}
}

func TestDueDateHolds(t *testing.T) {
	t.Parallel()
	zones := []*time.Location{zone(t, "Africa/Casablanca"), zone(t, "Africa/Algiers"), time.UTC}
	rapid.Check(t, func(t *rapid.T) {
		c := establishment.Calendar{Location: rapid.SampledFrom(zones).Draw(t, "zone"), Special: map[establishment.Day]establishment.DayKind{}}
		for _, d := range rapid.SliceOfNDistinct(rapid.IntRange(0, 6), 0, 3, rapid.ID[int]).Draw(t, "rest") {
			c.Rest[d] = true
		}
		from := time.Unix(rapid.Int64Range(1735689600, 1893456000).Draw(t, "from"), 0)
		first := establishment.DayOf(from.In(c.Location))
		for _, n := range rapid.SliceOfN(rapid.IntRange(0, 60), 0, 20).Draw(t, "special") {
			c.Special[first.Add(n)] = rapid.SampledFrom([]establishment.DayKind{establishment.Holiday, establishment.Closed, establishment.Working}).Draw(t, "kind")
		}
		n := rapid.IntRange(1, 40).Draw(t, "n")
		due, err := c.Due(from, n)
		if err != nil {
			t.Fatal(err)
		}
		last := establishment.DayOf(due.In(c.Location))
		if !c.Works(last) {
			t.Fatalf("due on %s, which is not worked", last)
		}
		if got := c.WorkingDays(from, due); got != n {
			t.Fatalf("%d working days up to %s, want %d", got, due, n)
		}
		if !due.After(from) || establishment.DayOf(due.Add(time.Second).In(c.Location)) != last.Add(1) {
			t.Fatalf("due %s is not the end of its day", due.In(c.Location))
		}
		// An extra holiday never makes an answer due earlier.
		c.Special[last] = establishment.Holiday
		if later, err := c.Due(from, n); err != nil || !later.After(due) {
			t.Fatalf("with a holiday more: due %s, before %s (%v)", later, due, err)
		}
	})
}

func TestNoWorkingDayIsToldNotSoughtForEver(t *testing.T) {
	t.Parallel()
	c := weekend(time.UTC, 0, 1, 2, 3, 4, 5, 6)
	if _, err := c.Due(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 1); err == nil {
		t.Error("a due date where nobody ever works")
	}
}

func TestWeekBeginsWhereTheHouseSays(t *testing.T) {
	t.Parallel()
	for start, want := range map[int16]string{0: "2026-03-01", 1: "2026-03-02", 6: "2026-02-28"} {
		e := establishment.Establishment{WeekStart: start}
		if got := e.Week(establishment.Day{Year: 2026, Month: 3, Date: 4}).String(); got != want {
			t.Errorf("week from weekday %d: %s, want %s", start, got, want)
		}
		first := e.Week(establishment.Day{Year: 2026, Month: 3, Date: 4})
		if e.Week(first) != first || e.Week(first.Add(6)) != first || e.Week(first.Add(7)) == first {
			t.Errorf("week from weekday %d is not seven days", start)
		}
	}
}
