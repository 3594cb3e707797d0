package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/aggregator"
	"github.com/wasl-sms/wasl/internal/bench"
	"github.com/wasl-sms/wasl/internal/gateway"
	"github.com/wasl-sms/wasl/internal/private"
)

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
	if l.format.exact {
		l.clock.forward(3 * time.Second) // longer than the same input counts as a repeat by itself
	}
	if _, _, again := l.send(what, input); again != raw {
		l.t.Errorf("%s %q was answered with\n%s\nand again with\n%s", what, input, raw, again)
	}
	if end {
		text += "\nend"
	}
	return text
}

// TestAggregators runs the same conversation over every HTTP format, against
// the whole program: begin, wrong answer, back, pages, end, repeats, a hang-up,
// a session that another replaces, a late answer.
func TestAggregators(t *testing.T) { //nolint:tparallel // formats take turns: accounts are counted, and the clock is one
	t.Parallel()
	w := closedSite(t, "", nil)
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
	w.open(t)
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
	l.registers(t, l, "CD"+l.number[6:])
	expect(t, l.answer("1"), "end")

	expect(t, l.dial(), "Tapez votre code secret")
	if !l.format.noHangUp {
		l.hangUp(hangsUp)
	}
	expect(t, l.dial(), "Tapez votre code secret")
	if l.format.expires {
		l.hangUp(expires)
		l.dial()
	}
	old := l.handset
	expect(t, l.dial(), "Tapez votre code secret")
	if !l.format.noSession {
		l.late(old)
	}
	expect(t, l.answer("4826"), "98")
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
	w := closedSite(t, "", nil)
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
	w.open(t)
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
