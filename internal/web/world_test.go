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
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/desk"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/inbox"
	"github.com/wasl-sms/wasl/internal/keys"
	"github.com/wasl-sms/wasl/internal/links"
	"github.com/wasl-sms/wasl/internal/localdb/dbtest"
	"github.com/wasl-sms/wasl/internal/outbox"
	"github.com/wasl-sms/wasl/internal/person"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/seed"
	"github.com/wasl-sms/wasl/internal/services/account"
	"github.com/wasl-sms/wasl/internal/services/permit"
	"github.com/wasl-sms/wasl/internal/services/visit"
	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/internal/text/texttest"
	"github.com/wasl-sms/wasl/internal/web"
)

// start is a working Monday morning with no feast near.
var start = time.Date(2027, 3, 1, 9, 30, 0, 0, time.UTC)

const (
	password = "une phrase longue"
	secret   = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
)

type world struct {
	t       testing.TB
	db      *postgres.DB
	cases   *casework.Book
	persons *person.Registry
	places  *establishment.Directory
	texts   *text.Catalogue
	visits  *visit.Service
	permits *permit.Service
	desk    *desk.Desk
	box     *outbox.Outbox
	imports *desk.Imports
	links   *links.Store
	inbox   *inbox.Inbox
	site    *httptest.Server
	log     *strings.Builder
	n       atomic.Int64
	pin     person.PINHash

	mu sync.Mutex
	at time.Time
}

func newWorld(t testing.TB) *world {
	t.Helper()
	ring := keys.New()
	w := &world{t: t, db: dbtest.DB(t, postgres.Options{MaxConns: 12}), at: start, log: &strings.Builder{}}
	w.texts = texttest.Load(t, casework.Texts(), form.Texts(), establishment.Texts(), links.CatalogueFiles(), inbox.CatalogueFiles(), account.Texts(), visit.Texts(), permit.Texts(), web.Texts())
	w.persons = person.New(w.db, ring, w.now)
	w.places = establishment.New(w.db, ring, w.now)
	box := outbox.New(outbox.Config{
		DB: w.db, Texts: w.texts, Contacts: w.persons, Vault: ring,
		Route: func(private.Msisdn) string { return "north" }, Now: w.now,
	})
	w.box = box
	w.cases = casework.NewBook(w.db, box, w.now)
	w.visits = visit.New(w.db, w.cases, w.places, ring, w.now)
	w.permits = permit.New(w.db, w.cases, w.persons, w.places, ring, w.visits, w.now)
	w.desk = desk.New(w.db, w.cases, w.places, ring, w.now)
	w.must(casework.Sync(t.Context(), w.db, permit.RequestLife(), permit.Life(), visit.Life()))
	register := establishment.NewRegister(w.places, w.cases, w.permits, w.visits)
	w.imports = desk.NewImports(w.desk, register, func(err error) { t.Error(err) })
	w.must(seed.Sample(t.Context(), w.db, register, w.visits, start))
	pin, err := w.persons.HashPIN(t.Context(), "4826")
	w.must(err)
	w.pin = pin
	w.links = links.New(w.db, w.now)
	operators := desk.NewOperators(w.desk, w.links, func(context.Context) ([]desk.Queue, error) {
		return []desk.Queue{{Operator: "north", Class: 5, Waiting: 1240, Oldest: 3 * time.Hour}, {Operator: "north", Class: 3, Waiting: 2, Oldest: time.Second}}, nil
	})
	w.inbox = inbox.New(inbox.Config{DB: w.db, Vault: ring, Now: w.now})
	s, err := web.New(web.Config{
		Desk: w.desk, Permits: w.permits, Visits: w.visits, Places: w.places, Calls: w.box, Imports: w.imports, Operators: operators,
		Aside: desk.NewAside(w.desk, w.inbox), Texts: w.texts,
		Samples: []web.Sample{
			{Login: "directeur", Password: password, Secret: secret, Role: desk.Authority, Where: "Aïn Sebaâ 1"},
			{Login: "greffe", Password: password, Secret: secret, Role: desk.Clerk, Where: "Aïn Sebaâ 1"},
			{Login: "gardien", Password: password, Secret: secret, Role: desk.Gate, Where: "Aïn Sebaâ 1"},
		},
		Log: slog.New(slog.NewTextHandler(w.log, nil)), Now: w.now,
	})
	w.must(err)
	w.site = httptest.NewServer(s)
	t.Cleanup(w.site.Close)
	return w
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

func (w *world) forward(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = w.at.Add(d)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) one(into any, sql string, args ...any) {
	w.t.Helper()
	w.must(w.db.QueryRow(w.t.Context(), sql, args...).Scan(into))
}

func (w *world) house(code string) (id int64) {
	w.one(&id, `select id from establishment where code = $1`, code)
	return id
}

// authority gives the one of a kind that answers for a house.
func (w *world) authority(kind, code string) (id int64) {
	w.one(&id, `select j.authority_id from authority_jurisdiction j join establishment e on e.id = j.establishment_id
		where j.kind = $1 and e.code = $2`, kind, code)
	return id
}

// staff adds a member of staff trained yesterday.
func (w *world) staff(login string, lang text.Lang, grants ...desk.Grant) int64 {
	w.t.Helper()
	for i := range grants {
		grants[i].From, grants[i].TrainedOn = w.now().AddDate(0, 0, -1), w.now().AddDate(0, 0, -1)
	}
	id, err := w.desk.AddStaff(w.t.Context(), w.system(), desk.Staff{
		Login: login, Name: "Nadia " + login, Lang: lang,
		Password: password, Secret: secret, Grants: grants,
	})
	w.must(err)
	return id
}

func (w *world) system() casework.Command {
	return casework.Command{Actor: casework.Actor{Kind: casework.System, Role: "seed"}, Channel: "system", Key: fmt.Sprint("k", w.n.Add(1)), Verb: "test"}
}

type family struct {
	account int64
	self    int64
	others  []int64
}

// family registers an account with n further visitors.
func (w *world) family(lang text.Lang, n int) (f family) {
	w.t.Helper()
	no := w.n.Add(1)
	msisdn := private.StoredMsisdn(fmt.Sprintf("+2126%08d", 60000000+no))
	cmd := w.system()
	_, err := w.cases.Do(w.t.Context(), cmd, nil, func(ctx context.Context, tx *casework.Tx) error {
		a, err := w.persons.Register(ctx, tx, person.Registration{
			Msisdn: msisdn, Lang: lang, Quality: person.Family,
			IDType: "cin", IDNumber: fmt.Sprintf("BK%06d", no), BirthDate: time.Date(1985, 5, 3, 0, 0, 0, 0, time.UTC),
			PIN: w.pin, ConsentVersion: 1, Channel: "ussd",
		})
		if err != nil {
			return err
		}
		f.account = a.ID
		for i := range n {
			v, err := w.persons.AddVisitor(ctx, tx, a.ID, person.VisitorInput{
				IDType: "cin", IDNumber: fmt.Sprintf("C%c%05d", 'D'+i, no),
				BirthDate: time.Date(1990+i, 7, 9, 0, 0, 0, 0, time.UTC), Relation: "sibling",
			})
			if err != nil {
				return err
			}
			f.others = append(f.others, v.ID)
		}
		return nil
	})
	w.must(err)
	household, err := w.persons.Household(w.t.Context(), f.account)
	w.must(err)
	f.self = household[0].ID
	return f
}

// request sends a permit request about a detention number.
func (w *world) request(f family, number string) permit.Sent {
	w.t.Helper()
	cmd := w.system()
	cmd.Actor, cmd.Channel = casework.Actor{Kind: casework.Citizen, ID: f.account}, "ussd"
	coming := []permit.Coming{{VisitorID: f.self, Relation: "spouse"}}
	for _, id := range f.others {
		coming = append(coming, permit.Coming{VisitorID: id, Relation: "sibling"})
	}
	sent, err := w.permits.Send(w.t.Context(), cmd, permit.Sending{
		AccountID: f.account, Claim: permit.Claim{Number: number},
		Visitors: coming, Hint: establishment.HintYes,
	})
	w.must(err)
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
	w.must(err)
	return &browser{w: w, http: &http.Client{Jar: jar, Timeout: 20 * time.Second}}
}

// code is the authenticator's next one: each is taken once.
func (w *world) code() string {
	w.forward(30 * time.Second)
	code, err := totp.GenerateCode(secret, w.now())
	w.must(err)
	return code
}

// login opens the back-office as a member of staff.
func (w *world) login(name string) *browser {
	w.t.Helper()
	b := w.browser()
	if status := b.post("/login", url.Values{"login": {name}, "password": {password}, "code": {w.code()}}); status != 200 || b.path == "/login" {
		w.t.Fatalf("log in as %s: %d at %s\n%s", name, status, b.path, b.text())
	}
	return b
}

func (b *browser) get(path string) int {
	b.w.t.Helper()
	r, err := http.NewRequestWithContext(b.w.t.Context(), http.MethodGet, b.w.site.URL+path, nil)
	b.w.must(err)
	return b.do(r)
}

func (b *browser) post(path string, v url.Values) int {
	b.w.t.Helper()
	r, err := http.NewRequestWithContext(b.w.t.Context(), http.MethodPost, b.w.site.URL+path, strings.NewReader(v.Encode()))
	b.w.must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(r)
}

func (b *browser) do(r *http.Request) int {
	b.w.t.Helper()
	a, err := b.http.Do(r)
	b.w.must(err)
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	b.w.must(err)
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
	b.w.t.Helper()
	v := url.Values{}
	_, rest, ok := strings.Cut(b.last, `action="`+action+`"`)
	if !ok {
		b.w.t.Fatalf("no form to %s on %s:\n%s", action, b.path, b.text())
	}
	in, _, _ := strings.Cut(rest, "</form>")
	for _, m := range hiddenField.FindAllStringSubmatch(in, -1) {
		v.Set(m[1], m[2])
	}
	return v
}

// want fails unless the page says it.
func (b *browser) want(words ...string) {
	b.w.t.Helper()
	for _, s := range words {
		if !strings.Contains(b.text(), s) {
			b.w.t.Errorf("%s does not say %q:\n%s", b.path, s, b.text())
		}
	}
}

// grant decides a request for everybody, as an authority would.
func (w *world) grant(sent permit.Sent, staff int64) {
	w.t.Helper()
	v, err := w.permits.View(w.t.Context(), sent.ID)
	w.must(err)
	cmd := w.system()
	cmd.Actor, cmd.Channel = casework.Actor{Kind: casework.Staff, ID: staff, Role: "authority"}, "desk"
	today := time.Date(w.now().Year(), w.now().Month(), w.now().Day(), 0, 0, 0, 0, time.UTC)
	d := permit.Decision{
		RequestID: sent.ID, Version: v.File.Version, AuthorityID: *v.File.AuthorityID, Kind: permit.Period,
		From: today, To: today.AddDate(0, 3, 0), Sighted: true,
	}
	for _, a := range v.Visitors {
		d.Verdicts = append(d.Verdicts, permit.Verdict{VisitorID: a.VisitorID, Grant: true})
	}
	_, err = w.permits.Decide(w.t.Context(), cmd, d)
	w.must(err)
}

// book takes the first slot that the rules offer a family with permits.
func (w *world) book(f family, number string) (visit.Visit, visit.Slot) {
	w.t.Helper()
	found, ok, err := w.places.Find(w.t.Context(), establishment.Claim{Country: "MA", DetentionNo: number})
	if err != nil || !ok {
		w.t.Fatalf("no detainee %s: %v", number, err)
	}
	ask := visit.Ask{Account: f.account, Detainee: found.ID, Visitors: append([]int64{f.self}, f.others...)}
	offer, err := w.visits.Slots(w.t.Context(), ask, 1)
	w.must(err)
	if len(offer.Slots) == 0 {
		w.t.Fatalf("no slot for %s: %s", number, offer.Why)
	}
	ask.Occurrence = offer.Slots[0].ID
	cmd := w.system()
	cmd.Actor, cmd.Channel = casework.Actor{Kind: casework.Citizen, ID: f.account}, "ussd"
	b, err := w.visits.Book(w.t.Context(), cmd, ask)
	w.must(err)
	v, err := w.visits.Get(w.t.Context(), b.ID)
	w.must(err)
	return v, offer.Slots[0]
}

func newSealer(w *world) *casework.Sealer { return casework.NewSealer(w.db) }
