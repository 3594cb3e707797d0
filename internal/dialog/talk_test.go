package dialog_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/wasl-sms/wasl/internal/dialog"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/ussd"
)

// TestEveryTextTwice hands each text of a conversation in several times, at
// once, from two processes, and again later.
func TestEveryTextTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dialog.Limits{}, nil)
	other, err := dialog.New(w.config)
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{"RDV 12345", pin, "2", "9"}
	for i, body := range texts {
		w.pass(10 * time.Second)
		in := w.inbox(known, body)
		var wg sync.WaitGroup
		for n := range 6 {
			d := []*dialog.Dialog{w.dialog, other}[n%2]
			wg.Go(func() {
				if err := d.Receive(context.Background(), in); err != nil {
					t.Errorf("%q: %v", body, err)
				}
			})
		}
		wg.Wait()
		w.pass(time.Second)
		if err := other.Receive(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		if n := w.count("select count(*) from told"); n != i+1 {
			t.Fatalf("after %q: %d replies, want %d", body, n, i+1)
		}
	}
	if n := w.effects(); n != 1 {
		t.Errorf("%d effects, want 1", n)
	}
	// Another errand stands at its confirmation when old texts come once more:
	// none of them may confirm it.
	p := w.phone(known)
	for _, body := range texts[:3] {
		if err := p.Text(t.Context(), body); err != nil {
			t.Fatal(err)
		}
	}
	for i, body := range texts {
		in := message.Inbound{ID: int64(i + 1), Operator: "demo", From: private.StoredMsisdn(known), Body: private.NewBody(body), At: w.Now()}
		if err := w.dialog.Receive(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.count("select count(*) from told"); n != len(texts)+3 || w.effects() != 1 {
		t.Errorf("%d replies and %d effects after old texts came again", n, w.effects())
	}
}

// TestLoopComesToAnEnd lets two machines answer each other.
func TestLoopComesToAnEnd(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"I am out of the office", "AIDE", "7777777", "🙂", "1 2 3 4"} {
		w := newWorld(t, dialog.Limits{HelpPerDay: 8}, nil)
		for range 40 {
			if err := w.phone(unknown).Text(t.Context(), body); err != nil {
				t.Fatal(err)
			}
		}
		if n := w.count("select count(*) from told"); n > 8 {
			t.Errorf("%q repeated 40 times got %d replies", body, n)
		}
		if strings.Contains(body, "office") && w.count("select count(*) from unread_text") != 40 {
			t.Error("texts that nobody could read are not marked for staff")
		}
	}
}

func TestStopHoldsAndOnlyStartEndsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dialog.Limits{}, nil)
	p := w.phone(known)
	for _, c := range []struct {
		body string
		out  int
	}{
		{"STOP", 1},
		{"AIDE", 1},
		{"RDV", 1},
		{"start", 0},
		{" Stop. ", 1},
		{"START", 0},
		{"توقف", 1},
		{"ابدأ", 0},
		{"unsubscribe", 1},
		{"bda", 0},
		{"please stop the bus", 0},
		{"stop 12345671", 0},
		{"7BES", 1},
	} {
		if err := p.Text(t.Context(), c.body); err != nil {
			t.Fatal(err)
		}
		if n := w.count("select count(*) from account where opt_out_at is not null"); n != c.out {
			t.Fatalf("after %q: %d opted out, want %d", c.body, n, c.out)
		}
	}
}

func TestLongTextsAndNonsense(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dialog.Limits{}, nil)
	p := w.phone(known)
	for _, body := range []string{strings.Repeat("x", 2000), strings.Repeat("ا", 2000), "\xff\xfe", "", " ", "\u202e369", strings.Repeat("1 ", 900), "98", "0", "00", "#"} {
		if err := p.Text(t.Context(), body); err != nil {
			t.Errorf("%.20q: %v", body, err)
		}
		if s := p.keys("*369#", pin, body); s.Text == "" {
			t.Errorf("%.20q: no screen", body)
		}
	}
	if len(w.faults.all) > 0 {
		t.Errorf("faults: %v", w.faults.all)
	}
}

// TestRandomWalk keys and texts at random: every input is answered within the
// budget, nothing faults, and each receipt is one effect.
func TestRandomWalk(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dialog.Limits{Steps: 1000, PerHour: 100_000, Session: 24 * time.Hour, HelpPerDay: 100_000}, nil)
	budget := ussd.DefaultBudget()
	walks := 0
	rapid.Check(t, func(r *rapid.T) {
		walks++
		p := w.phone([]string{known, fmt.Sprintf("+2126100%05d", walks)}[rapid.IntRange(0, 1).Draw(r, "who")])
		w.pass(2 * time.Hour)
		receipts, before := 0, w.effects()
		inputs := rapid.SampledFrom([]string{"*369#", pin, pin, "1", "1", "2", "3", "9", "9", "0", "00", "98", "#", "12345", "12345", "05031985", "7", "", "?", "١", "x"})
		for range rapid.IntRange(5, 25).Draw(r, "steps") {
			in := inputs.Draw(r, "input")
			if p.session == "" {
				in = "*369#"
			}
			s := p.keys(in)
			if err := ussd.Fits(ussd.Screen{Body: s.Text}, budget); err != nil || s.Text == "" {
				r.Fatalf("%q gives %q: %v", in, s.Text, err)
			}
			for _, done := range []string{"numéro :", "Ra9mek", "رقمك", "number:"} {
				if s.End && strings.Contains(s.Text, done) {
					receipts++
				}
			}
			if s.End {
				p.session = ""
			}
		}
		if n := w.effects() - before; n != receipts {
			r.Fatalf("%d effects for %d receipts", n, receipts)
		}
		if len(w.faults.all) > 0 {
			r.Fatalf("faults: %v", w.faults.all)
		}
	})
}
