package web_test

import (
	"context"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/desk"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/inbox"
	"github.com/wasl-sms/wasl/internal/links"
	"github.com/wasl-sms/wasl/internal/person"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/services/permit"
	"github.com/wasl-sms/wasl/internal/services/permit/permittest"
	"github.com/wasl-sms/wasl/internal/services/visit"
	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/internal/web"
)

const (
	password = "une phrase longue"
	secret   = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
)

type world struct {
	*permittest.World
	desk    *desk.Desk
	imports *desk.Imports
	links   *links.Store
	inbox   *inbox.Inbox
	site    *httptest.Server
	log     *strings.Builder
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{World: permittest.New(t, postgres.Options{MaxConns: 12}, links.CatalogueFiles(), inbox.CatalogueFiles(), web.Texts()), log: &strings.Builder{}}
	w.desk = desk.New(w.DB, w.Book, w.Places, w.Ring, w.Now)
	w.imports = desk.NewImports(w.desk, w.Register, func(err error) { t.Error(err) })
	w.links = links.New(w.DB, w.Now)
	operators := desk.NewOperators(w.desk, w.links, func(context.Context) ([]desk.Queue, error) {
		return []desk.Queue{{Operator: "north", Class: 5, Waiting: 1240, Oldest: 3 * time.Hour}, {Operator: "north", Class: 3, Waiting: 2, Oldest: time.Second}}, nil
	})
	w.inbox = inbox.New(inbox.Config{DB: w.DB, Vault: w.Ring, Now: w.Now})
	s, err := web.New(web.Config{
		Desk: w.desk, Permits: w.Permits, Visits: w.Visits, Places: w.Places, Calls: w.Outbox, Imports: w.imports, Operators: operators,
		Aside: desk.NewAside(w.desk, w.inbox), Texts: w.Texts,
		Samples: []web.Sample{
			{Login: "directeur", Password: password, Secret: secret, Role: desk.Authority, Where: "Aïn Sebaâ 1"},
			{Login: "greffe", Password: password, Secret: secret, Role: desk.Clerk, Where: "Aïn Sebaâ 1"},
			{Login: "gardien", Password: password, Secret: secret, Role: desk.Gate, Where: "Aïn Sebaâ 1"},
		},
		Log: slog.New(slog.NewTextHandler(w.log, nil)), Now: w.Now,
	})
	w.Must(err)
	w.site = httptest.NewServer(s)
	t.Cleanup(w.site.Close)
	return w
}

func (w *world) house(code string) (id int64) {
	w.Scan(&id, `select id from establishment where code = $1`, code)
	return id
}

// authority gives the one of a kind that answers for a house.
func (w *world) authority(kind, code string) (id int64) {
	w.Scan(&id, `select j.authority_id from authority_jurisdiction j join establishment e on e.id = j.establishment_id
		where j.kind = $1 and e.code = $2`, kind, code)
	return id
}

// staff adds a member of staff trained yesterday.
func (w *world) staff(login string, lang text.Lang, grants ...desk.Grant) int64 {
	w.T.Helper()
	for i := range grants {
		grants[i].From, grants[i].TrainedOn = w.Now().AddDate(0, 0, -1), w.Now().AddDate(0, 0, -1)
	}
	id, err := w.desk.AddStaff(w.T.Context(), w.system(), desk.Staff{
		Login: login, Name: "Nadia " + login, Lang: lang,
		Password: password, Secret: secret, Grants: grants,
	})
	w.Must(err)
	return id
}

func (w *world) system() casework.Command {
	return casework.Command{Actor: casework.Actor{Kind: casework.System, Role: "seed"}, Channel: "system", Key: w.Key(), Verb: "test"}
}

type family struct {
	account int64
	self    int64
	others  []int64
}

// family registers an account with n further visitors.
func (w *world) family(lang text.Lang, n int) (f family) {
	w.T.Helper()
	f.account, f.self = w.Family(lang)
	if n == 0 {
		return f
	}
	_, err := w.Book.Do(w.T.Context(), w.system(), nil, func(ctx context.Context, tx *casework.Tx) error {
		for i := range n {
			v, err := w.Persons.AddVisitor(ctx, tx, f.account, person.VisitorInput{
				IDType: "cin", IDNumber: fmt.Sprintf("C%c%05d", 'D'+i, f.account),
				BirthDate: time.Date(1990+i, 7, 9, 0, 0, 0, 0, time.UTC), Relation: "sibling",
			})
			if err != nil {
				return err
			}
			f.others = append(f.others, v.ID)
		}
		return nil
	})
	w.Must(err)
	return f
}

// request sends a permit request about a detention number.
func (w *world) request(f family, number string) permit.Sent {
	w.T.Helper()
	cmd := w.system()
	cmd.Actor, cmd.Channel = casework.Actor{Kind: casework.Citizen, ID: f.account}, "ussd"
	coming := []permit.Coming{{VisitorID: f.self, Relation: "spouse"}}
	for _, id := range f.others {
		coming = append(coming, permit.Coming{VisitorID: id, Relation: "sibling"})
	}
	sent, err := w.Permits.Send(w.T.Context(), cmd, permit.Sending{
		AccountID: f.account, Claim: permit.Claim{Number: number},
		Visitors: coming, Hint: establishment.HintYes,
	})
	w.Must(err)
	return sent
}

// browser is somebody at a screen without JavaScript.
type browser struct {
	w    *world
	http *http.Client
	last string // the page shown
	path string
}

func (w *world) browser() *browser {
	jar, err := cookiejar.New(nil)
	w.Must(err)
	return &browser{w: w, http: &http.Client{Jar: jar, Timeout: 20 * time.Second}}
}

// code is the authenticator's next one: each is taken once.
func (w *world) code() string {
	w.Add(30 * time.Second)
	code, err := totp.GenerateCode(secret, w.Now())
	w.Must(err)
	return code
}

// login opens the back-office as a member of staff.
func (w *world) login(name string) *browser {
	w.T.Helper()
	b := w.browser()
	if status := b.post("/login", url.Values{"login": {name}, "password": {password}, "code": {w.code()}}); status != 200 || b.path == "/login" {
		w.T.Fatalf("log in as %s: %d at %s\n%s", name, status, b.path, b.text())
	}
	return b
}

func (b *browser) get(path string) int {
	b.w.T.Helper()
	r, err := http.NewRequestWithContext(b.w.T.Context(), http.MethodGet, b.w.site.URL+path, nil)
	b.w.Must(err)
	return b.do(r)
}

func (b *browser) post(path string, v url.Values) int {
	b.w.T.Helper()
	r, err := http.NewRequestWithContext(b.w.T.Context(), http.MethodPost, b.w.site.URL+path, strings.NewReader(v.Encode()))
	b.w.Must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(r)
}

func (b *browser) do(r *http.Request) int {
	b.w.T.Helper()
	a, err := b.http.Do(r)
	b.w.Must(err)
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	b.w.Must(err)
	b.last, b.path = string(body), a.Request.URL.Path
	return a.StatusCode
}

var tags = regexp.MustCompile(`(?s)<(style|script).*?</(style|script)>|<[^>]*>`)

// text is the page without its tags.
func (b *browser) text() string {
	return strings.Join(strings.Fields(html.UnescapeString(tags.ReplaceAllString(b.last, " "))), " ")
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)

// fields gives the hidden fields of the form that goes to an address.
func (b *browser) fields(action string) url.Values {
	b.w.T.Helper()
	v := url.Values{}
	_, rest, ok := strings.Cut(b.last, `action="`+action+`"`)
	if !ok {
		b.w.T.Fatalf("no form to %s on %s:\n%s", action, b.path, b.text())
	}
	in, _, _ := strings.Cut(rest, "</form>")
	for _, m := range hiddenField.FindAllStringSubmatch(in, -1) {
		v.Set(m[1], m[2])
	}
	return v
}

// want fails unless the page says it.
func (b *browser) want(words ...string) {
	b.w.T.Helper()
	for _, s := range words {
		if !strings.Contains(b.text(), s) {
			b.w.T.Errorf("%s does not say %q:\n%s", b.path, s, b.text())
		}
	}
}

// grant decides a request for everybody, as an authority would.
func (w *world) grant(sent permit.Sent, staff int64) {
	w.T.Helper()
	v, err := w.Permits.View(w.T.Context(), sent.ID)
	w.Must(err)
	cmd := w.system()
	cmd.Actor, cmd.Channel = casework.Actor{Kind: casework.Staff, ID: staff, Role: "authority"}, "desk"
	today := time.Date(w.Now().Year(), w.Now().Month(), w.Now().Day(), 0, 0, 0, 0, time.UTC)
	d := permit.Decision{
		RequestID: sent.ID, Version: v.File.Version, AuthorityID: *v.File.AuthorityID, Kind: permit.Period,
		From: today, To: today.AddDate(0, 3, 0), Sighted: true,
	}
	for _, a := range v.Visitors {
		d.Verdicts = append(d.Verdicts, permit.Verdict{VisitorID: a.VisitorID, Grant: true})
	}
	_, err = w.Permits.Decide(w.T.Context(), cmd, d)
	w.Must(err)
}

// book takes the first slot that the rules offer a family with permits.
func (w *world) book(f family, number string) (visit.Visit, visit.Slot) {
	w.T.Helper()
	found, ok, err := w.Places.Find(w.T.Context(), establishment.Claim{Country: "MA", DetentionNo: number})
	if err != nil || !ok {
		w.T.Fatalf("no detainee %s: %v", number, err)
	}
	ask := visit.Ask{Account: f.account, Detainee: found.ID, Visitors: append([]int64{f.self}, f.others...)}
	offer, err := w.Visits.Slots(w.T.Context(), ask, 1)
	w.Must(err)
	if len(offer.Slots) == 0 {
		w.T.Fatalf("no slot for %s: %s", number, offer.Why)
	}
	ask.Occurrence = offer.Slots[0].ID
	cmd := w.system()
	cmd.Actor, cmd.Channel = casework.Actor{Kind: casework.Citizen, ID: f.account}, "ussd"
	b, err := w.Visits.Book(w.T.Context(), cmd, ask)
	w.Must(err)
	v, err := w.Visits.Get(w.T.Context(), b.ID)
	w.Must(err)
	return v, offer.Slots[0]
}

func newSealer(w *world) *casework.Sealer { return casework.NewSealer(w.DB) }
