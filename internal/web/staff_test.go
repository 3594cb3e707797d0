package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/wasl-sms/wasl/internal/desk"
	"github.com/wasl-sms/wasl/internal/text"
)

var shown = regexp.MustCompile(`<code dir="ltr">([^<]*)</code>`)

// keysOnce reads login, password and secret from the page that shows them.
func (b *browser) keysOnce() (login, password, secret string) {
	b.w.T.Helper()
	m := shown.FindAllStringSubmatch(b.last, -1)
	if len(m) != 3 {
		b.w.T.Fatalf("no keys on %s: %s", b.path, b.text())
	}
	return m[0][1], m[1][1], m[2][1]
}

// enter logs in with keys as a person keys them into an application.
func (b *browser) enter(login, password, secret string) int {
	b.w.Add(30 * time.Second)
	code, err := totp.GenerateCode(strings.ReplaceAll(secret, " ", ""), b.w.Now())
	b.w.Must(err)
	return b.post("/login", url.Values{"login": {login}, "password": {password}, "code": {code}})
}

// An account is made with keys that are shown once; its roles open with their
// training and close when ended; new keys shut the old ones out.
func TestStaffAndGrants(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	house := fmt.Sprint(w.house("AINS"))
	self := w.staff("admin", text.French, desk.Grant{Role: desk.Admin})
	b := w.login("admin")
	b.get("/staff/new")
	form := b.fields("/staff/new")
	form.Set("login", "Pas Bon")
	form.Set("lang", "fr")
	if status := b.post("/staff/new", form); status != http.StatusUnprocessableEntity {
		t.Errorf("without a name: %d", status)
	}
	form.Set("name", "Latifa Amrani")
	if status := b.post("/staff/new", form); status != http.StatusUnprocessableEntity {
		t.Errorf("a login of two words: %d", status)
	}
	form.Set("login", "latifa")
	b.post("/staff/new", form)
	login, password, secret := b.keysOnce()
	if status := b.post("/staff/new", form); status != http.StatusConflict || strings.Contains(b.last, secret) {
		t.Errorf("the page asked for again: %d", status)
	}
	var id int64
	w.Scan(&id, `select id from staff where login = 'latifa'`)
	at := fmt.Sprintf("/staff/%d", id)

	newcomer := w.browser()
	if newcomer.enter(login, password, secret); newcomer.path != "/login" {
		t.Error("somebody without a role got in")
	}
	b.get(at + "/grant?role=gate")
	form = b.fields(at + "/grant")
	form.Set("from", w.Now().Format(time.DateOnly))
	if status := b.post(at+"/grant", form); status != http.StatusUnprocessableEntity {
		t.Errorf("a gate nowhere: %d", status)
	}
	form.Set("post", house)
	form.Set("to", w.Now().AddDate(0, 0, -2).Format(time.DateOnly))
	if status := b.post(at+"/grant", form); status != http.StatusUnprocessableEntity {
		t.Errorf("a grant that ends before it begins: %d", status)
	}
	form.Set("to", w.Now().AddDate(0, 1, 0).Format(time.DateOnly))
	b.post(at+"/grant", form)
	b.want("Latifa Amrani", "Entrée", "Aïn Sebaâ")
	if newcomer.enter(login, password, secret); newcomer.path != "/login" {
		t.Error("a role without training opens")
	}
	train := regexp.MustCompile(regexp.QuoteMeta(at) + `/grant/\d+`).FindString(b.last)
	form = b.fields(train)
	form.Set("do", "train")
	form.Set("trained", w.Now().AddDate(0, 0, 1).Format(time.DateOnly))
	if status := b.post(train, form); status != http.StatusUnprocessableEntity {
		t.Errorf("trained tomorrow: %d", status)
	}
	form.Set("trained", w.Now().Format(time.DateOnly))
	b.post(train, form)
	if newcomer.enter(login, password, secret); newcomer.path != "/gate" {
		t.Errorf("trained, and yet at %s: %s", newcomer.path, newcomer.text())
	}

	b.get(at)
	b.post(at+"/renew", b.fields(at+"/renew"))
	_, password2, secret2 := b.keysOnce()
	if newcomer.get("/gate"); newcomer.path != "/login" {
		t.Error("the old session goes on")
	}
	if newcomer.enter(login, password, secret); newcomer.path != "/login" {
		t.Error("the old keys still open")
	}
	if newcomer.enter(login, password2, secret2); newcomer.path != "/gate" {
		t.Errorf("the new keys do not open: %s", newcomer.text())
	}
	b.get(at)
	form = b.fields(train)
	form.Set("do", "end")
	b.post(train, form)
	if newcomer.get("/gate"); newcomer.path != "/login" {
		t.Errorf("the role has ended, and yet at %s", newcomer.path)
	}

	// Nobody appoints themself, whatever form is made up.
	own := fmt.Sprintf("/staff/%d", self)
	if b.get(own); strings.Contains(b.last, own+"/grant") {
		t.Error("an administrator is offered a role")
	}
	for path, v := range map[string]url.Values{
		own + "/grant":   {"role": {"authority"}, "post": {fmt.Sprint(w.authority("DIR", "AINS"))}, "from": {"2027-03-01"}, "trained": {"2027-03-01"}},
		own + "/renew":   {},
		own + "/grant/1": {"do": {"train"}, "trained": {"2027-03-01"}},
	} {
		v.Set("key", "made-up"+path)
		if status := b.post(path, v); status != http.StatusForbidden {
			t.Errorf("%s by oneself: %d", path, status)
		}
	}
	var noted int
	w.Scan(&noted, `select count(distinct action) from audit_event where object_kind = 'staff' and object_id = $1
		and action in ('staff.add', 'staff.grant', 'staff.train', 'staff.reissue', 'staff.end_grant')`, id)
	if noted != 5 {
		t.Errorf("%d kinds of change noted", noted)
	}
}

// A form that no page of ours has sent is refused as such.
func TestFormsOfNoPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.staff("admin", text.French, desk.Grant{Role: desk.Admin})
	id := w.staff("directeur", text.French, desk.Grant{Role: desk.Authority, AuthorityID: w.authority("DIR", "AINS")})
	sent := w.request(w.family(text.French, 0), "41207")
	admin, boss := w.login("admin"), w.login("directeur")
	if status := admin.post(fmt.Sprintf("/staff/%d", id), url.Values{"key": {"k"}, "do": {"promote"}}); status != http.StatusUnprocessableEntity {
		t.Errorf("an order that is none: %d", status)
	}
	if status := boss.post("/case/"+sent.Ref+"/conflict", url.Values{}); status != http.StatusUnprocessableEntity {
		t.Errorf("without a key: %d", status)
	}
}
