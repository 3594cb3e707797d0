package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/wasl-sms/wasl/internal/desk"
	"github.com/wasl-sms/wasl/internal/links"
	"github.com/wasl-sms/wasl/internal/services/visit"
	"github.com/wasl-sms/wasl/internal/text"
)

// Each role asks for each page, of its own house and of another: what it may
// not do is refused, what it may not know of is not there, whatever a page shows.
func TestRolesByRoutes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ains, sale := w.house("AINS"), w.house("SALE")
	grants := map[desk.Role]desk.Grant{
		desk.Authority:     {Role: desk.Authority, AuthorityID: w.authority("DIR", "AINS")},
		desk.Clerk:         {Role: desk.Clerk, EstablishmentID: ains},
		desk.Establishment: {Role: desk.Establishment, EstablishmentID: ains},
		desk.Gate:          {Role: desk.Gate, EstablishmentID: ains},
		desk.Admin:         {Role: desk.Admin},
		desk.Auditor:       {Role: desk.Auditor},
	}
	chief := w.staff("chef", text.French, desk.Grant{Role: desk.Authority, AuthorityID: w.authority("DIR", "SALE")})
	// One set of records at the own house, one at another.
	type records struct {
		request, permit, visit string
		house, occurrence, id  int64
		closure                int64
	}
	set := func(number string, house int64) (r records) {
		open := w.request(w.family(text.French, 0), number)
		f := w.family(text.French, 0)
		done := w.request(f, number)
		w.grant(done, chief)
		v, slot := w.book(f, number)
		r = records{request: open.Ref, visit: v.Ref, id: v.ID, house: house, occurrence: slot.ID}
		cmd := w.system()
		cmd.Actor.Role = "establishment"
		var err error
		r.closure, err = w.Visits.Close(t.Context(), cmd, visit.Closing{EstablishmentID: house, Day: slot.Day.AddDate(0, 1, 0), Reason: "works"})
		w.Must(err)
		w.Scan(&r.permit, `select c.ref from permit p join case_file c on c.id = p.id where p.request_id = $1`, done.ID)
		return r
	}
	own, other := set("41207", ains), set("43001", sale)
	w.bind(links.Standing{})

	const (
		a, k, e, g = "authority", "clerk", "establishment", "gate"
		adm, aud   = "admin", "auditor"
		everybody  = a + k + e + g + adm + aud
	)
	type route struct {
		method, path, who string
		place             bool // names a record of a house
	}
	routes := []route{
		{"GET", "/inbox", a + k, false},
		{"GET", "/find?ref={request}", a + k, true},
		{"GET", "/case/{request}", a + k, true},
		{"GET", "/case/{request}/texts", a + k, true},
		{"GET", "/case/{request}/done?what=decided", a + k, true},
		{"GET", "/case/{permit}", a + k + e, true},
		{"GET", "/case/{permit}/print", a + k + e, true},
		{"GET", "/case/{visit}", k + e, true},
		{"GET", "/case/{request}/decide", a, true},
		{"POST", "/case/{request}/check", a, true},
		{"POST", "/case/{request}/decide", a, true},
		{"GET", "/case/{request}/paper", a + k, true},
		{"POST", "/case/{request}/paper", a + k, true},
		{"POST", "/case/{request}/supplied", a + k, true},
		{"GET", "/case/{request}/refer", a + k, true},
		{"POST", "/case/{request}/refer", a + k, true},
		{"GET", "/case/{request}/match", k, true},
		{"POST", "/case/{request}/match", k, true},
		{"POST", "/case/{request}/unmatched", k, true},
		{"GET", "/case/{request}/no_object", k, true},
		{"POST", "/case/{request}/no_object", k, true},
		{"GET", "/case/{request}/judge", a, true},
		{"POST", "/case/{request}/judge", a, true},
		{"GET", "/case/{permit}/suspend", a + e, true},
		{"POST", "/case/{permit}/suspend", a + e, true},
		{"POST", "/case/{permit}/lift", a + e, true},
		{"GET", "/case/{permit}/revoke", a, true},
		{"POST", "/case/{permit}/revoke", a, true},
		{"POST", "/case/{permit}/confirm", a, true},
		{"GET", "/timetable?e={house}", e, true},
		{"GET", "/occurrence/{occurrence}", e, true},
		{"POST", "/occurrence/{occurrence}", e, true},
		{"GET", "/close?e={house}", e, true},
		{"POST", "/close/check?e={house}", e, true},
		{"POST", "/close?e={house}", e, true},
		{"GET", "/closure/{closure}", e, true},
		{"POST", "/closure/{closure}", e, true},
		{"POST", "/case/{request}/conflict", a + k, true},
		{"GET", "/day?e={house}", e + g, true},
		{"GET", "/gate?e={house}", e + g, true},
		{"POST", "/gate?e={house}&code=00000000", e + g, true},
		{"POST", "/gate/in?e={house}&visit={id}", e + g, true},
		{"POST", "/gate/away?e={house}&visit={id}", e + g, true},
		{"POST", "/gate/refuse?e={house}&visit={id}", e + g, true},
		{"POST", "/gate/keep?e={house}&visit={id}", e, true},
		{"POST", "/gate/sight?e={house}&visit={id}", e + g, true},
		{"POST", "/case/{visit}/finish", e, true},
		{"POST", "/case/{visit}/missed", e, true},
		{"GET", "/case/{visit}/excuse", e, true},
		{"POST", "/case/{visit}/excuse", e, true},
		{"GET", "/case/{visit}/correct", e, true},
		{"POST", "/case/{visit}/correct", e, true},
		{"GET", "/wishes?e={house}", e, true},
		{"POST", "/case/{visit}/accept", e, true},
		{"GET", "/case/{visit}/reject", e, true},
		{"POST", "/case/{visit}/reject", e, true},
		{"GET", "/missed", k + e, false},
		{"POST", "/missed/999999", k + e, false},
		{"GET", "/register?e={house}", k + e, true},
		{"POST", "/register?e={house}", k + e, true},
		{"GET", "/register/999999", k + e, false},
		{"GET", "/audit", aud, false},
		{"POST", "/audit/verify", aud, false},
		{"GET", "/operators", adm + aud, false},
		{"GET", "/operators-live", adm + aud, false},
		{"GET", "/operators/north", adm + aud, false},
		{"GET", "/operators/north/live", adm + aud, false},
		{"POST", "/operators/north/1?do=drain&version=0", adm, false},
		{"POST", "/operators/north/1?do=trace&version=0", adm, false},
		{"POST", "/operators/reload", adm, false},
		{"GET", "/aside", adm, false},
		{"POST", "/aside", adm, false},
		{"POST", "/aside/999999?do=again", adm, false},
		{"POST", "/aside/999999?do=leave", adm, false},
		{"GET", "/staff", adm, false},
		{"POST", "/staff/999999?do=unlock", adm, false},
		{"GET", "/staff/new", adm, false},
		{"POST", "/staff/new", adm, false},
		{"GET", "/staff/999999", adm, false},
		{"POST", "/staff/999999/renew", adm, false},
		{"GET", "/staff/999999/grant?role=gate", adm, false},
		{"POST", "/staff/999999/grant", adm, false},
		{"POST", "/staff/999999/grant/999999", adm, false},
		{"GET", "/nowhere", "", false},
	}
	for _, served := range routesOf(t) {
		if !slices.ContainsFunc(routes, func(r route) bool { return served.MatchString(r.method + " " + r.path) }) {
			t.Errorf("nobody asks for %s", served)
		}
	}
	fill := func(path string, r records) string {
		return strings.NewReplacer("{request}", r.request, "{permit}", r.permit, "{visit}", r.visit, "{house}", fmt.Sprint(r.house),
			"{occurrence}", fmt.Sprint(r.occurrence), "{closure}", fmt.Sprint(r.closure), "{id}", fmt.Sprint(r.id)).Replace(path)
	}
	cells := 0
	for _, role := range desk.AllRoles() {
		w.staff(string(role), text.French, grants[role])
		b := w.login(string(role))
		for _, route := range routes {
			ask := func(r records) int {
				cells++
				if route.method == http.MethodGet {
					return b.get(fill(route.path, r))
				}
				return b.post(fill(route.path, r), url.Values{}) // without a key: nothing can change
			}
			may := strings.Contains(route.who, string(role))
			got := ask(own)
			switch {
			case route.path == "/nowhere":
				if got != http.StatusNotFound {
					t.Errorf("%s: a page that is none: %d", role, got)
				}
			case may && (got == http.StatusForbidden || got == http.StatusNotFound && !strings.Contains(route.path, "999999") || got >= 500):
				t.Errorf("%s %s %s of its own: %d: %s", role, route.method, route.path, got, b.text())
			case !may && got != http.StatusForbidden && got != http.StatusNotFound:
				t.Errorf("%s %s %s: %d, should be refused", role, route.method, route.path, got)
			}
			if !route.place {
				continue
			}
			if got := ask(other); got != http.StatusForbidden && got != http.StatusNotFound {
				t.Errorf("%s %s %s of another house: %d: %s", role, route.method, route.path, got, b.text())
			}
		}
	}
	t.Logf("%d cells", cells)
	var changed int
	w.Scan(&changed, `select count(*) from bind_wish`)
	if changed != 0 {
		t.Errorf("%d binds were given orders by asking", changed)
	}
	w.Scan(&changed, `select count(*) from transition where actor_kind = 'staff' and actor_id <> $1`, chief)
	if changed != 0 {
		t.Errorf("%d moves were made by asking", changed)
	}
	// Who has no session gets to the door, whatever is asked for.
	stranger := w.browser()
	for _, route := range routes {
		if route.method == http.MethodGet {
			if stranger.get(fill(route.path, own)); stranger.path != "/login" {
				t.Errorf("a stranger saw %s", route.path)
			}
		}
	}
}

// routesOf reads what is served to some roles and not to others, each as what
// a request for it looks like.
func routesOf(t *testing.T) (all []*regexp.Regexp) {
	t.Helper()
	src, err := os.ReadFile("web.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`\{method: "(\w+)", path: "([^"]+)", act: desk\.(\w+)`).FindAllSubmatch(src, -1) {
		if string(m[3]) == "Own" {
			continue
		}
		path := regexp.MustCompile(`\{\w+\}`).ReplaceAllLiteralString(string(m[2]), `[^/?]+`)
		all = append(all, regexp.MustCompile("^"+string(m[1])+" "+path+`(\?|$)`))
	}
	if len(all) < 70 {
		t.Fatalf("%d routes found", len(all))
	}
	return all
}

// A case of somebody close is closed to the person who said so.
func TestDeclaredConflict(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.staff("directeur", text.French, desk.Grant{Role: desk.Authority, AuthorityID: w.authority("DIR", "AINS")})
	sent := w.request(w.family(text.French, 0), "41207")
	b := w.login("directeur")
	b.get("/case/" + sent.Ref)
	v := b.fields("/case/" + sent.Ref + "/conflict")
	if b.post("/case/"+sent.Ref+"/conflict", v); strings.Contains(b.text(), sent.Ref) {
		t.Error("the case is still in the inbox")
	}
	if status := b.get("/case/" + sent.Ref + "/decide"); status != http.StatusForbidden {
		t.Errorf("decide on a relative's case: %d", status)
	}
}
