package permit_test

import (
	"sync"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/services/permit"
	"github.com/wasl-sms/wasl/internal/text"
)

func TestAlarms(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	account, self := w.Family(text.French)
	sent := w.send(account, self, convicted)
	alarms := func() {
		var wg sync.WaitGroup
		for range 4 { // as many processes at once
			wg.Go(func() {
				if err := w.Permits.Alarms(t.Context(), w.Now()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	clock := sent.Due.Sub(w.Now())
	w.Add(clock * 7 / 10)
	alarms()
	if a := w.file(sent.ID).Alarm; a != 0 {
		t.Errorf("alarm %d at 70 %%", a)
	}
	w.Add(clock * 15 / 100)
	alarms()
	if f := w.file(sent.ID); f.Alarm != 80 || !f.DueAt.Equal(sent.Due) {
		t.Errorf("at 85 %% %+v", f)
	}
	if n := w.count(account, "permit.late"); n != 0 {
		t.Errorf("told of a delay %d times before the date", n)
	}
	w.Add(clock * 20 / 100)
	alarms()
	f := w.file(sent.ID)
	if f.Alarm != 100 || !f.DueAt.After(w.Now()) || f.Version != 2 {
		t.Errorf("at 105 %% %+v", f)
	}
	w.wasTold(account, "permit.late", sent.Ref, f.DueAt.Format("02/01/2006"))
	if n := w.count(account, "permit.late"); n != 1 {
		t.Errorf("told of a delay %d times", n)
	}
	w.Add(f.DueAt.Sub(w.Now()) + time.Hour)
	alarms()
	if n := w.count(account, "permit.late"); n != 2 || !w.file(sent.ID).DueAt.After(*f.DueAt) {
		t.Errorf("the new date was missed too: told %d times", n)
	}
	if _, err := w.decide(sent.ID, nil); err != nil {
		t.Errorf("a late case is decided as any other: %v", err)
	}
	w.Add(100 * 24 * time.Hour)
	alarms()
	if n := w.count(account, "permit.late"); n != 2 {
		t.Errorf("a decided case was late %d times", n)
	}
}

func TestLapses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	account, self := w.Family(text.French)
	sent := w.send(account, self, convicted)
	ask := func() {
		w.Must(w.Permits.AskPapers(t.Context(), w.staff(3, "clerk"), sent.ID, w.file(sent.ID).Version, []string{"id_card"}, ""))
	}
	lapses := func() {
		for range 2 {
			w.Must(w.Permits.Lapses(t.Context(), w.Now()))
		}
	}
	ask()
	w.Add(14 * 24 * time.Hour)
	lapses()
	if n := w.count(account, "permit.paper_reminder"); n != 0 {
		t.Errorf("reminded %d times before half the time", n)
	}
	w.Add(4 * 24 * time.Hour) // half time passed while nobody looked
	lapses()
	if n := w.count(account, "permit.paper_reminder"); n != 1 {
		t.Errorf("reminded %d times", n)
	}
	w.Must(w.Permits.Supplied(t.Context(), w.staff(3, "clerk"), sent.ID, w.file(sent.ID).Version))
	ask()
	w.Add(20 * 24 * time.Hour)
	lapses()
	if n := w.count(account, "permit.paper_reminder"); n != 2 || w.file(sent.ID).State != permit.InfoNeeded {
		t.Errorf("asked again: reminded %d times, %s", n, w.file(sent.ID).State)
	}
	w.Add(11 * 24 * time.Hour)
	lapses()
	if f := w.file(sent.ID); f.State != permit.Lapsed || f.ClockLeft != nil {
		t.Errorf("%+v", f)
	}
	w.wasTold(account, "permit.lapsed", sent.Ref)
	if n := w.count(account, "permit.lapsed"); n != 1 {
		t.Errorf("told %d times", n)
	}
}
