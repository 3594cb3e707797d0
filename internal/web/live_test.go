package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/wasl-sms/wasl/internal/desk"
	"github.com/wasl-sms/wasl/internal/links"
	"github.com/wasl-sms/wasl/internal/run/runtest"
	"github.com/wasl-sms/wasl/internal/text"
)

// A page that follows what moves goes on after an answer that failed.
func TestLivePageOutlivesAFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.bind(links.Standing{})
	w.staff("admin", text.French, desk.Grant{Role: desk.Admin})
	office := w.site.Config.Handler
	var broken atomic.Bool
	var failed atomic.Int64
	w.site = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if broken.Load() && strings.HasSuffix(r.URL.Path, "/live") {
			failed.Add(1)
			http.Error(rw, "", http.StatusInternalServerError)
			return
		}
		office.ServeHTTP(rw, r)
	}))
	t.Cleanup(w.site.Close)
	ctx := chromium(t)
	w.loginBy(t, ctx, "admin")
	broken.Store(true)
	run(t, ctx, chromedp.Navigate(w.site.URL+"/operators/north"), chromedp.WaitVisible(chromedp.CSS(".s-bound")),
		chromedp.Evaluate[chromedp.Void](`document.getElementById("live").dataset.every = "0.1", undefined`))
	runtest.Within(t, patience, "the page has asked and failed", func() bool { return failed.Load() > 0 })
	w.bind(links.Standing{State: links.Paused})
	broken.Store(false)
	run(t, ctx, chromedp.WaitVisible(chromedp.CSS(".s-paused")))
}
