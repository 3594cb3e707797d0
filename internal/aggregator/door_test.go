package aggregator_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/wasl-sms/wasl/internal/aggregator"
	"github.com/wasl-sms/wasl/ussd"
)

const stepBody = "sessionId=a&phoneNumber=%2B212600000001&serviceCode=*369%23&text="

// step is one of Africa's Talking, as the test changes it.
func step(target string, change func(*http.Request)) *http.Request {
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(stepBody))
	r.RemoteAddr = "192.0.2.7:5555"
	if change != nil {
		change(r)
	}
	return r
}

func status(t *testing.T, h http.Handler, r *http.Request) int {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusOK && strings.TrimSpace(w.Body.String()) != http.StatusText(w.Code) {
		t.Errorf("a refusal says %q", w.Body.String())
	}
	return w.Code
}

func networks(t *testing.T, list ...string) aggregator.Networks {
	t.Helper()
	p, err := aggregator.ParseNetworks(list)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestWhoMayCall(t *testing.T) {
	t.Parallel()
	e := endpoint(t, "africastalking")
	e.Door.Allow = networks(t, "192.0.2.7", "2001:db8::/32")
	e.Door.Proxies = networks(t, "10.0.0.0/8")
	d := &scripted{}
	h := handler(t, d, e)
	via := func(remote string, hops ...string) int {
		return status(t, h, step("/ussd/north", func(r *http.Request) {
			r.RemoteAddr = remote
			for _, hop := range hops {
				r.Header.Add("X-Forwarded-For", hop)
			}
		}))
	}
	for _, c := range []struct {
		name   string
		remote string
		hops   []string
		in     bool
	}{
		{"itself", "192.0.2.7:1", nil, true},
		{"another", "192.0.2.8:1", nil, false},
		{"network", "[2001:db8::9]:1", nil, true},
		{"with a zone", "[2001:db8::9%eth0]:1", nil, true},
		{"mapped", "[::ffff:192.0.2.7]:1", nil, true},
		{"said by itself", "192.0.2.8:1", []string{"192.0.2.7"}, false},
		{"said by our proxy", "10.0.0.1:1", []string{"192.0.2.7"}, true},
		{"said by two proxies", "10.0.0.1:1", []string{"192.0.2.7, 10.0.0.2"}, true},
		{"two headers", "10.0.0.1:1", []string{"192.0.2.7", "10.0.0.2"}, true},
		{"forged before our proxy", "10.0.0.1:1", []string{"192.0.2.7, 192.0.2.8"}, false},
		{"our proxy for nobody", "10.0.0.1:1", nil, false},
		{"our proxy says nonsense", "10.0.0.1:1", []string{"192.0.2.7, unknown"}, false},
		{"our proxy says nothing", "10.0.0.1:1", []string{"192.0.2.7, "}, false},
		{"no address", "pipe", nil, false},
	} {
		want := http.StatusForbidden
		if c.in {
			want = http.StatusOK
		}
		if got := via(c.remote, c.hops...); got != want {
			t.Errorf("%s: %d, want %d", c.name, got, want)
		}
	}
	if d.count() != 7 {
		t.Errorf("the dialogue was asked %d times", d.count())
	}
}

func TestTheSecret(t *testing.T) {
	t.Parallel()
	const secret = "open-sesame"
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(stepBody))
	sum := mac.Sum(nil)
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	basic := func(user, password string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(user, password) }
	}
	for _, c := range []struct {
		name   string
		door   aggregator.Door
		target string
		change func(*http.Request)
		in     bool
	}{
		{"query", aggregator.Door{Proof: aggregator.ByQuery, Name: "key"}, "?key=open-sesame", nil, true},
		{"query without", aggregator.Door{Proof: aggregator.ByQuery, Name: "key"}, "", nil, false},
		{"query with a part", aggregator.Door{Proof: aggregator.ByQuery, Name: "key"}, "?key=open-sesam", nil, false},
		{"query with more", aggregator.Door{Proof: aggregator.ByQuery, Name: "key"}, "?key=open-sesame1", nil, false},
		{"query in a header", aggregator.Door{Proof: aggregator.ByQuery, Name: "key"}, "", header("Key", secret), false},
		{"user", aggregator.Door{Proof: aggregator.ByQuery, Name: "password", User: "u", UserBy: "userid"}, "?userid=u&password=open-sesame", nil, true},
		{"other user", aggregator.Door{Proof: aggregator.ByQuery, Name: "password", User: "u", UserBy: "userid"}, "?userid=v&password=open-sesame", nil, false},
		{"header", aggregator.Door{Proof: aggregator.ByHeader, Name: "X-Key"}, "", header("X-Key", secret), true},
		{"other header", aggregator.Door{Proof: aggregator.ByHeader, Name: "X-Key"}, "?X-Key=open-sesame", nil, false},
		{"basic", aggregator.Door{Proof: aggregator.ByBasic, User: "u"}, "", basic("u", secret), true},
		{"basic, other user", aggregator.Door{Proof: aggregator.ByBasic, User: "u"}, "", basic("v", secret), false},
		{"basic, other password", aggregator.Door{Proof: aggregator.ByBasic, User: "u"}, "", basic("u", "secret"), false},
		{"signed in hex", aggregator.Door{Proof: aggregator.BySigned, Name: "X-Signature"}, "", header("X-Signature", hex.EncodeToString(sum)), true},
		{"signed as some write it", aggregator.Door{Proof: aggregator.BySigned, Name: "X-Signature"}, "", header("X-Signature", "sha256="+hex.EncodeToString(sum)), true},
		{"signed in base64", aggregator.Door{Proof: aggregator.BySigned, Name: "X-Signature"}, "", header("X-Signature", base64.StdEncoding.EncodeToString(sum)), true},
		{"signed for another body", aggregator.Door{Proof: aggregator.BySigned, Name: "X-Signature"}, "", func(r *http.Request) {
			r.Header.Set("X-Signature", hex.EncodeToString(sum))
			r.Body = http.NoBody
		}, false},
		{"not signed", aggregator.Door{Proof: aggregator.BySigned, Name: "X-Signature"}, "", nil, false},
	} {
		e := endpoint(t, "africastalking")
		e.Door = c.door
		e.Door.Secret = secret
		d := &scripted{}
		want := map[bool]int{true: http.StatusOK, false: http.StatusForbidden}[c.in]
		if got := status(t, handler(t, d, e), step("/ussd/north"+c.target, c.change)); got != want || (d.count() == 1) != c.in {
			t.Errorf("%s: %d, want %d; the dialogue was asked %d times", c.name, got, want, d.count())
		}
	}
}

func TestDoorsThatHoldNothing(t *testing.T) {
	t.Parallel()
	for word, d := range map[string]aggregator.Door{
		"anyone":             {Proof: aggregator.ByQuery, Name: "key"},
		"too short":          {Proof: aggregator.ByQuery, Name: "key", Secret: "1234567"},
		"secret_by":          {Proof: "cookie", Secret: "open-sesame"},
		"secret_name":        {Proof: aggregator.ByHeader, Secret: "open-sesame"},
		"without a secret":   {Proof: aggregator.ByBasic, User: "u", Allow: prefix("10.0.0.0/8")},
		"user has no effect": {Proof: aggregator.ByHeader, Name: "X-Key", Secret: "open-sesame", User: "u"},
	} {
		if err := d.Validate(); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v", word, err)
		}
	}
	if _, err := aggregator.ParseNetworks([]string{"192.0.2"}); err == nil || !strings.Contains(err.Error(), "192.0.2.0/24") {
		t.Errorf("half an address: %v", err)
	}
}

func TestWhatIsNoStep(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("1*", 1500)
	for name, c := range map[string]struct {
		r    *http.Request
		want int
	}{
		"too long a body": {httptest.NewRequest(http.MethodPost, "/ussd/north", strings.NewReader(strings.Repeat("x", 20<<10))), http.StatusRequestEntityTooLarge},
		"too long a path": {httptest.NewRequest(http.MethodPost, "/ussd/north", strings.NewReader(stepBody+long)), http.StatusBadRequest},
		"too long a name": {httptest.NewRequest(http.MethodPost, "/ussd/north", strings.NewReader("sessionId="+long+"&phoneNumber=1&text=")), http.StatusBadRequest},
		"no form":         {httptest.NewRequest(http.MethodPost, "/ussd/north", strings.NewReader("%zz")), http.StatusBadRequest},
		"fetched":         {httptest.NewRequest(http.MethodGet, "/ussd/north", nil), http.StatusMethodNotAllowed},
		"another path":    {httptest.NewRequest(http.MethodPost, "/ussd/north/more", strings.NewReader(stepBody)), http.StatusBadRequest},
		"a neighbour":     {httptest.NewRequest(http.MethodPost, "/ussd/northern", strings.NewReader(stepBody)), http.StatusNotFound},
	} {
		d := &scripted{}
		c.r.RemoteAddr = "127.0.0.1:1"
		w := httptest.NewRecorder()
		handler(t, d, endpoint(t, "africastalking")).ServeHTTP(w, c.r)
		if w.Code != c.want || d.count() != 0 {
			t.Errorf("%s: %d, want %d; the dialogue was asked %d times", name, w.Code, c.want, d.count())
		}
	}
}

// A dialogue that says nothing, and one that takes all the time there is, end
// in the format's own words.
func TestNothingToSay(t *testing.T) {
	t.Parallel()
	d := &scripted{says: func(ctx context.Context, r ussd.Request) ussd.Reply {
		if r.Input == "slow" {
			<-ctx.Done()
		}
		return ussd.Reply{}
	}}
	for format, want := range map[string]string{"africastalking": "END " + sorry, "hubtel": `"Type":"Release"`, "truroute": "<type>3</type>"} {
		e := endpoint(t, format)
		e.Deadline = 1 // nanosecond
		h := handler(t, d, e)
		for _, said := range []string{"", "slow"} {
			body := map[string]string{
				"africastalking": stepBody + said,
				"hubtel":         fmt.Sprintf(`{"SessionId":"a","Mobile":"212600000001","Type":"Response","Message":%q}`, said),
				"truroute":       "<ussd><msisdn>212600000001</msisdn><sessionid>a</sessionid><type>2</type><msg>" + said + "</msg></ussd>",
			}[format]
			got := call(t, h, httptest.NewRequest(http.MethodPost, "/ussd/north", strings.NewReader(body)))
			if !strings.Contains(got, want) || !strings.Contains(got, sorry) {
				t.Errorf("%s, %q: %s", format, said, got)
			}
		}
	}
}

// An aggregator that hangs up does not stop what it asked for: the step is made
// whole, so that a repeat finds its page.
func TestACallerThatHangsUp(t *testing.T) {
	t.Parallel()
	d := &scripted{says: func(ctx context.Context, _ ussd.Request) ussd.Reply {
		return ussd.Reply{Text: fmt.Sprint(ctx.Err())}
	}}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	r := step("/ussd/north", nil).WithContext(gone)
	r.RemoteAddr = "127.0.0.1:1"
	if got := call(t, handler(t, d, endpoint(t, "africastalking")), r); !strings.Contains(got, "CON <nil>") {
		t.Errorf("the step saw %s", got)
	}
}

func TestLogsHoldNoNumberAndNoSecret(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	e := endpoint(t, "africastalking")
	e.Door.Secret = "open-sesame"
	h, err := aggregator.New(aggregator.Config{
		Find: func(string) (*aggregator.Endpoint, bool) { return e, true }, Dialogue: &scripted{}, Apology: func() string { return sorry }, Busy: func() string { return busy },
		Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"/ussd/north?key=open-sesame", "/ussd/north?key=wrong-sesame"} {
		for _, body := range []string{stepBody + "4826", "sessionId=a&phoneNumber=212600000001x&text=4826", "phoneNumber=212600000001&text=4826"} {
			r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(body))
			r.RemoteAddr = "127.0.0.1:1"
			call(t, h, r)
		}
	}
	fmt.Fprintf(&log, "%v %+v %#v", e.Door, e, e.Door)
	for _, leak := range []string{"sesame", "2126", "4826"} {
		if strings.Contains(log.String(), leak) {
			t.Errorf("the log holds %q:\n%s", leak, log.String())
		}
	}
	if !strings.Contains(log.String(), "why=secret") {
		t.Errorf("the log does not tell of the refusal:\n%s", log.String())
	}
}

func FuzzFormats(f *testing.F) {
	f.Add(0, "", stepBody)
	f.Add(1, "", `{"SessionId":"a","Mobile":"212600000001","Type":"Response","Message":"1"}`)
	f.Add(6, "", "<ussd><msisdn>212600000001</msisdn><sessionid>a</sessionid><type>2</type><msg>1</msg></ussd>")
	f.Add(7, "/session/1/start", `{"msisdn":"212600000001","text":"*369#"}`)
	all := aggregator.Formats()
	f.Fuzz(func(t *testing.T, which int, rest, body string) {
		e := endpoint(t, all[max(0, which%len(all))].Name)
		r := httptest.NewRequest(http.MethodPost, "/ussd/north", strings.NewReader(body))
		r.RemoteAddr, r.URL.Path = "127.0.0.1:1", "/ussd/north/"+rest
		if e.Format.Name == "airtel" {
			r.Method, r.URL.RawQuery = http.MethodGet, body
		}
		w := httptest.NewRecorder()
		handler(t, &scripted{}, e).ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Fatalf("%d", w.Code)
		}
	})
}
