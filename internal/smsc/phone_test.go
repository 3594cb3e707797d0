package smsc_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/wasl-sms/wasl/internal/smsc"
	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/ussd"
)

// What the application behind the phones says in these tests.
const (
	menuFR = "Bienvenue. Choisissez:\n1 Demander un permis\n2 Visites et rendez-vous\n3 Suivre une demande\n4 Extrait du casier\n5 Réclamation ou recours\n6 Libération\n98 Suite  0 Retour"
	menuAR = "مرحبا. اختر:\n1 طلب رخصة زيارة\n2 موعد الزيارة\n3 تتبع طلب\n4 شكاية\n0 رجوع"
)

// citizenService answers each dial with a menu, each answer with a last page and
// a text, in the language the phone's page is tried in. Texts from the phone go
// to texts.
func citizenService(ctx context.Context, a *application, menu, last, note string, texts chan<- smpp.ShortMessage) {
	for {
		select {
		case m := <-a.got:
			if m.IsReceipt() {
				continue
			}
			switch op(m) {
			case ussd.OpPSSDIndication:
				texts <- m
			case ussd.OpPSSRIndication:
				_, _ = a.Submit(ctx, page(m, ussd.OpUSSRRequest, menu))
			case ussd.OpUSSRConfirm:
				_, _ = a.Submit(ctx, page(m, ussd.OpPSSRResponse, last))
				for _, part := range sms(sim, note) {
					_, _ = a.Submit(ctx, part)
				}
			default: // nobody waits for an answer
			}
		case <-ctx.Done():
			return
		}
	}
}

// browser starts chromium with a fresh profile, fails the test where it is
// missing, and ends it with the test.
func browser(t *testing.T, width, height int64) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.WindowSize(int(width), int(height)),
	)
	ctx, cancelAll := chromedp.NewExecAllocator(t.Context(), options...)
	ctx, cancel := chromedp.NewContext(ctx)
	ctx, cancelLate := context.WithTimeout(ctx, 50*time.Second)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx)
		cancelLate()
		cancel()
		cancelAll()
	})
	run(t, ctx, chromedp.EmulateViewport(width, height))
	return ctx
}

func run(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

func get[T any](t *testing.T, ctx context.Context, a chromedp.Action[T]) T {
	t.Helper()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// shot keeps a picture of the page with the test's artefacts.
func shot(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	png := get(t, ctx, chromedp.CaptureScreenshot())
	if err := os.WriteFile(filepath.Join(t.ArtifactDir(), name+".png"), png, 0o644); err != nil {
		t.Fatal(err)
	}
}

// phones serves the page for an operator that has an application bound.
func phones(t *testing.T, menu, last, note string) (*smsc.SMSC, string, <-chan smpp.ShortMessage) {
	t.Helper()
	s, addr := start(t, smsc.Config{SIMs: []string{sim, "+212600000002", "+212600000003"}})
	a := bind(t, addr, &application{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	texts := make(chan smpp.ShortMessage, 10)
	go func() { defer close(done); citizenService(ctx, a, menu, last, note, texts) }()
	t.Cleanup(func() { cancel(); <-done })
	mux := http.NewServeMux()
	mux.Handle("/phone/", http.StripPrefix("/phone", s.Handler()))
	web := httptest.NewServer(mux)
	t.Cleanup(func() { web.CloseClientConnections(); web.Close() })
	return s, web.URL + "/phone/", texts
}

// on is a part of the first SIM's handset.
func on(part string) string { return `[data-msisdn="` + sim + `"] ` + part }

func shows(text string) chromedp.Action[chromedp.Void] {
	return void(chromedp.Poll[bool](`document.querySelector('`+on(".view")+`')?.innerText.includes(`+"`"+text+"`"+`)`,
		chromedp.WithPollingTimeout(10*time.Second)))
}

// void drops what a step returns.
func void[T any](a chromedp.Action[T]) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, on *chromedp.Target) (none chromedp.Void, err error) {
		_, err = a(ctx, on)
		return none, err
	}
}

func press(keys ...string) chromedp.Action[chromedp.Void] {
	var all []chromedp.Action[chromedp.Void]
	for _, k := range keys {
		all = append(all, chromedp.Click(chromedp.CSS(on(`[data-key="`+k+`"]`))))
	}
	return chromedp.Steps(all...)
}

// tabTo presses Tab until the focus is there.
func tabTo(selector string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, on *chromedp.Target) error {
		for range 12 {
			if _, err := chromedp.KeyEvent(kb.Tab)(ctx, on); err != nil {
				return err
			}
			there, err := chromedp.Evaluate[bool](`document.activeElement.matches('`+selector+`')`)(ctx, on)
			if there || err != nil {
				return err
			}
		}
		return errors.New("Tab does not lead to " + selector)
	})
}

func TestPhoneByItsKeys(t *testing.T) {
	t.Parallel()
	s, url, texts := phones(t, menuFR, "Demande notée. Le reçu arrive par SMS.",
		"Demande 4821307 enregistrée. Réponse avant le 12/05/2026. Pour la suivre: SUIVI 4821307 au 3690. Gardez ce numéro: il sera demandé à chaque étape.")
	ctx := browser(t, 1280, 960)
	run(t, ctx, chromedp.Navigate(url+"?lang=fr"), shows("Composez"))
	shot(t, ctx, "fr-idle-1280")
	run(t, ctx, press("*", "3", "6", "9", "#"))
	shot(t, ctx, "fr-dial-1280")
	run(t, ctx, press("green"), shows("1 Demander un permis"))
	run(t, ctx, press("1"))
	shot(t, ctx, "fr-menu-1280")
	run(t, ctx, press("down"), shows("0 Retour"))
	shot(t, ctx, "fr-menu-scrolled-1280")
	run(t, ctx, press("left"), shows("Demande notée"), press("left"), shows("non lus"))
	shot(t, ctx, "fr-unread-1280")
	run(t, ctx, press("left"), shows("Nouveau message"))
	shot(t, ctx, "fr-list-1280")
	run(t, ctx, press("left"), shows("SUIVI 4821307"), shows("GSM-7"))
	shot(t, ctx, "fr-sms-1280")
	if m, err := s.WaitSMS(ctx, sim, func(m smsc.SMS) bool { return m.Read }); err != nil || m.Parts != 1 {
		t.Errorf("read message has %d parts, error %v", m.Parts, err)
	}
	// Letters: 77777 is S, 8 is T, 666 is O, 7 is P.
	run(t, ctx, press("left", "left"))
	run(t, ctx, press("#", "7", "7", "7", "7", "8", "6", "6", "6", "7"))
	shot(t, ctx, "fr-write-1280")
	if typed := get(t, ctx, chromedp.Value(chromedp.CSS(on(".entry")))); typed != "STOP" {
		t.Errorf("the keys wrote %q", typed)
	}
	run(t, ctx, press("green"), shows("Message envoyé"))
	if m := <-texts; text(t, m) != "STOP" || m.Dest.Addr != "3690" {
		t.Errorf("the application got %q to %s", text(t, m), m.Dest.Addr)
	}
}

func TestPhoneByKeyboardInArabic(t *testing.T) {
	t.Parallel()
	s, url, texts := phones(t, menuAR, "تم تسجيل الطلب. سيصلك الوصل برسالة.", "طلبكم 4821307 مسجل. الجواب قبل 12/05/2026. للتتبع أرسل 4821307 إلى 3690. احتفظ بهذا الرقم.")
	ctx := browser(t, 1280, 960)
	run(t, ctx, chromedp.Navigate(url+"?lang=ar"), shows("اطلب"), tabTo(on(".lines")))
	run(t, ctx, chromedp.KeyEvent("*369#"), chromedp.KeyEvent(kb.Enter), shows("طلب رخصة"))
	run(t, ctx, chromedp.KeyEvent("١"))
	shot(t, ctx, "ar-menu-1280")
	direction := get(t, ctx, chromedp.Evaluate[string](`getComputedStyle(document.querySelector('`+on(".lines > div")+`')).direction`))
	whole := get(t, ctx, chromedp.Evaluate[string](`document.documentElement.dir`))
	if direction != "rtl" || whole != "rtl" {
		t.Errorf("the line runs %s, the page %s", direction, whole)
	}
	run(t, ctx, chromedp.KeyEvent(kb.Enter), shows("تم تسجيل"), chromedp.KeyEvent(kb.Enter), shows("غير مقروءة"))
	shot(t, ctx, "ar-unread-1280")
	run(t, ctx, chromedp.KeyEvent(kb.ArrowDown), chromedp.KeyEvent(kb.Enter), shows("احتفظ"), shows("UCS-2"))
	shot(t, ctx, "ar-sms-1280")
	// Keys write Arabic too: 9 twice ظ, 6 thrice خ; then the computer's keyboard.
	run(t, ctx, chromedp.KeyEvent(kb.Escape), shows("اطلب"), press("right", "green"), press("9", "9", "6", "6", "6"), chromedp.KeyEvent(" تتبع ١٢"))
	shot(t, ctx, "ar-write-1280")
	run(t, ctx, chromedp.KeyEvent(kb.Enter), shows("أُرسلت"))
	if m := <-texts; text(t, m) != "ظخ تتبع ١٢" {
		t.Errorf("the application got %q", text(t, m))
	}
	run(t, ctx, chromedp.KeyEvent(kb.Escape), shows("اطلب"))
	if n := len(s.Inbox(sim)); n != 1 {
		t.Errorf("%d messages", n)
	}
}

func TestPhoneNarrowAndDark(t *testing.T) {
	t.Parallel()
	_, url, _ := phones(t, menuAR, "تم.", "وصل")
	ctx := browser(t, 320, 1080)
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: "dark"}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range []string{"fr", "ar"} {
		run(t, ctx, chromedp.Navigate(url+"?lang="+lang), chromedp.WaitVisible(chromedp.CSS(on(".entry, .lines"))))
		width := get(t, ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth`))
		count := get(t, ctx, chromedp.Evaluate[int](`document.querySelectorAll(".handset").length`))
		if width > 320 || count != 1 {
			t.Errorf("%s: %d px wide with %d handsets at 320 px", lang, width, count)
		}
		shot(t, ctx, lang+"-dark-320")
	}
}

func TestPhoneAddsASIM(t *testing.T) {
	t.Parallel()
	s, url, _ := phones(t, menuFR, "", "")
	ctx := browser(t, 1280, 960)
	run(t, ctx, chromedp.Navigate(url+"?lang=en"), shows("Dial"), chromedp.Click(chromedp.CSS("#add")),
		chromedp.WaitVisible(chromedp.CSS(`[data-msisdn="+212600000004"]`)))
	shot(t, ctx, "en-household-1280")
	if got := s.SIMs(); len(got) != 4 {
		t.Errorf("%d SIMs", len(got))
	}
}

// Nobody is bound: the phone says what an operator's phone says.
func TestPhoneWithoutApplication(t *testing.T) {
	t.Parallel()
	s, _ := start(t, smsc.Config{})
	web := httptest.NewServer(s.Handler())
	t.Cleanup(func() { web.CloseClientConnections(); web.Close() })
	ctx := browser(t, 640, 960)
	run(t, ctx, chromedp.Navigate(web.URL+"/?lang=fr"), shows("Composez"), press("green", "green"), shows("code IHM non valide"))
	shot(t, ctx, "fr-no-application")
	run(t, ctx, press("left"), shows("Composez"))
}

func TestPhoneRefusesOtherSites(t *testing.T) {
	t.Parallel()
	s, _ := start(t, smsc.Config{})
	web := httptest.NewServer(s.Handler())
	defer web.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, web.URL+"/sims/212600000001/dial", strings.NewReader(`{"text":"*369#"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusForbidden {
		t.Errorf("status %d", answer.StatusCode)
	}
}

// A server with a phone page open shuts down in order.
func TestPhoneStreamsEnd(t *testing.T) {
	t.Parallel()
	s, _ := start(t, smsc.Config{})
	web := httptest.NewServer(s.Handler())
	defer web.Close()
	web.Config.RegisterOnShutdown(s.EndStreams)
	r, err := http.NewRequestWithContext(soon(t), http.MethodGet, web.URL+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	ended, ctx := make(chan error, 1), soon(t)
	go func() { ended <- web.Config.Shutdown(ctx) }()
	if _, err := io.Copy(io.Discard, stream.Body); err != nil {
		t.Errorf("the stream: %v", err)
	}
	if err := <-ended; err != nil {
		t.Errorf("shutdown: %v", err)
	}
}
