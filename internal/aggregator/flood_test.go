package aggregator_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/aggregator"
	"github.com/wasl-sms/wasl/ussd"
)

// clocked is a handler of some endpoints, by a clock that the test moves.
type clocked struct {
	*aggregator.Handler
	mu  sync.Mutex
	at  time.Time
	log bytes.Buffer
}

func (c *clocked) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clocked) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func byClock(t *testing.T, d aggregator.Dialogue, all ...*aggregator.Endpoint) *clocked {
	t.Helper()
	c := &clocked{at: time.Date(2026, 11, 20, 9, 30, 0, 0, time.UTC)}
	var err error
	c.Handler, err = aggregator.New(aggregator.Config{
		Find: func(path string) (*aggregator.Endpoint, bool) {
			for _, e := range all {
				if strings.HasPrefix(path, e.Path) {
					return e, true
				}
			}
			return nil, false
		},
		Dialogue: d, Apology: func() string { return sorry }, Busy: func() string { return busy }, Now: c.now,
		Log: slog.New(slog.NewTextHandler(&c.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// limited are two aggregators with the same limits.
func limited(t *testing.T, l aggregator.Limits) (north, south *aggregator.Endpoint) {
	t.Helper()
	north, south = endpoint(t, "africastalking"), endpoint(t, "africastalking")
	south.Operator, south.Path = "south", "/ussd/south"
	north.Limits, south.Limits = l, l
	return north, south
}

// says has a number key something at an aggregator.
func says(t *testing.T, h http.Handler, at string, number int, more string) string {
	t.Helper()
	body := fmt.Sprintf("sessionId=s%d&phoneNumber=%%2B2126%08d&serviceCode=*369%%23%s", number, number, more)
	return call(t, h, httptest.NewRequest(http.MethodPost, "/ussd/"+at, strings.NewReader(body)))
}

// A phone that floods is answered in order and does nothing; others do not
// notice, and it may go on after a while.
func TestOnePhonesFloodTouchesNobody(t *testing.T) {
	t.Parallel()
	d := &scripted{}
	north, south := limited(t, aggregator.Limits{PerPhone: 2})
	h := byClock(t, d, north, south)
	for range 100 {
		says(t, h, "north", 1, "&text=1")
	}
	if n := d.count(); n != 30 {
		t.Errorf("%d steps of a flood", n)
	}
	if got := says(t, h, "north", 1, "&text=1"); got != plain+"END "+busy {
		t.Errorf("a flood is answered %q", got)
	}
	for what, got := range map[string]string{
		"another phone": says(t, h, "north", 2, "&text=1"), "the number by another aggregator": says(t, h, "south", 1, "&text=1"),
	} {
		if strings.Contains(got, busy) {
			t.Errorf("%s is answered %q", what, got)
		}
	}
	n := d.count()
	says(t, h, "north", 1, "&status=Failed") // it hangs up
	if d.count() != n+1 || d.last().Kind != ussd.Abort {
		t.Errorf("a phone that hangs up is not heard")
	}
	h.forward(time.Second)
	for range 10 {
		says(t, h, "north", 1, "&text=1")
	}
	if got := d.count() - n - 1; got != 2 {
		t.Errorf("%d steps in the next second", got)
	}
}

// An aggregator in a loop has its share and no more.
func TestOneAggregatorsFloodTouchesNobody(t *testing.T) {
	t.Parallel()
	d := &scripted{}
	north, south := limited(t, aggregator.Limits{TPS: 5})
	h := byClock(t, d, north, south)
	for n := range 50 {
		says(t, h, "north", n, "&text=")
	}
	if n := d.count(); n != 5 {
		t.Errorf("%d steps of a flood", n)
	}
	if got := says(t, h, "south", 1, "&text="); strings.Contains(got, busy) {
		t.Errorf("another aggregator is answered %q", got)
	}
	faster := *north // its settings are read anew
	faster.Limits.TPS = 50
	*north = faster
	h.forward(time.Second)
	for n := range 100 {
		says(t, h, "north", n, "&text=")
	}
	if n := d.count(); n != 5+1+50 {
		t.Errorf("%d steps after a change of its rate", n)
	}
}

// Steps that hang, of one aggregator, hold up none of another's.
func TestStepsUnderWayAreBounded(t *testing.T) {
	t.Parallel()
	open, came := make(chan struct{}), make(chan struct{}, 10)
	d := &scripted{says: func(_ context.Context, r ussd.Request) ussd.Reply {
		if r.Msisdn != "+212600000099" {
			came <- struct{}{}
			<-open
		}
		return ussd.Reply{Text: "ok"}
	}}
	north, south := limited(t, aggregator.Limits{AtOnce: 3})
	h := byClock(t, d, north, south)
	var under sync.WaitGroup
	for n := range 3 {
		under.Go(func() { says(t, h, "north", n, "&text=") })
	}
	for range 3 {
		<-came
	}
	if got := says(t, h, "north", 99, "&text="); got != plain+"END "+busy {
		t.Errorf("the fourth is answered %q", got)
	}
	if got := says(t, h, "south", 99, "&text="); got != plain+"CON ok" {
		t.Errorf("another aggregator is answered %q", got)
	}
	close(open)
	under.Wait()
	if got := says(t, h, "north", 99, "&text="); got != plain+"CON ok" {
		t.Errorf("afterwards it is answered %q", got)
	}
}

// Too much is said in each format's own way, as a last page.
func TestBusyInEachFormat(t *testing.T) {
	t.Parallel()
	for format, c := range map[string]struct{ request, answer string }{
		"africastalking": {"POST /ussd/north HTTP/1.1\n\n" + stepBody, "END " + busy},
		"hubtel":         {jsonHead + `{"Type":"Response","Mobile":"212600000001","SessionId":"a","Message":"1"}`, `"Type":"Release","Message":"` + busy + `"`},
		"arkesel":        {jsonHead + `{"sessionID":"a","userID":"u","newSession":false,"msisdn":"212600000001","userData":"1"}`, `"message":"` + busy + `","continueSession":false`},
		"nalo":           {jsonHead + `{"USERID":"u","MSISDN":"212600000001","USERDATA":"1","MSGTYPE":false}`, `"MSG":"` + busy + `","MSGTYPE":false`},
		"beem":           {jsonHead + `{"command":"continue","msisdn":"212600000001","session_id":"8","operator":"v","payload":{"request_id":"7","response":"1"}}`, `"command":"terminate","payload":{"request_id":"7","request":"` + busy + `"}`},
		"airtel":         {"GET /ussd/north?SessionID=139&MSISDN=212600000001&input=1 HTTP/1.1\n\n", "Freeflow: FB\nCharge: N\nAmount: 0\n\n" + busy},
		"truroute":       {"POST /ussd/north HTTP/1.1\nContent-Type: text/xml\n\n<ussd><msisdn>212600000001</msisdn><sessionid>1</sessionid><type>2</type><msg>1</msg></ussd>", "<type>3</type><msg>" + busy + "</msg>"},
		"infobip":        {"POST /ussd/north/session/52/response HTTP/1.1\n\n" + `{"msisdn":"212600000001","text":"1"}`, `"shouldClose":true,"ussdMenu":"` + busy + `"`},
	} {
		e := endpoint(t, format)
		e.Limits.PerPhone = 1
		d := &scripted{}
		h := byClock(t, d, e)
		var got string
		for range 31 {
			got = call(t, h, golden{request: c.request}.read(t))
		}
		if d.count() != 30 || !strings.HasPrefix(got, "200\n") || !strings.Contains(got, c.answer) {
			t.Errorf("%s: after %d steps %q", format, d.count(), got)
		}
	}
}

// Whoever knocks in vain again and again is told less and logged less; what is
// right is heard from the same address all the same.
func TestRefusalsOfOneAddress(t *testing.T) {
	t.Parallel()
	e := endpoint(t, "africastalking")
	e.Door.Allow, e.Door.Secret = nil, "open-sesame"
	d := &scripted{}
	h := byClock(t, d, e)
	from := func(address, secret string) int {
		return status(t, h, step("/ussd/north?key="+secret, func(r *http.Request) { r.RemoteAddr = address + ":5555" }))
	}
	got := map[int]int{}
	for range 100 {
		got[from("192.0.2.66", "wrong")]++
	}
	if got[http.StatusForbidden] != 30 || got[http.StatusTooManyRequests] != 70 {
		t.Errorf("answered %v", got)
	}
	if n := strings.Count(h.log.String(), "refused"); n != 30 {
		t.Errorf("%d lines in the log", n)
	}
	if s := from("192.0.2.67", "wrong"); s != http.StatusForbidden {
		t.Errorf("another address: %d", s)
	}
	if s := from("192.0.2.66", "open-sesame"); s != http.StatusOK || d.count() != 1 {
		t.Errorf("the right secret: %d", s)
	}
}
