package aggregator_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/aggregator"
	"github.com/wasl-sms/wasl/ussd"
)

const (
	sorry = "Réessayez plus tard."
	busy  = "Trop de demandes."
)

// scripted is a dialogue that writes down what it is asked, and says what the
// test wants.
type scripted struct {
	mu    sync.Mutex
	asked []ussd.Request
	says  func(ctx context.Context, r ussd.Request) ussd.Reply
}

func (s *scripted) Step(ctx context.Context, _ string, _ ussd.Budget, r ussd.Request) ussd.Reply {
	s.mu.Lock()
	s.asked = append(s.asked, r)
	says := s.says
	s.mu.Unlock()
	if says == nil {
		return ussd.Reply{Text: "1 Oui & non\n0 <Retour>", End: r.Input == "9" || strings.HasSuffix(r.Input, "*9")}
	}
	return says(ctx, r)
}

func (s *scripted) last() ussd.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.asked) == 0 {
		return ussd.Request{}
	}
	return s.asked[len(s.asked)-1]
}

func (s *scripted) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

func prefix(s string) []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix(s)} }

// endpoint is one of a format that lets this machine in.
func endpoint(t testing.TB, format string) *aggregator.Endpoint {
	t.Helper()
	f, ok := aggregator.Lookup(format)
	if !ok {
		t.Fatalf("no format %q", format)
	}
	e := &aggregator.Endpoint{
		Operator: "north", Region: "MA", Code: "*369#", Path: "/ussd/north", Format: f, Door: f.Door(),
		Budget: f.Budget, Deadline: 2 * time.Second,
	}
	e.Door.Allow = prefix("127.0.0.0/8")
	return e
}

func handler(t testing.TB, d aggregator.Dialogue, e *aggregator.Endpoint) *aggregator.Handler {
	t.Helper()
	h, err := aggregator.New(aggregator.Config{
		Find: func(path string) (*aggregator.Endpoint, bool) {
			return e, path == e.Path || strings.HasPrefix(path, e.Path+"/")
		},
		Dialogue: d, Apology: func() string { return sorry }, Busy: func() string { return busy },
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// call sends the octets of a request and gives the octets of the answer, but
// for the headers that any answer has.
func call(t testing.TB, h http.Handler, r *http.Request) string {
	t.Helper()
	if r.RemoteAddr == "192.0.2.1:1234" { // httptest's
		r.RemoteAddr = "127.0.0.1:5555"
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var b strings.Builder
	fmt.Fprintln(&b, w.Code)
	for _, name := range []string{"Content-Type", "Freeflow", "Charge", "Amount", "Allow"} {
		if v := w.Header().Get(name); v != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, v)
		}
	}
	return b.String() + "\n" + w.Body.String()
}
