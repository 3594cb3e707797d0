package visit_test

import (
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/services/visit"
)

func TestWishesAreAnswered(t *testing.T) {
	t.Parallel()
	w := world(t)
	ctx := t.Context()
	days := w.Session("A", time.Wednesday, "09:00", "10:00", 4)
	w.Exec(`update session_template set on_request = true`)
	f := w.Families(4)
	var wishes []visit.Booking
	for _, f := range f {
		b, err := w.Visits.Book(ctx, w.Citizen(f), f.Ask(days[0]))
		w.Must(err)
		if b.Code != "" || w.State(b.ID) != visit.Requested || w.Told(f.Account, "visit.sms.requested") != 1 {
			t.Errorf("wish %+v is %s", b, w.State(b.ID))
		}
		wishes = append(wishes, b)
	}
	if list, err := w.Visits.Requests(ctx, w.House); err != nil || len(list) != 4 {
		t.Errorf("%d wishes to answer (%v)", len(list), err)
	}
	b, err := w.Visits.Accept(ctx, w.Staff(2, "establishment"), wishes[0].ID)
	w.Must(err)
	if b.Code == "" || w.Told(f[0].Account, "visit.sms.booked") != 1 {
		t.Errorf("accepted: %+v", b)
	}
	w.Must(w.Visits.Reject(ctx, w.Staff(2, "establishment"), wishes[1].ID, "staff", ""))
	w.Must(w.Visits.Cancel(ctx, w.Citizen(f[2]), wishes[2].ID, visit.Cancellation{Side: visit.ByFamily}))
	w.Must(w.Visits.LapseRequests(ctx))
	w.Clock.Set(time.Date(2026, 3, 3, 20, 1, 0, 0, time.UTC)) // the eve, after eight
	w.Must(w.Visits.LapseRequests(ctx))
	for i, want := range []string{"BOOKED", "REJECTED", "WITHDRAWN", "REJECTED_TIMEOUT"} {
		if got := w.State(wishes[i].ID); string(got) != want {
			t.Errorf("wish %d is %s, want %s", i, got, want)
		}
	}
	if w.Told(f[1].Account, "visit.sms.rejected") != 1 || w.Told(f[3].Account, "visit.sms.unanswered") != 1 {
		t.Error("someone was not told")
	}
	var taken int
	w.Scan([]any{&taken}, `select held + booked from occurrence where id = $1`, days[0])
	if taken != 1 {
		t.Errorf("%d places taken, want the accepted one", taken)
	}
	w.Verify()
}
