package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/wasl-sms/wasl/internal/seed"
	"github.com/wasl-sms/wasl/internal/text"
)

var pictures = flag.String("pictures", "", "folder for the pictures of the README; else they are among the artefacts")

// TestFirstErrandInABrowser walks the way that the README describes, with a
// real browser on the real pages: a phone registers and asks for a permit, an
// authority grants it, the phone books a visit, the gate lets it in.
func TestFirstErrandInABrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBrowser(t, w.web.url())
	const french, arabic = "+212600000001", "+212600000002"
	account := w.family(t, arabic, text.Arabic, "CD654321")
	w.decide(t, w.send(t, account, "41533").ID, true)

	b.open("/phone/?lang=fr")
	phone := b.handset(french)
	phone.dial("*369#")
	phone.answer("2", "1", "1", "1", "AB123456", "05031985", "4826", "4826")
	w.heard(t, french, 1)
	phone.dial("*369#")
	phone.answer("4826", "3", "41207", "1", "2", "9", "2", "9")
	w.heard(t, french, 2)
	ref := w.newest(t, "permit_request")

	b.login("dir")
	b.follow(`a[href="/case/`+ref+`"]`, ".history")
	b.open("/case/" + ref + "/decide?all=grant")
	b.do(chromedp.Click(chromedp.CSS(`[name="sighted"]`)))
	b.follow("form.stack button", ".answers")
	b.follow(`form[action$="/decide"] button`, ".confirm")
	w.heard(t, french, 3)
	b.open("/case/" + ref)
	b.sees(".history")
	b.picture("case")

	b.open("/phone/?lang=fr")
	phone.dial("*369#")
	phone.answer("4826", "1")
	b.handset(arabic).dial("*369#")
	b.handset(arabic).answer("4826")
	b.picture("phone")
	phone.answer("1", "1")
	w.heard(t, french, 4)
	var code string
	var starts time.Time
	if err := w.st.db.QueryRow(t.Context(), `select code, lower(period) from visit where state = 'BOOKED' order by id desc limit 1`).Scan(&code, &starts); err != nil {
		t.Fatal(err)
	}

	w.clock.set(starts.Add(-20 * time.Minute))
	b.login("porte")
	b.open("/gate")
	b.do(chromedp.Focus(chromedp.CSS("#f-code")), chromedp.KeyEvent(code+kb.Enter))
	b.sees(".light.green")
	b.picture("gate")
	b.follow(`form[action="/gate/in"] button`, ".guests .good")
	var attendance string
	if err := w.st.db.QueryRow(t.Context(), `select g.attendance from visit v join visit_visitor g on g.visit_id = v.id where v.code = $1`, code).Scan(&attendance); err != nil {
		t.Fatal(err)
	}
	if attendance != "present" {
		t.Errorf("the gate let the visitor in, the database says %s", attendance)
	}
}

// TestPauseABindInABrowser shows the operator's page of a running process: what
// was pressed is done by the gateway, and the page says so by itself.
func TestPauseABindInABrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBrowser(t, w.web.url())
	account := w.family(t, "+212600000001", text.French, "AB123456")
	w.decide(t, w.send(t, account, "41533").ID, true)
	w.heard(t, "+212600000001", 1)
	b.login("admin")
	b.open("/operators")
	b.follow(`a[href="/operators/demo"]`, ".s-bound")
	b.until(`!!document.querySelector(".spark, .hours")`)
	b.picture("operator")
	b.follow(`button[value="pause"]`, ".s-paused")
	b.follow(`button[value="run"]`, ".s-bound")
	b.follow(`form[action="/operators/reload"] button`, "#reloads .good")
}

// newest is the reference of the last case of a machine.
func (w *world) newest(t *testing.T, machine string) (ref string) {
	t.Helper()
	if err := w.st.db.QueryRow(t.Context(), `select ref from case_file where machine = $1 order by id desc limit 1`, machine).Scan(&ref); err != nil {
		t.Fatal(err)
	}
	return ref
}

// browser is a chromium with one tab. What fails in it fails the test.
type browser struct {
	t   *testing.T
	ctx context.Context // the tab lives in it
	at  string
}

func newBrowser(t *testing.T, at string) *browser {
	t.Helper()
	dir, err := os.MkdirTemp("", "wasl-chromium-") //nolint:usetesting // the browser writes until after the test's own cleaning
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.UserDataDir(dir), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("lang", "fr"))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx)
		cancel()
	})
	b := &browser{t: t, ctx: ctx, at: at}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1180, 860)); err != nil {
		t.Fatalf("browser tests need chromium (apt-get install chromium): %v", err)
	}
	return b
}

// do takes steps, and says where the browser was when one of them failed.
func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		where, _ := chromedp.Run(b.ctx, chromedp.Location())
		page, _ := chromedp.Run(b.ctx, chromedp.Text(chromedp.CSS("body")))
		b.t.Fatalf("%v at %s:\n%s", err, where, page)
	}
}

// until waits until a JavaScript expression is true.
func (b *browser) until(js string) {
	b.t.Helper()
	b.do(func(ctx context.Context, on *chromedp.Target) (none chromedp.Void, err error) {
		_, err = chromedp.Poll[bool](js, chromedp.WithPollingTimeout(15*time.Second))(ctx, on)
		return none, err
	})
}

func (b *browser) open(path string) { b.t.Helper(); b.do(chromedp.Navigate(b.at + path)) }

func (b *browser) sees(selector string) {
	b.t.Helper()
	b.do(chromedp.WaitVisible(chromedp.CSS(selector)))
}

// follow presses a link or a button, and waits for what the next page shows.
func (b *browser) follow(selector, shows string) {
	b.t.Helper()
	b.do(chromedp.Click(chromedp.CSS(selector)), chromedp.WaitVisible(chromedp.CSS(shows)))
}

// login goes through the door as a sample member of staff.
func (b *browser) login(name string) {
	b.t.Helper()
	b.open("/login?lang=fr")
	row := `tr[data-login="` + name + `"]`
	b.sees(row)
	code, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.querySelector('`+row+`').dataset.code`))
	if err != nil {
		b.t.Fatal(err)
	}
	b.do(chromedp.Focus(chromedp.CSS("#f-login")), chromedp.KeyEvent(name+kb.Tab+seed.Password+kb.Tab+code+kb.Enter))
	b.sees("details.me")
}

// picture keeps what the browser shows.
func (b *browser) picture(name string) {
	b.t.Helper()
	b.until(`document.fonts.status === "loaded"`)
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	dir := *pictures
	if dir == "" {
		dir = b.t.ArtifactDir()
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// hand is one phone on the page, in somebody's hand.
type hand struct {
	*browser
	on string
}

func (b *browser) handset(number string) hand {
	return hand{b, fmt.Sprintf(`[data-msisdn=%q]`, number)}
}

// dial clears away what the phone shows and dials a code on its keys.
func (h hand) dial(code string) {
	h.t.Helper()
	h.sees(h.on + " .pad")
	h.until(`(() => { const p = document.querySelector('` + h.on + `'); if (p.dataset.where === "idle") return true;
		p.querySelector('[data-key="red"]').click(); return false })()`)
	for _, key := range code {
		h.do(chromedp.Click(chromedp.CSS(h.on + ` [data-key="` + string(key) + `"]`)))
	}
	h.do(chromedp.Click(chromedp.CSS(h.on + ` [data-key="green"]`)))
	h.until(h.state("open"))
}

// answer keys answers on the computer's keyboard, each on the screen that the
// one before brought.
func (h hand) answer(inputs ...string) {
	h.t.Helper()
	for _, input := range inputs {
		h.until(h.state("open"))
		before, err := chromedp.Run(h.ctx, chromedp.Evaluate[string](`document.querySelector('`+h.on+` .lines').dataset.drawn`))
		if err != nil {
			h.t.Fatal(err)
		}
		h.do(chromedp.Focus(chromedp.CSS(h.on+" .entry")), chromedp.KeyEvent(input+kb.Enter))
		h.until(`(` + h.state("open") + ` || ` + h.state("ended") + `) && document.querySelector('` + h.on + ` .lines').dataset.drawn !== ` + quote(before))
	}
}

func (h hand) state(s string) string {
	return `document.querySelector('` + h.on + ` .view').dataset.state === "` + s + `"`
}

func quote(s string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`", "$", "\\$").Replace(s) + "`"
}
