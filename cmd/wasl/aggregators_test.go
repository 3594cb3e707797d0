package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/aggregator"
	"github.com/wasl-sms/wasl/internal/bench"
	"github.com/wasl-sms/wasl/internal/gateway"
	"github.com/wasl-sms/wasl/internal/private"
)

// What a step is for an aggregator.
const (
	dials   = "dial"
	answers = "answer"
	hangsUp = "hang up"
	expires = "time out"
)

// handset is a phone behind an aggregator: what it keeps of the session is what
// the aggregator does.
type handset struct {
	number  string // digits only
	session string
	keyed   []string
	steps   int
}

// webFormat plays one aggregator: its requests as its own documents have them,
// whatever the program's decoder thinks.
type webFormat struct {
	name string
	ask  func(at string, h *handset, what, input string) *http.Request
	read func(*http.Response, []byte) (text string, end bool)
	// What the format lacks.
	noSession, noHangUp, expires bool
}

func posted(at, contentType, body string) *http.Request {
	r, err := http.NewRequest(http.MethodPost, at, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	r.Header.Set("Content-Type", contentType)
	return r
}

func inJSON(at string, v map[string]any) *http.Request {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return posted(at, "application/json", string(b))
}

// from reads a field of a JSON answer, "" where there is none.
func from(body []byte, path ...string) any {
	var v any
	if json.Unmarshal(body, &v) != nil {
		return ""
	}
	for _, p := range path {
		m, _ := v.(map[string]any)
		v = m[p]
	}
	return v
}

func webFormats() []webFormat {
	return []webFormat{
		{
			name: "africastalking",
			ask: func(at string, h *handset, what, _ string) *http.Request {
				f := url.Values{"sessionId": {"ATUid_" + h.session}, "phoneNumber": {"+" + h.number}, "networkCode": {"99999"}, "serviceCode": {"*369#"}}
				if what == hangsUp {
					f.Set("status", "Incomplete")
					f.Set("input", strings.Join(h.keyed, "*"))
					at = strings.Replace(at, "?", "/events?", 1)
				} else {
					f.Set("text", strings.Join(h.keyed, "*"))
				}
				return posted(at, "application/x-www-form-urlencoded", f.Encode())
			},
			read: func(_ *http.Response, b []byte) (string, bool) {
				word, text, _ := strings.Cut(string(b), " ")
				return text, word != "CON"
			},
		},
		{
			name: "hubtel",
			ask: func(at string, h *handset, what, input string) *http.Request {
				kind := map[string]string{dials: "Initiation", answers: "Response", hangsUp: "Release", expires: "Timeout"}[what]
				if what == dials {
					input = "*369#"
				}
				return inJSON(at, map[string]any{"SessionId": h.session, "Mobile": h.number, "ServiceCode": "369", "Type": kind, "Message": input, "Operator": "mtn", "Sequence": h.steps})
			},
			read: func(_ *http.Response, b []byte) (string, bool) {
				return from(b, "Message").(string), from(b, "Type") == "Release"
			},
			expires: true,
		},
		{
			name: "arkesel",
			ask: func(at string, h *handset, what, input string) *http.Request {
				if what == dials {
					input = "*369#"
				}
				return inJSON(at, map[string]any{"sessionID": h.session, "userID": "USSD_1", "newSession": what == dials, "msisdn": h.number, "userData": input, "network": "MTN"})
			},
			read: func(_ *http.Response, b []byte) (string, bool) {
				return from(b, "message").(string), from(b, "continueSession") == false
			},
			noHangUp: true,
		},
		{
			name: "nalo",
			ask: func(at string, h *handset, what, input string) *http.Request {
				if what == dials {
					input = "*369#"
				}
				return inJSON(at, map[string]any{"USERID": "NALOTest", "MSISDN": h.number, "MSGTYPE": what == dials, "USERDATA": input, "NETWORK": "MTN"})
			},
			read: func(_ *http.Response, b []byte) (string, bool) {
				return from(b, "MSG").(string), from(b, "MSGTYPE") == false
			},
			noHangUp: true, noSession: true,
		},
		{
			name: "beem",
			ask: func(at string, h *handset, what, input string) *http.Request {
				command := map[string]string{dials: "initiate", answers: "continue", hangsUp: "terminate"}[what]
				return inJSON(at, map[string]any{
					"command": command, "msisdn": h.number, "session_id": h.session, "operator": "vodacom",
					"payload": map[string]any{"request_id": strconv.Itoa(h.steps), "response": input},
				})
			},
			read: func(_ *http.Response, b []byte) (string, bool) {
				return from(b, "payload", "request").(string), from(b, "command") == "terminate"
			},
		},
		{
			name: "airtel",
			ask: func(at string, h *handset, what, input string) *http.Request {
				if what == dials {
					input = "369"
				}
				q := url.Values{"SessionID": {h.session}, "MSISDN": {h.number}, "MSC": {"12"}, "input": {input}}
				if what == hangsUp {
					q = url.Values{"SessionID": {h.session}, "msisdn": {h.number}, "clean": {"clean-session"}, "error": {"522"}}
				}
				r, err := http.NewRequest(http.MethodGet, strings.Replace(at, "key=", "password=", 1)+"&userid=flares&"+q.Encode(), nil)
				if err != nil {
					panic(err)
				}
				return r
			},
			read: func(r *http.Response, b []byte) (string, bool) { return string(b), r.Header.Get("Freeflow") != "FC" },
		},
		{
			name: "truroute",
			ask: func(at string, h *handset, what, input string) *http.Request {
				kind := map[string]int{dials: 1, answers: 2, hangsUp: 3, expires: 4}[what]
				if what == dials {
					input = "*369#"
				}
				return posted(at, "text/xml", fmt.Sprintf("<ussd><msisdn>%s</msisdn><sessionid>%s</sessionid><type>%d</type><msg>%s</msg></ussd>", h.number, h.session, kind, input))
			},
			read: func(_ *http.Response, b []byte) (string, bool) {
				var v struct {
					Type string `xml:"type"`
					Msg  string `xml:"msg"`
				}
				_ = xml.Unmarshal(b, &v)
				return v.Msg, v.Type == "3"
			},
			expires: true,
		},
		{
			name: "infobip",
			ask: func(at string, h *handset, what, input string) *http.Request {
				verb := map[string]string{dials: "start", answers: "response", hangsUp: "end"}[what]
				at = strings.Replace(at, "?", "/session/"+h.session+"/"+verb+"?", 1)
				if what == hangsUp {
					r := inJSON(at, map[string]any{"exitCode": 3, "reason": "user"})
					r.Method = http.MethodPut
					return r
				}
				if what == dials {
					input = "*369#"
				}
				return inJSON(at, map[string]any{"msisdn": h.number, "text": input, "shortCode": "*369#", "language": nil})
			},
			read: func(_ *http.Response, b []byte) (string, bool) {
				return from(b, "ussdMenu").(string), from(b, "shouldClose") == true
			},
		},
	}
}

// line is one phone on one aggregator of a running program.
type line struct {
	t *testing.T
	*site
	format webFormat
	handset
	client *http.Client
	at     string
}

// send makes a step and gives the screen, and the octets of the whole answer.
func (l *line) send(what, input string) (text string, end bool, raw string) {
	l.t.Helper()
	resp, err := l.client.Do(l.format.ask(l.at, &l.handset, what, input))
	if err != nil {
		l.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		l.t.Fatalf("%s %q: %s %v", what, input, resp.Status, err)
	}
	var head bytes.Buffer
	resp.Header.Del("Date")
	_ = resp.Header.Write(&head)
	if what == dials || what == answers {
		text, end = l.format.read(resp, body)
	}
	return text, end, head.String() + string(body)
}

func (l *line) dial() string {
	l.t.Helper()
	l.clock.forward(5 * time.Second)
	l.steps++
	l.session, l.keyed = fmt.Sprintf("%s%03d", l.number[6:], l.steps), nil
	return l.twice(dials, "")
}

func (l *line) answer(input string) string {
	l.t.Helper()
	l.clock.forward(5 * time.Second)
	l.steps++
	l.keyed = append(l.keyed, input)
	return l.twice(answers, input)
}

// twice makes a step that the network makes again: the same octets come back.
// The end is marked by a line below the text.
func (l *line) twice(what, input string) string {
	l.t.Helper()
	text, end, raw := l.send(what, input)
	if _, _, again := l.send(what, input); again != raw {
		l.t.Errorf("%s %q was answered with\n%s\nand again with\n%s", what, input, raw, again)
	}
	if end {
		text += "\nend"
	}
	return text
}

func (l *line) expect(got string, wants ...string) {
	l.t.Helper()
	for _, want := range wants {
		if !strings.Contains(got, want) {
			l.t.Fatalf("%q is not on the screen:\n%s", want, got)
		}
	}
	if n := len([]rune(got)); n > 100+len("\nend") {
		l.t.Errorf("%d characters where 100 fit:\n%s", n, got)
	}
}

// TestAggregators runs the same conversation over every HTTP format, against
// the whole program: begin, wrong answer, back, pages, end, repeats, a hang-up,
// a session that another replaces, a late answer.
func TestAggregators(t *testing.T) {
	t.Parallel()
	w := newSite(t, "", nil)
	w.stop()
	w.s.Limits.Deadline = 9 * time.Second // what is said is tested here, not how soon
	formats := webFormats()
	if len(formats) != len(aggregator.Formats()) {
		t.Fatalf("%d formats are played, %d are served", len(formats), len(aggregator.Formats()))
	}
	for _, f := range formats {
		user := ""
		if f.name == "airtel" {
			user = "user = \"flares\"\n"
		}
		ops, err := gateway.ParseOperators(fmt.Sprintf(`
[[operator]]
name = %q
ussd_codes = ["*369#"]
[operator.http]
format = %[1]q
secret = "open-sesame"
%sallow = ["127.0.0.0/8"]
budget = { first = 100, next = 100, first_ucs2 = 50, next_ucs2 = 50 }
`, f.name, user), w.s.DataDir)
		if err != nil {
			t.Fatal(err)
		}
		w.ops = append(w.ops, ops...)
	}
	w.start(t, nil)
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	for i, f := range formats {
		l := &line{
			t: t, site: w, format: f, handset: handset{number: fmt.Sprintf("2126123450%02d", i)}, client: client,
			at: w.web.url() + "/ussd/" + f.name + "?key=open-sesame",
		}
		t.Run(f.name, func(t *testing.T) {
			l.t = t
			l.converse()
		})
	}
}

func (l *line) converse() {
	t := l.t
	t.Helper()
	accounts := func() int { return l.count(t, `select count(*) from account`) }
	before := accounts()
	l.expect(l.dial(), "1 العربية", "2 Français")
	l.expect(l.answer("8"), "اضغط رقما من القائمة")
	l.expect(l.answer("2"), "1 M'inscrire", "2 Informations")
	l.expect(l.answer("1"), "Service gratuit", "98 Suite")
	l.expect(l.answer("98"), "1 J'accepte", "0 Retour")
	l.expect(l.answer("0"), "Service gratuit", "98 Suite")
	l.expect(l.answer("1"), "Vous etes", "1 Famille")
	l.expect(l.answer("0"), "Service gratuit")
	l.answer("1")
	l.expect(l.answer("1"), "Numéro de votre carte")
	l.expect(l.answer("AB12"), "La carte a 1 ou 2 lettres")
	l.expect(l.answer("CD"+l.number[6:]), "naissance")
	l.expect(l.answer("05031985"), "code secret")
	l.answer("4826")
	l.expect(l.answer("4826"), "C'est fait", "end")
	if got := accounts(); got != before+1 {
		t.Fatalf("%d accounts came of one registration, each step made twice", got-before)
	}
	l.expect(l.answer("1"), "end")

	l.expect(l.dial(), "Tapez votre code secret")
	if !l.format.noHangUp {
		l.hangUp(hangsUp)
	}
	l.expect(l.dial(), "Tapez votre code secret")
	if l.format.expires {
		l.hangUp(expires)
		l.dial()
	}
	old := l.handset
	l.expect(l.dial(), "Tapez votre code secret")
	if !l.format.noSession {
		l.late(old)
	}
	l.expect(l.answer("4826"), "98")
}

// hangUp ends the session from the network's side: it is counted as dropped.
func (l *line) hangUp(what string) {
	l.t.Helper()
	l.steps++
	dropped := func() float64 { return l.endings(l.t, l.format.name, "dropped") }
	before := dropped()
	l.twice(what, "")
	if got := dropped(); got != before+1 {
		l.t.Errorf("%s: %v sessions dropped", what, got-before)
	}
}

// endings counts the screens of an operator that ended so.
func (w *site) endings(t *testing.T, operator, why string) (n float64) {
	t.Helper()
	all, err := w.app.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range all {
		for _, m := range family.GetMetric() {
			labels := fmt.Sprint(m.GetLabel())
			if family.GetName() == "ussd_screen_ends_total" && strings.Contains(labels, operator) && strings.Contains(labels, why) {
				n += m.GetCounter().GetValue()
			}
		}
	}
	return n
}

// late sends an answer to the session that the last dial replaced: it is over,
// and the live one goes on.
func (l *line) late(old handset) {
	l.t.Helper()
	live := l.handset
	l.handset = old
	l.clock.forward(5 * time.Second)
	l.steps, l.keyed = live.steps+1, append(l.keyed, "4826")
	text, end, _ := l.send(answers, "4826")
	if !end || !strings.Contains(text, "Recomposez le code") {
		l.t.Errorf("a late answer got %q, end %v", text, end)
	}
	live.steps = l.steps
	l.handset = live
}

// The demo has an aggregator too, for this machine.
func TestTheDemosAggregator(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	at := bench.NewAfricasTalking(w.web.url()+"/ussd/aggregator", 1)
	t.Cleanup(at.Close)
	phone := at.Phone("212600000077")
	page, err := phone.Dial(t.Context(), dialCode)
	if err != nil || page.End || !strings.Contains(page.Text, "2 Français") {
		t.Fatalf("dialled: %+v, %v", page, err)
	}
	if page, err = phone.Answer(t.Context(), "2"); err != nil || !strings.Contains(page.Text, "M'inscrire") {
		t.Errorf("answered: %+v, %v", page, err)
	}
}

// What may not come in does not, and says nothing of why.
func TestAggregatorsDoors(t *testing.T) {
	t.Parallel()
	w := newSite(t, "", nil)
	w.stop()
	ops, err := gateway.ParseOperators(`
[[operator]]
name = "web"
ussd_codes = ["*369#"]
[operator.http]
format = "africastalking"
path = "/ussd/at"
secret = "open-sesame"
`, w.s.DataDir)
	if err != nil {
		t.Fatal(err)
	}
	w.ops = append(w.ops, ops...)
	w.start(t, nil)
	if got := w.ops.Route(private.StoredMsisdn("+212600000001")); got != "network" {
		t.Errorf("texts go by %q", got)
	}
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	for at, want := range map[string]int{
		"/ussd/at?key=open-sesame": 200, "/ussd/at": 403, "/ussd/at?key=open-sesam": 403, "/ussd/web?key=open-sesame": 404, "/ussd/": 404,
	} {
		resp, err := client.Do(posted(w.web.url()+at, "application/x-www-form-urlencoded", "sessionId=a&phoneNumber=%2B212600000001&text="))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %s", at, resp.Status)
		}
	}
}
