package links_test

import (
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/links"
)

// Minutes of several binds add up to hours and to the operator's total.
func TestHistoryAddsUp(t *testing.T) {
	t.Parallel()
	w := setUp(t)
	s := w.process()
	hour := w.at.Truncate(time.Hour)
	minute := func(operator, bind string, at time.Time, sent, delivered int) links.Minute {
		return links.Minute{Name: links.Name{Operator: operator, Bind: bind}, Minute: at, Submitted: sent + 1, Sent: sent, Rejected: 1, Delivered: delivered, ResponseMS: 10}
	}
	report(t, s, links.Report{Minutes: []links.Minute{
		minute("north", "1", hour.Add(-time.Minute), 5, 4),
		minute("north", "1", hour.Add(time.Minute), 3, 2),
		minute("north", "2", hour.Add(time.Minute), 2, 1),
		minute("south", "1", hour.Add(time.Minute), 70, 60),
		minute("north", "1", hour.Add(-30*time.Hour), 900, 900), // too long ago
	}})
	hours, err := s.Hours(t.Context(), "north", hour.Add(-23*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if len(hours) != 2 || hours[0].Sent != 5 || !hours[1].Minute.Equal(hour) || hours[1].Sent != 5 || hours[1].Delivered != 3 || hours[1].ResponseMS != 20 {
		t.Errorf("hours are %+v", hours)
	}
	totals, err := s.Totals(t.Context(), hour.Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if n := totals["north"]; n.Sent != 10 || n.Rejected != 3 || n.Submitted != 13 || totals["south"].Delivered != 60 {
		t.Errorf("totals are %+v", totals)
	}
}
