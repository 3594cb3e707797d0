package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/wasl-sms/wasl/internal/desk"
	"github.com/wasl-sms/wasl/internal/services/visit"
	"github.com/wasl-sms/wasl/internal/text"
)

// post of the nth form that goes to an address, as the page has it.
func (b *browser) submit(action string, nth int, more url.Values) int {
	b.w.T.Helper()
	parts := strings.Split(b.last, `action="`+action+`"`)
	if len(parts) <= nth {
		b.w.T.Fatalf("no form %d to %s: %s", nth, action, b.text())
	}
	in, _, _ := strings.Cut(parts[nth], "</form>")
	v := url.Values{}
	for _, m := range hiddenField.FindAllStringSubmatch(in, -1) {
		v.Set(m[1], m[2])
	}
	for k := range more {
		v.Set(k, more.Get(k))
	}
	return b.post(action, v)
}

// Red before the day, green in time, the lead first, then the other; no
// message can be sent twice to let somebody in twice.
func TestGate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	boss := w.staff("directeur", text.French, desk.Grant{Role: desk.Authority, AuthorityID: w.authority("DIR", "AINS")})
	w.staff("gardien", text.French, desk.Grant{Role: desk.Gate, EstablishmentID: w.house("AINS")})
	f := w.family(text.French, 1)
	w.grant(w.request(f, "41207"), boss)
	v, slot := w.book(f, "41207")
	b := w.login("gardien")
	b.want("Entrée · Aïn Sebaâ 1")
	b.submit("/gate", 1, url.Values{"code": {v.Ref}})
	b.want("Non", "autre jour")
	if strings.Contains(b.last, "/gate/in") {
		t.Error("red, and yet somebody may be let in")
	}
	early := url.Values{"key": {"early"}, "e": {fmt.Sprint(w.house("AINS"))}, "visit": {fmt.Sprint(v.ID)}, "code": {v.Ref}, "reason": {"late"}}
	if status := b.post("/gate/refuse", early); status != http.StatusConflict {
		t.Errorf("refused the day before: %d", status)
	}
	b.get("/gate")
	b.submit("/gate", 1, url.Values{"code": {"12345678"}})
	b.want("Un chiffre est faux")
	w.Add(slot.Start.Sub(w.Now()) - 20*time.Minute)
	b = w.login("gardien")
	b.submit("/gate", 1, url.Values{"code": {strings.NewReplacer("0", "٠", "1", "١", "2", "٢").Replace(v.Code)}})
	b.want("Entrez", "Karim Alaoui", "2 personnes")
	// A flag makes it amber; the supervisor settles it.
	_, err := w.DB.Exec(t.Context(), `insert into visit_flag (visit_id, kind, source, blocks_gate, at) values ($1, 'court', 'test', true, $2)`, v.ID, w.Now())
	w.Must(err)
	w.staff("chef", text.French, desk.Grant{Role: desk.Establishment, EstablishmentID: w.house("AINS")})
	chief := w.login("chef")
	chief.get("/gate")
	chief.submit("/gate", 1, url.Values{"code": {v.Code}})
	chief.want("À voir", "au tribunal")
	chief.submit("/gate/keep", 1, nil)
	chief.want("Entrez")
	b.get("/gate")
	b.submit("/gate", 1, url.Values{"code": {v.Code}})
	before := b.last
	if status := b.submit("/gate/in", 2, nil); status != http.StatusUnprocessableEntity {
		t.Errorf("the other before the lead: %d", status)
	}
	b.want("adulte responsable")
	b.last = before
	b.submit("/gate/in", 1, nil)
	b.want("Entré")
	b.last = before
	b.submit("/gate/in", 1, nil) // the same form again
	b.submit("/gate/in", 1, nil) // the other one's, on the page that came back
	b.want("Tous les visiteurs sont enregistrés")
	var state string
	var present int
	w.Scan(&state, `select state from visit where id = $1`, v.ID)
	w.Scan(&present, `select count(*) from audit_event where action = 'visit.present' and object_id = $1`, v.ID)
	if state != string(visit.CheckedIn) || present != 2 {
		t.Errorf("%s with %d let in", state, present)
	}
}

// A day is closed in a browser: first how many families, then the progress;
// each family is told once, and a second run tells nobody.
func TestCloseADay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	boss := w.staff("directeur", text.French, desk.Grant{Role: desk.Authority, AuthorityID: w.authority("DIR", "AINS")})
	w.staff("planning", text.Arabic, desk.Grant{Role: desk.Establishment, EstablishmentID: w.house("AINS")})
	f := w.family(text.French, 0)
	w.grant(w.request(f, "41207"), boss)
	v, slot := w.book(f, "41207")
	ctx := chromium(t)
	w.loginBy(t, ctx, "planning")
	run(t, ctx,
		chromedp.Navigate(w.site.URL+"/close?day="+slot.Day.Format(time.DateOnly)),
		chromedp.WaitVisible(chromedp.CSS("input[value=works]")),
		chromedp.Focus(chromedp.CSS("input[value=works]")), chromedp.KeyEvent(" "+kb.Enter),
		chromedp.WaitVisible(chromedp.CSS("form[action='/close'] .danger")))
	if families := get(t, ctx, chromedp.Text(chromedp.CSS(".hot strong"))); families != "1" {
		t.Errorf("%s families to be told", families)
	}
	run(t, ctx, chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible(chromedp.CSS("progress")))
	if dir := get(t, ctx, chromedp.Evaluate[string](`document.dir`)); dir != "rtl" {
		t.Errorf("the page runs %s", dir)
	}
	run(t, ctx, chromedp.Click(chromedp.CSS("main form button")), chromedp.WaitVisible(chromedp.CSS(".confirm")))
	var state string
	w.Scan(&state, `select state from visit where id = $1`, v.ID)
	told := func() (n int) {
		w.Scan(&n, `select count(*) from message where case_id = $1 and text_key like 'visit.sms.closed%'`, v.ID)
		return n
	}
	if state != string(visit.CancelledPrison) || told() != 1 {
		t.Errorf("%s, told %d times", state, told())
	}
	if err := w.Visits.RunClosures(t.Context()); err != nil || told() != 1 {
		t.Errorf("a second run: %v, told %d times", err, told())
	}
	b := w.login("planning")
	b.get(fmt.Sprintf("/occurrence/%d", slot.ID))
	b.want("مغلق")
}

// What a family wrote can neither run, nor turn the page round, nor hide.
func TestHostileTexts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.staff("greffe", text.French, desk.Grant{Role: desk.Clerk, EstablishmentID: w.house("AINS")})
	sent := w.request(w.family(text.French, 0), "99999")
	b := w.login("greffe")
	b.get("/case/" + sent.Ref)
	v := b.fields("/case/" + sent.Ref + "/unmatched")
	v.Set("note", "<script>alert(1)</script>\u202eaccordé\u200b")
	if status := b.post("/case/"+sent.Ref+"/unmatched", v); status != 200 {
		t.Fatalf("cannot match: %d %s", status, b.text())
	}
	b.get("/case/" + sent.Ref)
	if strings.Contains(b.last, "<script>alert") || strings.ContainsAny(b.last, "\u202e\u200b") {
		t.Error("a text goes through as it is")
	}
	b.want("U+202E", "U+200B", "<script>alert(1)</script>")
}

// The trail shows what was read, holds, and says where it was broken.
func TestAuditPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.staff("directeur", text.French, desk.Grant{Role: desk.Authority, AuthorityID: w.authority("DIR", "AINS")})
	w.staff("audit", text.English, desk.Grant{Role: desk.Auditor})
	sent := w.request(w.family(text.French, 0), "41207")
	w.login("directeur").get("/case/" + sent.Ref)
	w.Must(newSealer(w).SealAll(t.Context()))
	b := w.login("audit")
	b.get("/audit?ref=" + sent.Ref)
	b.want("Case read", "Nadia directeur", "sealed")
	b.submit("/audit/verify", 1, nil)
	b.want("The chain holds")
	_, err := w.DB.Exec(t.Context(), `alter table audit_event disable trigger user; update audit_event set role = 'x' where action = 'permit_request.read'`)
	w.Must(err)
	b.submit("/audit/verify", 1, nil)
	b.want("The chain is broken", "an event was edited")
}
