package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/desk"
	"github.com/wasl-sms/wasl/internal/services/visit"
	"github.com/wasl-sms/wasl/internal/text"
)

func (w *world) state(id int64) (s string) {
	w.Scan(&s, `select state from visit where id = $1`, id)
	return s
}

// gatekeeper is a command of the gate.
func (w *world) gatekeeper(id int64) casework.Command {
	cmd := w.system()
	cmd.Actor, cmd.Channel = casework.Actor{Kind: casework.Staff, ID: id, Role: "gate"}, "desk"
	return cmd
}

// A visit ends on the day list with its outcome, once; an absence is noted
// after the hour, excused with a reason, and set right by somebody else.
func TestDayListSettlesVisits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	house := w.house("AINS")
	boss := w.staff("directeur", text.French, desk.Grant{Role: desk.Authority, AuthorityID: w.authority("DIR", "AINS")})
	guard := w.staff("gardien", text.French, desk.Grant{Role: desk.Gate, EstablishmentID: house})
	for _, name := range []string{"planning", "adjoint"} {
		w.staff(name, text.French, desk.Grant{Role: desk.Establishment, EstablishmentID: house})
	}
	came, absent := w.family(text.French, 0), w.family(text.French, 0)
	w.grant(w.request(came, "41207"), boss)
	w.grant(w.request(absent, "40112"), boss)
	v, slot := w.book(came, "41207")
	a, other := w.book(absent, "40112")
	w.Add(slot.Start.Sub(w.Now()) - 10*time.Minute)
	w.Must(w.Visits.CheckIn(t.Context(), w.gatekeeper(guard), v.ID, v.Visitors[0]))

	b := w.login("planning")
	list := "/day?day=" + v.Day.Format(time.DateOnly)
	b.get(list)
	b.want("Terminer")
	form := b.fields("/case/" + v.Ref + "/finish")
	form.Set("outcome", "rien")
	if status := b.post("/case/"+v.Ref+"/finish", form); status != http.StatusUnprocessableEntity {
		t.Errorf("an outcome that is none: %d", status)
	}
	form.Set("outcome", "shortened")
	if b.post("/case/"+v.Ref+"/finish", form); b.path != "/day" {
		t.Errorf("after an act on the day list: %s: %s", b.path, b.text())
	}
	b.want("écourtée")
	b.post("/case/"+v.Ref+"/finish", form) // the same form again
	if got := w.state(v.ID); got != string(visit.Done) {
		t.Errorf("finished: %s", got)
	}

	if status := b.post("/case/"+a.Ref+"/missed", url.Values{"key": {"early"}}); status != http.StatusConflict {
		t.Errorf("missed before its end: %d", status)
	}
	b.want("pas finie")
	w.Add(other.Start.Sub(w.Now()) + a.Ends.Sub(a.Starts) + time.Minute)
	b = w.login("planning")
	b.get("/day?day=" + a.Day.Format(time.DateOnly))
	b.post("/case/"+a.Ref+"/missed", b.fields("/case/"+a.Ref+"/missed"))
	b.want("Excuser", "Rectifier")
	b.get("/case/" + a.Ref + "/excuse")
	why := b.fields("/case/" + a.Ref + "/excuse")
	if status := b.post("/case/"+a.Ref+"/excuse", why); status != http.StatusUnprocessableEntity {
		t.Errorf("excused without a reason: %d", status)
	}
	b.get("/case/" + a.Ref + "/correct")
	right := b.fields("/case/" + a.Ref + "/correct")
	right.Set("reason", "seen_inside")
	if status := b.post("/case/"+a.Ref+"/correct", right); status != http.StatusForbidden {
		t.Errorf("set right by who noted it: %d", status)
	}
	b.want("une autre personne")
	why.Set("reason", "illness")
	b.post("/case/"+a.Ref+"/excuse", why)
	b.want("Absence excusée")
	var excused bool
	w.Scan(&excused, `select excused from visit where id = $1`, a.ID)
	if !excused {
		t.Error("not excused")
	}
	c := w.login("adjoint")
	c.get("/case/" + a.Ref + "/correct")
	right = c.fields("/case/" + a.Ref + "/correct")
	right.Set("reason", "seen_inside")
	c.post("/case/"+a.Ref+"/correct", right)
	c.want("Résultat rectifié")
	if got := w.state(a.ID); got != string(visit.Done) {
		t.Errorf("set right: %s", got)
	}
}

// Wishes are listed with their date of answer, accepted and turned down.
func TestWishes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	house := w.house("AINS")
	boss := w.staff("directeur", text.French, desk.Grant{Role: desk.Authority, AuthorityID: w.authority("DIR", "AINS")})
	w.staff("planning", text.French, desk.Grant{Role: desk.Establishment, EstablishmentID: house})
	_, err := w.DB.Exec(t.Context(), `update session_template set on_request = true`)
	w.Must(err)
	first, second := w.family(text.French, 0), w.family(text.Arabic, 0)
	w.grant(w.request(first, "41207"), boss)
	w.grant(w.request(second, "40112"), boss)
	v, _ := w.book(first, "41207")
	o, _ := w.book(second, "40112")
	b := w.login("planning")
	b.get("/wishes")
	b.want(v.Ref, o.Ref, "20:00")
	b.post("/case/"+v.Ref+"/accept", b.fields("/case/"+v.Ref+"/accept"))
	if b.path != "/wishes" || strings.Contains(b.text(), v.Ref) || !strings.Contains(b.text(), o.Ref) {
		t.Errorf("after accepting: %s: %s", b.path, b.text())
	}
	b.get("/case/" + o.Ref + "/reject")
	form := b.fields("/case/" + o.Ref + "/reject")
	if status := b.post("/case/"+o.Ref+"/reject", form); status != http.StatusUnprocessableEntity {
		t.Errorf("turned down without a reason: %d", status)
	}
	form.Set("reason", "works")
	b.post("/case/"+o.Ref+"/reject", form)
	b.want("Souhait décliné")
	if w.state(v.ID) != string(visit.Booked) || w.state(o.ID) != string(visit.Rejected) {
		t.Errorf("%s and %s", w.state(v.ID), w.state(o.ID))
	}
	var told, read int
	w.Scan(&told, `select count(*) from message where case_id = any($1) and text_key in ('visit.sms.booked', 'visit.sms.rejected')`, []int64{v.ID, o.ID})
	w.Scan(&read, `select count(*) from audit_event where action = 'wishes.read' and object_id = $1 and detail->'cases' @> $2::jsonb`, house, fmt.Sprintf("[%d]", v.ID))
	if told != 2 || read != 1 {
		t.Errorf("told %d, reading noted %d times", told, read)
	}
}
