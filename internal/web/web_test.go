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

// The director decides without JavaScript: two visitors granted, one refused;
// the family's text is the one that was shown; the form sent twice decides once.
func TestDecideWithoutScript(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.staff("directeur", text.French, desk.Grant{Role: desk.Authority, AuthorityID: w.authority("DIR", "AINS")})
	f := w.family(text.Arabic, 2)
	sent := w.request(f, "41207")
	at := "/case/" + sent.Ref

	b := w.login("directeur")
	b.want("À traiter", sent.Ref, "3 visiteurs")
	b.get(at)
	b.want("Karim Alaoui", "41207", "À l'étude", "Décider", "BK0")
	b.get(at + "/decide")
	v := b.fields(at + "/check")
	v.Set("kind", "period")
	v.Set("from", "2027-03-01")
	v.Set("to", "2027-06-01")
	v.Set(fmt.Sprint("v", f.self), "grant")
	v.Set(fmt.Sprint("v", f.others[0]), "grant")
	if status := b.post(at+"/check", v); status != http.StatusUnprocessableEntity {
		t.Errorf("a visitor without a verdict: %d", status)
	}
	b.want("1 point à corriger", "Choisissez d'accorder ou de refuser.")
	v.Set(fmt.Sprint("v", f.others[1]), "refuse")
	b.post(at+"/check", v)
	b.want("Choisissez le motif.")
	v.Set(fmt.Sprint("r", f.others[1]), "identity_doubt")
	v.Set("to", "2037-06-01")
	b.post(at+"/check", v)
	b.want("jours au plus")
	v.Set("to", "2027-06-01")
	if status := b.post(at+"/check", v); status != 200 {
		t.Fatalf("check: %d %s", status, b.text())
	}
	b.want("Vérifiez avant d'envoyer", "SMS", sent.Ref)
	preview := bubble(b.last)
	send := b.fields(at + "/decide")
	if status := b.post(at+"/decide", send); status != 200 || b.path != at+"/done" {
		t.Fatalf("decide: %d at %s: %s", status, b.path, b.text())
	}
	b.want("Décision prise", "En file")
	if status := b.post(at+"/decide", send); status != 200 {
		t.Errorf("the form sent twice: %d %s", status, b.text())
	}
	var permits, texts int
	w.Scan(&permits, `select count(*) from permit where request_id = $1`, sent.ID)
	w.Scan(&texts, `select count(*) from message where case_id = $1 and occasion = 'decided'`, sent.ID)
	if permits != 2 || texts != 1 {
		t.Errorf("%d permits and %d texts, want 2 and 1", permits, texts)
	}
	b.get(at)
	told := bubble(b.last[strings.LastIndex(b.last, `class="bubble"`)-20:])
	if shape(told) != shape(preview) {
		t.Errorf("shown before sending:\n%s\nsent:\n%s", preview, told)
	}
	b.want("Accordée en partie", "Nadia directeur", "Dossier lu")
}

// bubble is the first text on a page as a family gets it.
func bubble(page string) string {
	_, rest, _ := strings.Cut(page, `class="bubble"`)
	_, rest, _ = strings.Cut(rest, `class="said">`)
	body, _, _ := strings.Cut(rest, "</bdi>")
	return body
}

// shape hides the numbers that are drawn on sending.
func shape(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return '0'
		}
		return r
	}, s)
}

// Two deciders on one case: the second is told who and when, and nothing is sent twice.
func TestVersionConflictSaysWho(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := w.authority("DIR", "AINS")
	w.staff("premier", text.French, desk.Grant{Role: desk.Authority, AuthorityID: dir})
	w.staff("second", text.English, desk.Grant{Role: desk.Authority, AuthorityID: dir})
	sent := w.request(w.family(text.French, 0), "41207")
	at := "/case/" + sent.Ref
	one, two := w.login("premier"), w.login("second")
	one.get(at + "/paper")
	v := one.fields(at + "/paper")
	v.Set("paper", "id_card")
	two.get(at + "/decide")
	two.want("Decide")
	if status := one.post(at+"/paper", v); status != http.StatusConflict {
		t.Errorf("a case in another's hands: %d", status)
	}
	one.want("Nadia second travaille sur ce dossier")
	w.Add(16 * time.Minute) // the claim ends, the session is kept below
	one, two = w.login("premier"), w.login("second")
	two.get(at + "/paper")
	late := two.fields(at + "/paper")
	late.Set("paper", "family_book")
	one.get(at + "/paper")
	v = one.fields(at + "/paper")
	v.Set("paper", "id_card")
	if status := one.post(at+"/paper", v); status != 200 {
		t.Fatalf("ask for a paper: %d %s", status, one.text())
	}
	if status := two.post(at+"/paper", late); status != http.StatusConflict {
		t.Errorf("a case that changed: %d %s", status, two.text())
	}
	two.want("Nadia premier changed this case on 01/03/2027")
}

// A clerk finds who is meant by number only, and the case goes to whoever decides.
func TestMatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.staff("greffe", text.French, desk.Grant{Role: desk.Clerk, EstablishmentID: w.house("AINS")})
	w.staff("directeur", text.French, desk.Grant{Role: desk.Authority, AuthorityID: w.authority("DIR", "AINS")})
	sent := w.request(w.family(text.French, 0), "99999")
	at := "/case/" + sent.Ref
	b := w.login("greffe")
	b.want(sent.Ref, "À rapprocher")
	b.get(at + "/match")
	search := b.fields(at + "/match")
	search.Set("number", "٤١٢٠٧")
	b.post(at+"/match", search)
	b.want("Karim Alaoui", "C'est cette personne")
	_, rest, _ := strings.Cut(b.last, `class="found"`)
	take := url.Values{}
	for _, m := range hiddenField.FindAllStringSubmatch(rest[:strings.Index(rest, "</form>")], -1) {
		take.Set(m[1], m[2])
	}
	if status := b.post(at+"/match", take); status != 200 {
		t.Fatalf("match: %d %s", status, b.text())
	}
	var searches int
	w.Scan(&searches, `select count(*) from audit_event where action = 'detainee.search' and object_id = $1`, sent.ID)
	if searches != 1 {
		t.Errorf("%d searches noted", searches)
	}
	d := w.login("directeur")
	d.want(sent.Ref)
	if strings.Contains(b.text(), "Décider") {
		t.Error("a clerk is offered to decide")
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.staff("gardien", text.French, desk.Grant{Role: desk.Gate, EstablishmentID: w.house("AINS")})
	try := func(password, code string) (*browser, int) {
		b := w.browser()
		return b, b.post("/login", url.Values{"login": {"gardien"}, "password": {password}, "code": {code}})
	}
	code := w.code()
	if b, status := try(password, code); status != 200 || b.path != "/gate" {
		t.Fatalf("right login: %d at %s", status, b.path)
	}
	door := w.browser()
	door.get("/login")
	door.want("Comptes de démonstration")
	if status := door.submit("/login", 4, nil); status != http.StatusUnprocessableEntity { // the code of this half minute is used
		t.Errorf("a sample with a used code: %d at %s", status, door.path)
	}
	w.Add(30 * time.Second)
	door.get("/login")
	if door.submit("/login", 4, nil); door.path != "/gate" {
		t.Errorf("a sample by one click: %s", door.text())
	}
	b, _ := try(password, code)
	if b.path != "/login" {
		t.Error("one code opened twice")
	}
	for range 3 { // with the one above, the four that are free
		b, _ = try("faux", w.code())
	}
	b.want("ne concorde pas")
	b, _ = try(password, w.code())
	b.want("Trop d'essais")
	w.Add(2 * time.Minute)
	b, status := try(password, w.code())
	if status != 200 || b.path != "/gate" {
		t.Errorf("after the lock: %d at %s", status, b.path)
	}
	w.Add(14 * time.Minute)
	if b.get("/gate"); b.path != "/gate" {
		t.Error("session lost after 14 minutes")
	}
	w.Add(16 * time.Minute)
	if b.get("/gate?e=1"); b.path != "/login" {
		t.Error("session kept after 16 idle minutes")
	}
	if !strings.Contains(b.last, `name="next" value="/gate?e=1"`) {
		t.Error("the way back is lost")
	}
	var stored int
	w.Scan(&stored, `select count(*) from staff_session where octet_length(token_hash) <> 32`)
	if stored != 0 || strings.Contains(w.log.String(), password) {
		t.Error("a secret is stored or logged")
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r, err := http.Get(w.site.URL + "/login") //nolint:noctx // a test
	w.Must(err)
	r.Body.Close()
	for name, want := range map[string]string{
		"Content-Security-Policy": "frame-ancestors 'none'", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
		"Referrer-Policy": "same-origin",
	} {
		if got := r.Header.Get(name); !strings.Contains(got, want) {
			t.Errorf("%s: %q", name, got)
		}
	}
	if csp := r.Header.Get("Content-Security-Policy"); strings.Contains(csp, "unsafe") || !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("CSP: %s", csp)
	}
	post, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.site.URL+"/login", strings.NewReader("login=x"))
	w.Must(err)
	post.Header.Set("Origin", "https://elsewhere.example")
	post.Header.Set("Sec-Fetch-Site", "cross-site")
	a, err := http.DefaultClient.Do(post)
	w.Must(err)
	a.Body.Close()
	if a.StatusCode != http.StatusForbidden {
		t.Errorf("a form from another site: %d", a.StatusCode)
	}
}
