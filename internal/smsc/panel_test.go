package smsc_test

import (
	"encoding/json"
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"

	"github.com/wasl-sms/wasl/internal/run/runtest"
	"github.com/wasl-sms/wasl/internal/smsc"
	"github.com/wasl-sms/wasl/smpp"
)

// panel serves an operator's pages under a path, as the demo does.
func panel(t *testing.T) (*smsc.SMSC, string, *application) {
	t.Helper()
	s, addr := start(t, smsc.Config{})
	mux := http.NewServeMux()
	mux.Handle("/phone/", http.StripPrefix("/phone", s.Handler()))
	web := httptest.NewServer(mux)
	t.Cleanup(func() { web.CloseClientConnections(); web.Close() })
	return s, web.URL + "/phone/faults", bind(t, addr, &application{})
}

func post(t *testing.T, at, kind, body string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(soon(t), http.MethodPost, at, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(text)
}

const formType = "application/x-www-form-urlencoded"

// What curl sends is a script, whatever it calls it.
func TestScriptOverHTTP(t *testing.T) {
	t.Parallel()
	s, at, a := panel(t)
	answer, text := post(t, at, formType, "full; on wasl lose=3 for 1h")
	if answer.StatusCode != http.StatusOK || text != "full; on wasl lose=3\n" {
		t.Errorf("%s: %q", answer.Status, text)
	}
	answer, text = post(t, at, formType, "at 1s loose=3")
	if answer.StatusCode != http.StatusBadRequest || !strings.Contains(text, `no fault "loose"`) {
		t.Errorf("%s: %q", answer.Status, text)
	}
	if _, text = post(t, at, formType, "behave"); text != "\n" {
		t.Errorf("after behave: %q", text)
	}
	if _, err := a.Submit(soon(t), one("x")); err != nil {
		t.Error(err)
	}
	if f := s.FaultsOn(""); f != (smsc.Faults{}) {
		t.Errorf("%v is left", f)
	}
}

// addresses lists where a page leads, as a browser reads it at some place.
func addresses(t *testing.T, at, page string) (list []string) {
	t.Helper()
	base, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	if m := regexp.MustCompile(`<base href="([^"]*)">`).FindStringSubmatch(page); m != nil {
		if base, err = base.Parse(m[1]); err != nil {
			t.Fatal(err)
		}
		page = strings.Replace(page, m[0], "", 1)
	}
	for _, m := range regexp.MustCompile(` (?:href|action|src)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		to, err := base.Parse(html.UnescapeString(m[1]))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, to.String())
	}
	if len(list) < 10 {
		t.Fatalf("%d addresses", len(list))
	}
	return list
}

func TestFormsWithoutScript(t *testing.T) {
	t.Parallel()
	s, at, a := panel(t)
	answer, text := post(t, at+"/set?lang=en&on=wasl", formType, url.Values{"status": {"0x45:all"}, "receipt-id": {"hex"}}.Encode())
	if answer.StatusCode != http.StatusOK || !strings.HasSuffix(answer.Request.URL.String(), "/phone/faults?lang=en&on=wasl") ||
		!strings.Contains(text, "on wasl status=0x45:all receipt-id=hex") {
		t.Errorf("%s at %s", answer.Status, answer.Request.URL)
	}
	if _, err := a.Submit(soon(t), one("x")); !errors.Is(err, smpp.ErrSubmitFail) {
		t.Errorf("got %v", err)
	}
	_, whole := post(t, at+"/set?lang=en", formType, "")
	answer, text = post(t, at+"/set?lang=en", formType, "delay=soon")
	if answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(text, "write 200ms") {
		t.Errorf("%s", answer.Status)
	}
	if diff := cmp.Diff(addresses(t, at+"?lang=en", whole), addresses(t, at+"/set?lang=en", text)); diff != "" {
		t.Errorf("the page that tells of a mistake leads elsewhere:\n%s", diff)
	}
	answer, _ = post(t, at+"/play", formType, url.Values{"script": {"full\nat 1h lose"}}.Encode())
	if f := s.FaultsOn(""); answer.StatusCode != http.StatusOK || !f.QueueFull {
		t.Errorf("%s: %v", answer.Status, f)
	}
	if answer, _ = post(t, at+"/behave", formType, ""); answer.StatusCode != http.StatusOK || s.FaultsOn("wasl") != (smsc.Faults{}) {
		t.Errorf("%s", answer.Status)
	}
	if answer, _ = post(t, at+"/act", formType, "act=cut"); answer.StatusCode != http.StatusOK {
		t.Errorf("%s", answer.Status)
	}
	<-a.down
}

func TestStateForScripts(t *testing.T) {
	t.Parallel()
	_, at, a := panel(t)
	if _, err := a.Submit(soon(t), one("x")); err != nil {
		t.Fatal(err)
	}
	a.next(t)
	answer, err := http.Get(at + "/state")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var state struct {
		Binds []smsc.BindState
		Total smsc.Counts
	}
	if err := json.NewDecoder(answer.Body).Decode(&state); err != nil {
		t.Fatal(err)
	}
	if len(state.Binds) != 1 || state.Binds[0].Scope != "wasl/1" || state.Total.Submitted != 1 || state.Total.Accepted != 1 {
		t.Errorf("got %+v", state)
	}
}

// seen waits until the page says so.
func seen(condition string) chromedp.Action[chromedp.Void] {
	return void(chromedp.Poll[bool](condition, chromedp.WithPollingTimeout(10*time.Second)))
}

func TestPanelInABrowser(t *testing.T) {
	t.Parallel()
	s, at, a := panel(t)
	ctx := browser(t, 1280, 1500)
	run(t, ctx, chromedp.Navigate(at+"?lang=fr"), seen(`document.querySelectorAll("#binds tr").length === 1`))
	shot(t, ctx, "faults-fr-1280")
	// A slider by the keyboard, a box by a click: both hold at once.
	run(t, ctx, chromedp.Focus(chromedp.CSS("#f-throttle")), chromedp.KeyEvent(kb.ArrowRight), chromedp.Click(chromedp.CSS("#f-full")),
		seen(`document.querySelector("#bad code").textContent === "throttle=50/s full"`))
	if f := s.FaultsOn(""); f.TPS != 50 || !f.QueueFull {
		t.Errorf("got %v", f)
	}
	if _, err := a.Submit(soon(t), one("x")); !errors.Is(err, smpp.ErrMsgQueueFull) {
		t.Errorf("got %v", err)
	}
	// The page reads the state again, and its controls keep to it.
	run(t, ctx, seen(`document.querySelector("#total").innerText.includes("1") && document.querySelectorAll(".fault.on").length === 2 &&
		document.querySelector('output[for="f-throttle"]').value === "50/s"`))
	shot(t, ctx, "faults-fr-bad-1280")
	run(t, ctx, chromedp.Click(chromedp.CSS(".first")), seen(`!document.getElementById("good").hidden && !document.getElementById("f-full").checked`))
	if f := s.FaultsOn(""); f != (smsc.Faults{}) {
		t.Errorf("%v is left", f)
	}
	run(t, ctx, chromedp.Click(chromedp.CSS(`#acts [value="cut"]`)))
	<-a.down
	run(t, ctx, chromedp.SetValue(chromedp.CSS("#text"), "loose"), chromedp.Click(chromedp.CSS("#script button")),
		seen(`document.querySelector(".failed").innerText.includes("no fault")`))
}

// The second of two quick presses counts, though the first is slow on its way.
func TestPressesKeepTheirOrder(t *testing.T) {
	t.Parallel()
	s, _ := start(t, smsc.Config{})
	pages := s.Handler()
	var presses atomic.Int32
	overtaken := make(chan struct{})
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/faults/set" {
			pages.ServeHTTP(w, r)
			return
		}
		n := presses.Add(1)
		if n == 1 {
			select {
			case <-overtaken:
			case <-time.After(500 * time.Millisecond): // nothing overtakes it
			}
		}
		pages.ServeHTTP(w, r)
		if n == 2 {
			close(overtaken)
		}
	}))
	t.Cleanup(func() { web.CloseClientConnections(); web.Close() })
	ctx := browser(t, 1280, 1500)
	run(t, ctx, chromedp.Navigate(web.URL+"/faults?lang=en"), chromedp.Click(chromedp.CSS("#f-full")), chromedp.Click(chromedp.CSS("#f-no-receipts")))
	runtest.Eventually(t, "both presses have come", func() bool { return presses.Load() == 2 })
	run(t, ctx, seen(`document.querySelector("#bad code").textContent === "full no-receipts"`))
	runtest.Eventually(t, "both faults are set", func() bool { f := s.FaultsOn(""); return f.QueueFull && f.NoReceipts })
}

func TestPanelNarrowDarkAndArabic(t *testing.T) {
	t.Parallel()
	s, at, _ := panel(t)
	s.SetFaults(parsed(t, "lose=3 receipt-delay=5s..30s"))
	ctx := browser(t, 320, 1500)
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: "dark"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range []string{"ar", "en"} {
		run(t, ctx, chromedp.Navigate(at+"?lang="+lang), seen(`document.querySelectorAll("#binds tr").length === 1`))
		if width := get(t, ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth`)); width > 320 {
			t.Errorf("%s: %d px wide at 320 px", lang, width)
		}
		shot(t, ctx, "faults-"+lang+"-dark-320")
	}
}
