package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/wasl-sms/wasl/internal/desk"
	"github.com/wasl-sms/wasl/internal/text"
)

// lose makes every text of a case fail as the operator's receipt would.
func (w *world) lose(caseID int64) {
	w.T.Helper()
	_, err := w.DB.Exec(w.T.Context(), `update message_part p set state = 'undelivered', reason = 'receipt', final_at = $2, sent_at = $2, accepted_at = $2
		from message m where m.id = p.message_id and m.case_id = $1`, caseID, w.Now())
	w.Must(err)
}

// Texts that did not arrive are for whoever has the case, and for nobody else;
// a call takes them off the list, once.
func TestNotReached(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	boss := w.staff("directeur", text.French, desk.Grant{Role: desk.Authority, AuthorityID: w.authority("DIR", "AINS")})
	w.staff("greffe", text.French, desk.Grant{Role: desk.Clerk, EstablishmentID: w.house("AINS")})
	w.staff("ailleurs", text.French, desk.Grant{Role: desk.Clerk, EstablishmentID: w.house("SALE")})
	w.staff("planning", text.French, desk.Grant{Role: desk.Establishment, EstablishmentID: w.house("AINS")})
	f := w.family(text.French, 0)
	sent := w.request(f, "41207")
	w.grant(sent, boss)
	v, _ := w.book(f, "41207")
	w.lose(sent.ID)
	w.lose(v.ID)
	var ofRequest, ofVisit int64
	w.Scan(&ofRequest, `select max(id) from message where case_id = $1`, sent.ID)
	w.Scan(&ofVisit, `select max(id) from message where case_id = $1`, v.ID)

	b := w.login("greffe")
	b.get("/missed")
	b.want(sent.Ref, v.Ref, "éteint, hors réseau", "+2126")
	house := w.login("planning")
	house.get("/missed")
	if house.want(v.Ref); strings.Contains(house.text(), sent.Ref) {
		t.Error("an establishment sees a request")
	}
	other := w.login("ailleurs")
	other.get("/missed")
	other.want("Tout est arrivé")
	for who, id := range map[*browser]int64{other: ofVisit, house: ofRequest} {
		if status := who.post(fmt.Sprintf("/missed/%d", id), url.Values{"key": {"k"}}); status != http.StatusNotFound {
			t.Errorf("a call about another's case: %d", status)
		}
	}
	at := fmt.Sprintf("/missed/%d", ofVisit)
	house.get("/missed")
	form := house.fields(at)
	house.post(at, form)
	house.post(at, form) // the same form again
	house.want("Tout est arrivé")
	if status := b.post(at, url.Values{"key": {"later"}}); status != http.StatusNotFound {
		t.Errorf("called a second time: %d", status)
	}
	house.get("/case/" + v.Ref)
	house.want("Famille prévenue de vive voix")
	var calls, reads int
	w.Scan(&calls, `select count(*) from audit_event where action = 'message.called' and object_id = $1`, v.ID)
	w.Scan(&reads, `select count(*) from audit_event where action = 'missed.read' and detail->'cases' @> $1::jsonb`, fmt.Sprintf("[%d]", v.ID))
	if calls != 1 || reads != 3 {
		t.Errorf("%d calls, the list read %d times", calls, reads)
	}
}
