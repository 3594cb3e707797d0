package web_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/desk"
	"github.com/wasl-sms/wasl/internal/links"
	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/internal/text/texttest"
	"github.com/wasl-sms/wasl/internal/web"
	"github.com/wasl-sms/wasl/smpp"
)

// bind reports a bind of operator north, bound unless it is said otherwise.
func (w *world) bind(s links.Standing, more ...func(*links.Report)) {
	w.T.Helper()
	if s.Bind == "" {
		s.Bind = "1"
	}
	if s.State == "" {
		s.State = links.Bound
	}
	s.Operator, s.Address, s.Mode, s.Window, s.Since = "north", "smsc.north.example:2775", "transceiver", 10, w.Now().Add(-3*time.Hour)
	r := links.Report{
		Standings: []links.Standing{s},
		Abouts: []links.About{{
			Operator: "north", Prefixes: []string{"+2126", "+2127"}, ShortCodes: []string{"3690"}, USSDCodes: []string{"*369#"}, Fallback: []string{"south"},
		}},
	}
	for _, f := range more {
		f(&r)
	}
	_, err := w.links.Report(w.T.Context(), r)
	w.Must(err)
}

// operators reports several in every way a link can stand, with a day behind them.
func (w *world) operators() {
	w.T.Helper()
	admin := w.staff("nuit", text.French, desk.Grant{Role: desk.Admin})
	name := func(bind string) links.Name { return links.Name{Operator: "north", Bind: bind} }
	at := w.Now().Truncate(time.Minute)
	r := links.Report{Abouts: []links.About{{Operator: "hubtel", USSDCodes: []string{"*713*369#"}, HTTP: "hubtel"}}}
	r.Abouts = append(r.Abouts, links.About{Operator: "north", Prefixes: []string{"+2126", "+2127"}, ShortCodes: []string{"3690"}, USSDCodes: []string{"*369#"}})
	for i, state := range []links.State{links.Bound, links.Paused, links.Refused, links.Down} {
		n := name(fmt.Sprint(i + 1))
		s := links.Standing{
			Name: n, Address: "smsc.north.example:2775", Mode: "transceiver", State: state, Window: 10, Since: at.Add(-time.Duration(i+1) * time.Hour),
		}
		if state == links.Bound {
			s.InFlight, s.TPS, s.Resting = 7, 50, true
		}
		if state == links.Paused {
			s.Trace = links.TraceNoRoom
		}
		if state == links.Refused {
			s.Mode, s.Failed = "receiver", &links.Failure{Name: n, Cause: links.LoginFailed, Code: 0x0E, Count: 1, Last: at}
		}
		if state == links.Down {
			s.Failed = &links.Failure{Name: n, Cause: links.Unreachable, Count: 1, Last: at}
		}
		r.Standings = append(r.Standings, s)
	}
	for i := range 24 * 60 {
		n := (i*i/7)%13 + 4
		r.Minutes = append(r.Minutes, links.Minute{
			Name: name("1"), Minute: at.Add(-time.Duration(i) * time.Minute), Submitted: n, Sent: n - 1, Rejected: 1, Delivered: n - 3,
			Undelivered: i % 3 / 2, Unknown: i % 11 / 10, Inbound: 2, USSD: 3, ResponseMS: int64(14 * n),
		})
	}
	for i, f := range []links.Failure{
		{Cause: links.Throttled, Code: 0x58}, {Cause: links.LoginFailed, Code: 0x0E}, {Cause: links.Rejected, Code: 0x455}, {Cause: links.Lost},
	} {
		f.Name, f.Count, f.Last = name(fmt.Sprint(i%4+1)), i*i+1, at.Add(-time.Duration(i*7)*time.Minute)
		r.Failures = append(r.Failures, f)
	}
	_, err := w.links.Report(w.T.Context(), r)
	w.Must(err)
	gone := links.New(w.DB, w.Now)
	_, err = gone.Report(w.T.Context(), links.Report{Standings: []links.Standing{{
		Name: name("5"), Address: "smsc2.north.example:2775", Mode: "transmitter", State: links.Bound, Window: 10, Since: at.Add(-time.Hour),
	}}})
	w.Must(err)
	w.hush(gone)
	w.Must(w.DB.InTx(w.T.Context(), func(ctx context.Context, tx pgx.Tx) error {
		return errors.Join(
			w.links.Wish(ctx, tx, "north", "2", links.Pause, 0, admin), w.links.AskReload(ctx, tx, admin),
			w.links.Trace(ctx, tx, "north", "1", w.Now().Add(10*time.Minute), 0, admin),
			w.links.Trace(ctx, tx, "north", "2", w.Now().Add(10*time.Minute), 1, admin))
	}))
	id, _, err := w.links.LastReload(w.T.Context())
	w.Must(err)
	w.Must(gone.Reloaded(w.T.Context(), id, links.Spoiled, `operators.toml: operator "north": bind "2": window = 0: give 1 to 10000`))
}

// hush has a process stop to report.
func (w *world) hush(s *links.Store) {
	w.T.Helper()
	_, err := w.DB.Exec(w.T.Context(), `update bind_state set seen_at = now() - interval '5 minutes' where process = $1`, s.Process())
	w.Must(err)
}

func (w *world) wishes() map[links.Name]links.Wanted {
	w.T.Helper()
	all, err := w.links.Wishes(w.T.Context())
	w.Must(err)
	return all
}

var northOne = links.Name{Operator: "north", Bind: "1"}

// An order is given once however often the form comes, and whoever was
// overtaken sees by whom and how the bind stands.
func TestOrdersToABind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.bind(links.Standing{InFlight: 3})
	w.staff("admin", text.French, desk.Grant{Role: desk.Admin})
	w.staff("nuit", text.French, desk.Grant{Role: desk.Admin})
	w.staff("audit", text.French, desk.Grant{Role: desk.Auditor})
	b, late := w.login("admin"), w.login("nuit")
	b.get("/operators/north")
	b.want("Lié depuis", "3 sur 10 sans réponse", "Campagnes 1240", "depuis 3 h")
	late.get("/operators/north")
	at := "/operators/north/1"
	first, second := b.fields(at), late.fields(at)
	first.Set("do", "pause")
	for range 2 { // the same form again
		if status := b.post(at, first); status != http.StatusOK {
			t.Errorf("an order: %d", status)
		}
	}
	b.want("Mis en pause par Nadia admin", "Doit se mettre en pause, pas encore fait")
	if got := w.wishes()[northOne]; got.Wish != links.Pause || got.Version != 1 {
		t.Errorf("wish is %+v", got)
	}
	second.Set("do", "drain")
	if status := late.post(at, second); status != http.StatusConflict {
		t.Errorf("an overtaken order: %d", status)
	}
	late.want("Nadia admin a changé l'ordre de cette liaison", "Mis en pause par Nadia admin")
	if got := w.wishes()[northOne]; got.Wish != links.Pause {
		t.Errorf("wish is %+v after a conflict", got)
	}
	w.bind(links.Standing{State: links.Paused})
	again := late.fields(at)
	again.Set("do", "run")
	late.post(at, again)
	late.want("En pause depuis", "Doit repartir")
	again = late.fields(at)
	again.Set("do", "fly")
	if status := late.post(at, again); status != http.StatusUnprocessableEntity {
		t.Errorf("an unknown order: %d", status)
	}
	if status := late.post("/operators/north/9", url.Values{"key": {"k"}, "do": {"pause"}, "version": {"0"}}); status != http.StatusNotFound {
		t.Errorf("an order to a bind that is none: %d", status)
	}
	if status := late.get("/operators/south"); status != http.StatusNotFound {
		t.Errorf("an operator that is none: %d", status)
	}
	trail := w.login("audit")
	trail.get("/audit?action=bind")
	trail.want("Liaison mise en pause", "Liaison laissée libre", "Liaison north/1")
	trail.get("/operators/north")
	if trail.want("En pause depuis"); strings.Contains(trail.last, `action="/operators`) {
		t.Error("an auditor is offered orders")
	}
}

// A bind is recorded for ten minutes, and its page says where and what is in it.
func TestRecordABind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.bind(links.Standing{})
	w.staff("admin", text.English, desk.Grant{Role: desk.Admin})
	b := w.login("admin")
	b.get("/operators/north")
	at := "/operators/north/1"
	v := b.fields(at)
	v.Set("do", "trace")
	b.post(at, v)
	b.want("Recorded until", "traces/north-1-….pcap", "Numbers, texts and passwords are masked", "Stop recording")
	if got := w.wishes()[northOne].TraceUntil.Sub(w.Now()); got != desk.TraceFor {
		t.Errorf("recorded for %s", got)
	}
	v = b.fields(at)
	v.Set("do", "untrace")
	b.post(at, v)
	b.want("Record for ten minutes")
	if got := w.wishes()[northOne].TraceUntil; !got.IsZero() {
		t.Errorf("recorded until %s", got)
	}
}

// Who wished a recording that can't be made reads why, and may wish it again.
func TestARecordingThatFailed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.bind(links.Standing{})
	w.staff("admin", text.French, desk.Grant{Role: desk.Admin})
	b := w.login("admin")
	b.get("/operators/north")
	at := "/operators/north/1"
	v := b.fields(at)
	v.Set("do", "trace")
	b.post(at, v)
	w.bind(links.Standing{Trace: links.TraceNoRoom}, func(r *links.Report) {
		r.Failures = []links.Failure{{Name: northOne, Cause: links.Unrecorded, Count: 1, Last: w.Now()}}
	})
	b.get("/operators/north/live")
	b.want("Pas d'enregistrement : le disque est plein", "Enregistrer dix minutes", "La liaison n'a pas pu être enregistrée")
	if strings.Contains(b.text(), "Enregistré jusqu'à") || strings.Contains(b.text(), "Arrêter l'enregistrement") {
		t.Errorf("it is told as recorded: %s", b.text())
	}
	v = b.fields(at)
	v.Set("do", "trace")
	w.Add(time.Minute)
	b.post(at, v)
	if got := w.wishes()[northOne].TraceUntil.Sub(w.Now()); got != desk.TraceFor {
		t.Errorf("recorded for %s", got)
	}
	w.bind(links.Standing{Trace: links.Traced})
	b.get("/operators/north")
	b.want("Enregistré jusqu'à", "Arrêter l'enregistrement")
	w.Add(desk.TraceFor + time.Second)
	w.bind(links.Standing{Trace: links.TraceFull}) // of a wish that is over
	b.get("/operators/north")
	b.want("Lié depuis")
	if strings.Contains(b.text(), "le fichier est plein") {
		t.Error("an old wish is still told")
	}
}

// What each process made of the file is said, above all when it can't be used.
func TestReadTheFileAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.bind(links.Standing{})
	w.staff("admin", text.French, desk.Grant{Role: desk.Admin})
	b := w.login("admin")
	b.get("/operators/north")
	v := b.fields("/operators/reload")
	b.post("/operators/reload", v)
	b.post("/operators/reload", v)
	b.want("Demandé par Nadia admin", "Pas encore de réponse")
	id, _, err := w.links.LastReload(t.Context())
	w.Must(err)
	var asked int
	if w.Scan(&asked, `select count(*) from operators_reload`); asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	w.Must(w.links.Reloaded(t.Context(), id, links.Spoiled, "operators.toml: no dialect \"seven-dee\""))
	b.get("/operators/north/live")
	b.want("Fichier fautif, rien n'a été changé", `no dialect "seven-dee"`)
	if strings.Contains(b.text(), "Pas encore de réponse") {
		t.Error("a process that answered is awaited")
	}
}

// A process that has gone silent is not believed any more.
func TestSilentProcess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.bind(links.Standing{})
	w.staff("admin", text.French, desk.Grant{Role: desk.Admin})
	w.hush(w.links)
	b := w.login("admin")
	for _, path := range []string{"/operators", "/operators/north"} {
		b.get(path)
		b.want("Processus sans nouvelles")
		if strings.Contains(b.text(), "Lié depuis") || strings.Contains(b.text(), "1 sur 1 liées") {
			t.Errorf("%s believes it: %s", path, b.text())
		}
	}
	other := links.New(w.DB, w.Now)
	_, err := other.Report(t.Context(), links.Report{Standings: []links.Standing{{
		Name: northOne, Address: "a:1", Mode: "transceiver", State: links.Bound, Window: 10, Since: w.Now(),
	}}})
	w.Must(err)
	b.get("/operators/north")
	first, second, _ := strings.Cut(b.text(), "Autre processus")
	if !strings.Contains(first, "Lié depuis") || !strings.Contains(second, "Processus sans nouvelles") {
		t.Errorf("the process that reports is not told first: %s", b.text())
	}
}

// Errors are told in words in every language; a code that nobody has words for is told as its number.
func TestErrorsInWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.operators()
	for lang, words := range map[text.Lang][]string{
		text.French:  {"L'opérateur a refusé la connexion · mot de passe erroné 0x0E", "SMS refusé 0x455", "Connexion perdue", "envoi plus rapide que le débit convenu 0x58"},
		text.English: {"The operator refused the login · the password is wrong 0x0E", "The text was refused 0x455", "The connection was lost"},
		text.Arabic:  {"رفض المتعهد تسجيل الدخول · كلمة السر خاطئة 0x0E", "رفض المتعهد الرسالة 0x455", "انقطع الاتصال"},
	} {
		w.staff("admin-"+string(lang), lang, desk.Grant{Role: desk.Admin})
		b := w.login("admin-" + string(lang))
		b.get("/operators/north")
		b.want(words...)
	}
}

// Every way a bind can stand or fail has its words, and so has every status that is about texts.
func TestWordsOfLinks(t *testing.T) {
	t.Parallel()
	c := texttest.Load(t, web.Texts())
	keys := []string{"bind." + string(desk.Silent)}
	for _, s := range []links.State{links.Bound, links.Paused, links.Draining, links.Drained, links.Connecting, links.Refused, links.Down} {
		keys = append(keys, "bind."+string(s))
	}
	for _, s := range []links.Wish{links.Run, links.Pause, links.Drain} {
		keys = append(keys, "order."+string(s), "awaits."+string(s), "wished."+string(s), "act.bind."+string(s))
	}
	for _, s := range []links.Cause{
		links.Unreachable, links.TLS, links.LoginFailed, links.NoAnswer, links.Silent, links.Unbound, links.Lost, links.Inactive, links.Throttled,
		links.Temporary, links.Rejected, links.Unanswered, links.Stopped, links.Unrecorded,
	} {
		keys = append(keys, "cause."+string(s))
	}
	for _, s := range []links.Tracing{links.TraceFull, links.TraceNoRoom, links.TraceDenied, links.TraceLimit, links.TraceNowhere, links.TraceFailed} {
		keys = append(keys, "trace."+string(s))
	}
	for _, s := range []links.Outcome{links.Applied, links.Unchanged, links.Spoiled} {
		keys = append(keys, "reloaded."+string(s))
	}
	for code := range smpp.Status(0x200) {
		if name := code.Name(); code != smpp.StatusOK && strings.HasPrefix(name, "ESME_") && !strings.Contains(name, "BCAST") {
			keys = append(keys, fmt.Sprintf("smpp.%02x", uint32(code)))
		}
	}
	for _, key := range keys {
		if !c.Has(text.Key("web." + key)) {
			t.Errorf("no web.%s", key)
		}
	}
	if len(keys) < 80 {
		t.Errorf("only %d keys", len(keys))
	}
}

// The operators file names operators and binds as it likes.
func TestNamesAsTheyCome(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := links.Name{Operator: "نور 50%/est", Bind: "a/b?c"}
	_, err := w.links.Report(t.Context(), links.Report{
		Standings: []links.Standing{{Name: n, Address: "a:1", Mode: "transceiver", State: links.Bound, Window: 10, Since: w.Now()}},
		Abouts:    []links.About{{Operator: n.Operator}},
	})
	w.Must(err)
	w.staff("admin", text.English, desk.Grant{Role: desk.Admin})
	b := w.login("admin")
	path := "/operators/" + url.PathEscape(n.Operator)
	if status := b.get(path); status != http.StatusOK {
		t.Fatalf("%s: %d", path, status)
	}
	at := path + "/" + url.PathEscape(n.Bind)
	v := b.fields(at)
	v.Set("do", "pause")
	if status := b.post(at, v); status != http.StatusOK || w.wishes()[n].Wish != links.Pause {
		t.Errorf("%d, wishes are %+v", status, w.wishes())
	}
	b.want(n.Operator, n.Bind, "Paused by Nadia admin")
}
