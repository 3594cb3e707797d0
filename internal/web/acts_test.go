package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/desk"
	"github.com/wasl-sms/wasl/internal/text"
)

// A clerk ends a request that nothing can come of; without a reason nothing happens.
func TestCloseWithoutObject(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.staff("greffe", text.French, desk.Grant{Role: desk.Clerk, EstablishmentID: w.house("AINS")})
	sent := w.request(w.family(text.French, 0), "41207")
	at := "/case/" + sent.Ref
	b := w.login("greffe")
	b.get(at)
	b.want("Clore sans objet")
	b.get(at + "/no_object")
	form := b.fields(at + "/no_object")
	if status := b.post(at+"/no_object", form); status != http.StatusUnprocessableEntity {
		t.Errorf("closed without a reason: %d", status)
	}
	form.Set("reason", "doubled")
	b.post(at+"/no_object", form)
	b.want("Demande close", "Sans objet")
	b.post(at+"/no_object", form)
	var moves, told int
	w.Scan(&moves, `select count(*) from transition where case_id = $1 and event = 'close_no_object' and reason_code = 'doubled'`, sent.ID)
	w.Scan(&told, `select count(*) from message where case_id = $1 and text_key = 'permit.no_object'`, sent.ID)
	if moves != 1 || told != 1 {
		t.Errorf("closed %d times, told %d times", moves, told)
	}
	if b.get(at); strings.Contains(b.last, "/no_object") {
		t.Error("a closed request may be closed")
	}
}

// The timetable opens where there is something left to come.
func TestTimetableOpensOnTheNextSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.staff("planning", text.French, desk.Grant{Role: desk.Establishment, EstablishmentID: w.house("AINS")})
	last := "select max(upper(period)) from occurrence o where o.establishment_id = $1 and date_trunc('week', o.day) = $2"
	var ends time.Time
	w.Scan(&ends, last, w.house("AINS"), time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC))
	w.Add(ends.Sub(w.Now()) + time.Minute) // the last session of the week is over
	var next int64
	w.Scan(&next, `select id from occurrence where establishment_id = $1 and lower(period) > $2 order by lower(period), id limit 1`, w.house("AINS"), w.Now())
	b := w.login("planning")
	b.get("/timetable")
	if !strings.Contains(b.last, fmt.Sprintf(`"/occurrence/%d"`, next)) {
		t.Errorf("the next session is not shown: %s", b.text())
	}
	b.get("/timetable?" + url.Values{"week": {"2027-03-01"}}.Encode()) // what is asked for is shown
	b.want("01/03/2027")
}
