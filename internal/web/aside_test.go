package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/desk"
	"github.com/wasl-sms/wasl/internal/inbox"
	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/internal/text/texttest"
	"github.com/wasl-sms/wasl/internal/web"
)

// setAside stores a text from a person that failed too often, since so long.
func (w *world) setAside(reason string, tries, lost int, ago time.Duration) (id int64) {
	w.T.Helper()
	at := w.Now().Add(-ago)
	w.Scan(&id, `insert into inbox (operator, sender, short_code, number_sealed, body_sealed, received_at, state, due_at, done_at, tries, lost, reason)
		values ('north', 'x', '3690', '+212661234567', 'SUIVI 48213377', $1, 'quarantined', $1, $2, $3, $4, $5) returning id`,
		at.Add(-6*time.Minute), at, tries, lost, reason)
	return id
}

func (w *world) stateOf(id int64) (state string) {
	w.T.Helper()
	w.Scan(&state, `select state from inbox where id = $1`, id)
	return state
}

// What failed is listed without its words, tried again or left, once each, and
// whoever was overtaken sees the list as it is now.
func TestTextsSetAside(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	broken, slow := w.setAside("panic", 5, 0, time.Hour), w.setAside("timeout", 4, 1, time.Minute)
	w.staff("admin", text.French, desk.Grant{Role: desk.Admin})
	w.staff("nuit", text.English, desk.Grant{Role: desk.Admin})
	w.staff("audit", text.French, desk.Grant{Role: desk.Auditor})
	b, late := w.login("admin"), w.login("nuit")
	b.get("/aside")
	b.want("SMS mis de côté", "north 3690", "aujourd'hui 08:30", "Défaut du programme", "Le traitement a pris trop de temps", "Réessayer")
	for _, secret := range []string{"66123", "SUIVI", "48213377"} {
		if strings.Contains(b.last, secret) {
			t.Errorf("the page shows %q", secret)
		}
	}
	late.get("/aside")
	late.want("A fault of the program", "Try again", "Leave it")
	at := fmt.Sprintf("/aside/%d", broken)
	again := b.fields(at)
	overtaken := late.fields(at)
	again.Set("do", "again")
	b.post(at, again)
	b.post(at, again) // the same form again
	if s := w.stateOf(broken); s != "waiting" {
		t.Errorf("it is %s", s)
	}
	if strings.Contains(b.text(), "Défaut du programme") {
		t.Error("what is tried again is still listed")
	}
	overtaken.Set("do", "leave")
	if status := late.post(at, overtaken); status != http.StatusConflict {
		t.Errorf("an overtaken choice: %d", status)
	}
	late.want("Somebody dealt with this message before you", "It took too long")
	// It failed again meanwhile: what is wished of the old failure is not wished of the new.
	_, err := w.DB.Exec(t.Context(), `update inbox set state = 'quarantined', done_at = $2 where id = $1`, broken, w.Now())
	w.Must(err)
	again.Set("key", "anew")
	if status := b.post(at, again); status != http.StatusConflict || w.stateOf(broken) != "quarantined" {
		t.Errorf("a choice about an earlier failure: %d, it is %s", status, w.stateOf(broken))
	}

	at = fmt.Sprintf("/aside/%d", slow)
	leave := b.fields(at)
	leave.Set("do", "leave")
	b.post(at, leave)
	if s := w.stateOf(slow); s != "left" {
		t.Errorf("it is %s", s)
	}
	if n, err := w.inbox.SetAside(t.Context()); err != nil || n != 1 {
		t.Errorf("%d set aside, %v", n, err)
	}
	b.get("/aside")
	v := b.fields("/aside")
	w.Add(time.Minute)
	after := w.setAside("internal", 5, 0, 0) // after the page was shown
	b.post("/aside", v)
	if w.stateOf(broken) != "waiting" || w.stateOf(after) != "quarantined" {
		t.Errorf("all again: %s, and what came later is %s", w.stateOf(broken), w.stateOf(after))
	}
	for path, v := range map[string]url.Values{
		at: {"key": {"k"}, "do": {"burn"}}, fmt.Sprintf("/aside/%d", after): {"do": {"again"}},
	} {
		if status := b.post(path, v); status != http.StatusUnprocessableEntity {
			t.Errorf("%s %v: %d", path, v, status)
		}
	}
	trail := w.login("audit")
	trail.get("/audit?action=inbox")
	trail.want("SMS reçu réessayé", "SMS reçu laissé de côté", "SMS mis de côté tous réessayés", fmt.Sprint("SMS reçu ", slow))
	var detail string
	w.Scan(&detail, `select string_agg(detail::text, ' ') from audit_event where action like 'inbox.%'`)
	if strings.Contains(detail, "48213377") || !strings.Contains(detail, "panic") {
		t.Errorf("the trail holds %s", detail)
	}
	at = fmt.Sprintf("/aside/%d", after)
	b.get("/aside")
	leave = b.fields(at)
	leave.Set("do", "leave")
	b.post(at, leave)
	b.want("Aucun SMS n'est mis de côté.")
}

// Whatever sets a text aside has its words.
func TestWordsForWhatIsSetAside(t *testing.T) {
	t.Parallel()
	c := texttest.Load(t, web.Texts())
	for _, reason := range inbox.Reasons() {
		if key := text.Key("web.aside_cause." + strings.ReplaceAll(reason, " ", "_")); !c.Has(key) {
			t.Errorf("no %s", key)
		}
	}
}
