package main

import (
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/pquerna/otp/totp"

	"github.com/wasl-sms/wasl/internal/desk"
	"github.com/wasl-sms/wasl/internal/dialog/dialogtest"
	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/internal/web"
)

// TestErrandOverTheWire is a family's first visit, once in each language: all
// that the family does goes over SMPP, all that staff do over HTTP, and what
// happens by the clock is done by the jobs. The database is asked at the end.
func TestErrandOverTheWire(t *testing.T) {
	t.Parallel()
	for i, lang := range text.Citizen() {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			e := errand{world: newWorld(t), lang: lang, number: "+212600000001"}
			e.hand = e.phone(e.number)

			e.keys(t, dialCode, fmt.Sprint(i+1), "1", "1", "1", "AB123456", "05031985", pin, pin)
			e.gets(t, "account.registered")
			e.keys(t, dialCode, pin, "3", "41207", "1", "2", "9", "2", "9")
			e.gets(t, "permit.received")

			ref := e.newest(t, "permit_request")
			samples := e.samples(t)
			authority := e.whoDecides(t, samples, ref)
			form := authority.form(t, "/case/"+ref+"/decide?all=grant", "/case/"+ref+"/check")
			form = formOf(t, authority.post(t, "/case/"+ref+"/check", form), "/case/"+ref+"/decide")
			delete(form, "change") // the button that was not pressed
			authority.post(t, "/case/"+ref+"/decide", form)
			e.gets(t, "permit.granted")

			e.keys(t, dialCode, pin, "1")
			e.pick(t, 8) // later than these seven
			e.pick(t, 2)
			e.keys(t, "1")
			e.gets(t, "visit.sms.booked")
			var code string
			var starts time.Time
			err := e.st.db.QueryRow(t.Context(), `select code, lower(period) from visit`).Scan(&code, &starts)
			if err != nil {
				t.Fatal(err)
			}

			e.clock.set(starts.AddDate(0, 0, -2).Add(9 * time.Hour))
			e.gets(t, "visit.sms.reminder")
			if err := e.hand.Text(t.Context(), "1"); err != nil {
				t.Fatal(err)
			}
			e.gets(t, "dialog.reply") // that the visit stands

			e.clock.set(starts.Add(-20 * time.Minute))
			gate := e.login(t, samples[slices.IndexFunc(samples, func(s web.Sample) bool { return s.Role == desk.Gate })])
			seen := gate.post(t, "/gate", fill(gate.form(t, "/gate", "/gate"), "code", code))
			if !strings.Contains(seen, `class="light green"`) {
				t.Errorf("the gate shows\n%s", seen)
			}
			seen = gate.post(t, "/gate/sight", formOf(t, seen, "/gate/sight")) // the family's papers were never seen before
			gate.post(t, "/gate/in", formOf(t, seen, "/gate/in"))

			e.holds(t)
			sound(t, e.st.db)
		})
	}
}

// errand is one family's.
type errand struct {
	*world
	lang   text.Lang
	number string
	hand   dialogtest.Phone
	last   dialogtest.Screen
}

// keys takes steps of a dialogue.
func (e *errand) keys(t *testing.T, inputs ...string) {
	t.Helper()
	for _, in := range inputs {
		key := e.hand.Answer
		if in == dialCode {
			key = e.hand.Dial
		}
		was := e.last.Text
		var err error
		if e.last, err = key(t.Context(), in); err != nil {
			t.Fatalf("%q after %q: %v", in, was, err)
		}
	}
}

// pick turns pages until an option is shown, and takes it.
func (e *errand) pick(t *testing.T, n int) {
	t.Helper()
	for !strings.Contains(e.last.Text, fmt.Sprintf("\n%d ", n)) && !strings.HasPrefix(e.last.Text, fmt.Sprintf("%d ", n)) {
		e.keys(t, "98")
	}
	e.keys(t, fmt.Sprint(n))
}

// gets waits for a text to reach the phone, in the family's language.
func (e *errand) gets(t *testing.T, key text.Key) {
	t.Helper()
	until(t, string(key)+" has arrived", func() bool {
		var n int
		err := e.st.db.QueryRow(t.Context(), `select count(*) from message m where text_key = $1 and lang = $2 and not exists (
			select from message_part p where p.message_id = m.id and p.state <> 'delivered')`, key, e.lang).Scan(&n)
		return err == nil && n == 1
	})
}

func (e *errand) holds(t *testing.T) {
	t.Helper()
	rows, err := e.st.db.Query(t.Context(), `
		select 'account ' || lang from account union all
		select c.machine || ' ' || c.state from case_file c union all
		select 'visitor ' || result from permit_request_visitor union all
		select 'gate ' || attendance from visit_visitor union all
		select 'uses ' || visits_committed || '+' || visits_used from permit order by 1`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"account " + string(e.lang), "gate present", "permit ACTIVE", "permit_request GRANTED", "uses 0+1",
		"visit CHECKED_IN", "visitor granted",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// clerk is a member of staff with a browser that knows cookies and forms.
type clerk struct {
	at     string
	client *http.Client
}

// samples gives the logins of the demo.
func (w *world) samples(t *testing.T) []web.Sample {
	t.Helper()
	all, err := w.app.sample(t.Context(), w.st, w.clock.now())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// login goes through the door with password and code.
func (w *world) login(t *testing.T, s web.Sample) clerk {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := clerk{at: w.web.url(), client: &http.Client{Jar: jar}}
	code, err := totp.GenerateCode(s.Secret, w.clock.now())
	if err != nil {
		t.Fatal(err)
	}
	c.post(t, "/login", url.Values{"login": {s.Login}, "password": {s.Password}, "code": {code}})
	return c
}

// whoDecides logs in as the authority whose inbox has the case.
func (w *world) whoDecides(t *testing.T, samples []web.Sample, ref string) clerk {
	t.Helper()
	for _, s := range samples {
		if s.Role != desk.Authority {
			continue
		}
		c := w.login(t, s)
		if _, status := c.do(t, http.MethodGet, "/case/"+ref+"/decide", nil); status == http.StatusOK {
			return c
		}
	}
	t.Fatal("no authority has the case")
	return clerk{}
}

func (c clerk) do(t *testing.T, method, path string, form url.Values) (body string, status int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.at+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := c.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b), res.StatusCode
}

func (c clerk) post(t *testing.T, path string, form url.Values) string {
	t.Helper()
	body, status := c.do(t, http.MethodPost, path, form)
	if status != http.StatusOK {
		t.Fatalf("%s answers %d\n%s", path, status, body)
	}
	return body
}

// form opens a page and gives its form for an action, as it stands.
func (c clerk) form(t *testing.T, page, action string) url.Values {
	t.Helper()
	body, status := c.do(t, http.MethodGet, page, nil)
	if status != http.StatusOK {
		t.Fatalf("%s answers %d\n%s", page, status, body)
	}
	return formOf(t, body, action)
}

var (
	forms     = regexp.MustCompile(`(?s)<form[^>]* action="([^"]*)"[^>]*>(.*?)</form>`)
	fields    = regexp.MustCompile(`<(?:input|button)\b[^>]*>`)
	attribute = regexp.MustCompile(`\b(name|value|type)="([^"]*)"`)
)

func formOf(t *testing.T, page, action string) url.Values {
	t.Helper()
	for _, f := range forms.FindAllStringSubmatch(page, -1) {
		if f[1] != action {
			continue
		}
		v := url.Values{}
		for _, field := range fields.FindAllString(f[2], -1) {
			a := map[string]string{}
			for _, m := range attribute.FindAllStringSubmatch(field, -1) {
				a[m[1]] = html.UnescapeString(m[2])
			}
			chosen := a["type"] != "radio" && a["type"] != "checkbox" || strings.Contains(field, " checked")
			if a["name"] != "" && chosen {
				v.Set(a["name"], a["value"])
			}
		}
		return v
	}
	t.Fatalf("no form for %s on\n%s", action, page)
	return nil
}

func fill(v url.Values, name, value string) url.Values {
	v.Set(name, value)
	return v
}
