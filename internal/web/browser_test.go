package web_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/wasl-sms/wasl/internal/desk"
	"github.com/wasl-sms/wasl/internal/text"
)

// chromium opens a tab of a browser of its own. What the browser complains of,
// a refused script or style above all, fails the test.
func chromium(t *testing.T) context.Context {
	t.Helper()
	dir, err := os.MkdirTemp("", "wasl-chromium-") //nolint:usetesting // the browser writes until after the test's own cleaning
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(dir),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.NoFirstRun, chromedp.Flag("disable-dev-shm-usage", true))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx)
		cancel()
	})
	listen(t, ctx)
	return ctx
}

// listen fails the test on what the browser complains of until it ends.
func listen(t *testing.T, ctx context.Context) { //nolint:revive // t first, as in every helper here
	t.Helper()
	var done sync.WaitGroup
	on, off := context.WithCancel(ctx)
	err := chromedp.Do(ctx, func(_ context.Context, target *chromedp.Target) (none chromedp.Void, err error) {
		if _, err = cdp.Call(ctx, target, log.Enable, cdp.Empty{}); err != nil {
			return none, err
		}
		entries := cdp.Events(on, target, log.EntryAdded)
		done.Go(func() {
			for e, err := range entries {
				if err != nil {
					return
				}
				if e.Entry.Level == log.EntryLevelError && !strings.Contains(e.Entry.Text, "status of") {
					t.Errorf("the browser complains: %s %s", e.Entry.Text, e.Entry.URL)
				}
			}
		})
		return none, nil
	})
	if err != nil {
		off()
		t.Fatalf("browser tests need chromium (apt-get install chromium): %v", err)
	}
	t.Cleanup(func() {
		off()
		done.Wait()
	})
}

// patience is for a slow machine; nothing is measured.
const patience = 20 * time.Second

func run(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) { //nolint:revive // t first
	t.Helper()
	soon, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := chromedp.Do(soon, steps...); err != nil {
		where, _ := chromedp.Run(ctx, chromedp.Location())
		body, _ := chromedp.Run(ctx, chromedp.Text(chromedp.CSS("body")))
		t.Fatalf("%v at %s:\n%s", err, where, body)
	}
}

func get[T any](t *testing.T, ctx context.Context, a chromedp.Action[T]) T { //nolint:revive // t first
	t.Helper()
	soon, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	v, err := chromedp.Run(soon, a)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// loginBy fills the door's three fields by keyboard.
func (w *world) loginBy(t *testing.T, ctx context.Context, name string) { //nolint:revive // t first
	t.Helper()
	run(t, ctx,
		chromedp.Navigate(w.site.URL+"/login"),
		chromedp.WaitVisible(chromedp.CSS("#f-login")),
		chromedp.Focus(chromedp.CSS("#f-login")), // autofocus may come later than the first key
		chromedp.KeyEvent(name+kb.Tab+password+kb.Tab+w.code()+kb.Enter),
		chromedp.WaitVisible(chromedp.CSS("details.me")),
	)
	if who := get(t, ctx, chromedp.Text(chromedp.CSS("details.me summary"))); !strings.Contains(who, name) {
		where, _ := chromedp.Run(ctx, chromedp.Location())
		t.Fatalf("logged in as %q at %s, not as %s", who, where, name)
	}
}

// artefact is where pictures are kept.
func artefact(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("WASL_ARTEFACTS")
	if dir == "" {
		dir = t.ArtifactDir()
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

// shoot takes a page in both widths and both themes, and fails when it scrolls
// sideways or runs the wrong way.
func (w *world) shoot(t *testing.T, ctx context.Context, lang text.Lang, name, path string, before ...chromedp.Action[chromedp.Void]) { //nolint:revive // t first
	t.Helper()
	run(t, ctx, chromedp.Navigate(w.site.URL+path))
	run(t, ctx, before...)
	for _, width := range []int64{1280, 320} {
		for _, theme := range []string{"light", "dark"} {
			run(t, ctx, chromedp.EmulateViewport(width, 900), func(ctx context.Context, target *chromedp.Target) (none chromedp.Void, err error) {
				_, err = cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
					Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}},
				})
				return none, err
			})
			run(t, ctx, chromedp.WaitReady(chromedp.CSS("body > footer")), chromedp.Evaluate[chromedp.Void](`document.fonts.ready.then(() => 1)`, chromedp.EvalAwaitPromise))
			file := fmt.Sprintf("%s-%s-%d-%s.png", name, lang, width, theme)
			if name != "unknown" && get(t, ctx, chromedp.Evaluate[bool](`document.body.classList.contains("page-failure")`)) {
				t.Errorf("%s shows a failure", file)
			}
			if out := get(t, ctx, chromedp.Evaluate[[]string](sideways)); len(out) > 0 {
				t.Errorf("%s scrolls sideways: %s", file, out)
			}
			want := "ltr"
			if lang == text.Arabic {
				want = "rtl"
			}
			if dir := get(t, ctx, chromedp.Evaluate[string](`document.dir`)); dir != want {
				t.Errorf("%s runs %s", file, dir)
			}
			contrast(t, ctx, file)
			tall := get(t, ctx, chromedp.Evaluate[int64](`document.documentElement.scrollHeight`))
			run(t, ctx, chromedp.EmulateViewport(width, max(900, tall)))
			if err := os.WriteFile(artefact(t, file), get(t, ctx, chromedp.CaptureScreenshot()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// sideways lists what sticks out of the window to either side.
const sideways = `(() => {
	scrollTo(0, 0);
	const out = [...document.querySelectorAll("body *")].filter((e) => {
		if (e.closest(".skip, .hide, svg") || !e.checkVisibility()) return false;
		const r = e.getBoundingClientRect();
		return r.width > 0 && (r.right > innerWidth + 1 || r.left < -1);
	}).slice(0, 5).map((e) => e.tagName + "." + e.className);
	const d = document.documentElement;
	if (d.scrollWidth > innerWidth || scrollX !== 0) out.push("page " + d.scrollWidth + " at " + scrollX);
	return out;
})()`

// contrast finds text that is too close to what lies behind it (WCAG 2.2 §1.4.3).
func contrast(t *testing.T, ctx context.Context, where string) { //nolint:revive // t first
	t.Helper()
	faint := get(t, ctx, chromedp.Evaluate[[]string](`(() => {
		const rgb = (s) => { const m = s.match(/[\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
		const lum = (c) => { const f = c.slice(0, 3).map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * f[0] + 0.7152 * f[1] + 0.0722 * f[2]; };
		const out = [];
		const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
		while (walk.nextNode()) {
			const el = walk.currentNode.parentElement;
			if (!walk.currentNode.data.trim() || el.closest(".hide, .skip, script, option") || !el.checkVisibility()) continue;
			const style = getComputedStyle(el);
			let behind = [0, 0, 0, 0];
			for (let e = el; e; e = e.parentElement) {
				const c = rgb(getComputedStyle(e).backgroundColor);
				if (c[3] === 1) { behind = c; break; }
			}
			if (behind[3] === 0) continue;
			const a = lum(rgb(style.color)), b = lum(behind);
			const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
			if (ratio < 4.5) out.push(walk.currentNode.data.trim().slice(0, 30) + " " + ratio.toFixed(2) + " " + el.className);
		}
		return out.slice(0, 5);
	})()`))
	for _, s := range faint {
		t.Errorf("%s: too faint: %s", where, s)
	}
}

// A decision by keyboard alone, from the inbox to its confirmation.
func TestDecideByKeyboard(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.staff("directeur", text.French, desk.Grant{Role: desk.Authority, AuthorityID: w.authority("DIR", "AINS")})
	first := w.request(w.family(text.French, 0), "41207")
	w.request(w.family(text.Arabic, 1), "41207")
	ctx := chromium(t)
	w.loginBy(t, ctx, "directeur")
	run(t, ctx,
		chromedp.KeyEvent("?"), chromedp.WaitVisible(chromedp.CSS("#keys[open]")),
		chromedp.KeyEvent("j"), chromedp.KeyEvent("j"), chromedp.KeyEvent("k"), chromedp.KeyEvent("g"),
		chromedp.WaitVisible(chromedp.CSS("form[action$='/check']")),
		chromedp.Focus(chromedp.CSS("textarea")), chromedp.KeyEvent(kb.Tab+kb.Enter),
		chromedp.WaitVisible(chromedp.CSS("form[action$='/decide'] button")),
		chromedp.KeyEvent(kb.Enter),
		chromedp.WaitVisible(chromedp.CSS(".confirm h1")),
	)
	title := get(t, ctx, chromedp.Text(chromedp.CSS(".confirm h1")))
	var state string
	w.Scan(&state, `select state from case_file where id = $1`, first.ID)
	if state != "GRANTED" || !strings.Contains(title, "Décision prise") {
		t.Errorf("%s, and the page says %q", state, title)
	}
	// The tick moves by itself when the operator takes the text and delivers it.
	for part, word := range map[string]string{"accepted": "Envoyé"} {
		_, err := w.DB.Exec(ctx, `update message_part set state = $1, sent_at = now(), accepted_at = now() where message_id in
			(select id from message where case_id = $2)`, part, first.ID)
		w.Must(err)
		run(t, ctx, chromedp.WaitVisible(chromedp.CSS(".t-"+part)))
		if shown := get(t, ctx, chromedp.Text(chromedp.CSS(".t-"+part))); !strings.Contains(shown, word) {
			t.Errorf("tick says %q", shown)
		}
	}
}
