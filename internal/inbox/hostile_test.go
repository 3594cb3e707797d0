package inbox_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/wasl-sms/wasl/internal/inbox"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/smpp/gsm"
)

// part is a part as anybody may claim it to be.
func part(n int, c gsm.Concat, body string) inbox.Arrival {
	a := says(n, body)
	a.Concat = c
	return a
}

// What senders, gateways and the ill-willed make of long texts. A text without
// a place among others is a text of its own.
func TestHostileParts(t *testing.T) {
	t.Parallel()
	f := setUp(t, inbox.Flood{})
	cases, texts, of, want := 0, 0, map[private.Msisdn]string{}, map[string][]string{}
	c := func(ref uint16, total, seq uint8) gsm.Concat { return gsm.Concat{Ref: ref, Total: total, Seq: seq} }
	wide := func(ref uint16, total, seq uint8) gsm.Concat {
		return gsm.Concat{Ref: ref, Wide: true, Total: total, Seq: seq}
	}
	for name, tc := range map[string]struct {
		parts []inbox.Arrival
		want  []string // whole texts
	}{
		"last part first": {
			[]inbox.Arrival{part(1, c(7, 3, 3), "c"), part(1, c(7, 3, 1), "a"), part(1, c(7, 3, 2), "b")},
			[]string{"abc"},
		},
		"each part twice": {
			[]inbox.Arrival{part(1, c(7, 2, 1), "a"), part(1, c(7, 2, 1), "a"), part(1, c(7, 2, 2), "b"), part(1, c(7, 2, 2), "b")},
			[]string{"ab"},
		},
		"two senders, one reference": {
			[]inbox.Arrival{part(1, c(7, 2, 1), "a"), part(2, c(7, 2, 2), "B"), part(1, c(7, 2, 2), "b"), part(2, c(7, 2, 1), "A")},
			[]string{"ab", "AB"},
		},
		"reference used again after the text was whole": {
			[]inbox.Arrival{part(1, c(7, 2, 1), "a"), part(1, c(7, 2, 2), "b"), part(1, c(7, 2, 1), "x"), part(1, c(7, 2, 2), "y")},
			[]string{"ab", "xy"},
		},
		"one reference in 8 and in 16 bits": {
			[]inbox.Arrival{part(1, c(7, 2, 1), "a"), part(1, wide(7, 2, 1), "x"), part(1, c(7, 2, 2), "b"), part(1, wide(7, 2, 2), "y")},
			[]string{"ab", "xy"},
		},
		"another total is another text": {
			[]inbox.Arrival{part(1, c(7, 2, 1), "a"), part(1, c(7, 3, 2), "2"), part(1, c(7, 2, 2), "b"), part(1, c(7, 3, 1), "1"), part(1, c(7, 3, 3), "3")},
			[]string{"ab", "123"},
		},
		"one part in Arabic, one not": {
			[]inbox.Arrival{part(1, c(7, 2, 1), "RDV "), part(1, c(7, 2, 2), "يوم الخميس")},
			[]string{"RDV يوم الخميس"},
		},
		"references at their ends": {
			[]inbox.Arrival{part(1, c(255, 2, 2), "b"), part(1, wide(65535, 2, 2), "y"), part(1, c(255, 2, 1), "a"), part(1, wide(65535, 2, 1), "x")},
			[]string{"ab", "xy"},
		},
	} {
		for _, a := range tc.parts { // each case has senders of its own
			sender := number(10 * cases)
			if a.From == number(2) {
				sender = number(10*cases + 1)
			}
			a.From, of[sender] = sender, name
			if _, err := f.Keep(t.Context(), a); err != nil {
				t.Fatal(err)
			}
		}
		cases++
		texts += len(tc.want)
		want[name] = tc.want
	}
	f.run(t)
	eventually(t, "all are done", func() bool { return f.states(t)["done"] >= texts })
	got := map[string][]string{}
	for _, in := range f.got {
		got[of[in.From]] = append(got[of[in.From]], in.Body.Raw())
	}
	for name := range want {
		slices.Sort(want[name])
		slices.Sort(got[name])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A header with part 0, or a part beyond the last, places a text nowhere.
func TestHeadersThatContradictThemselves(t *testing.T) {
	t.Parallel()
	for _, udh := range [][]byte{{5, 0, 3, 7, 2, 0}, {5, 0, 3, 7, 2, 3}, {5, 0, 3, 7, 0, 0}, {6, 8, 4, 0, 7, 2, 0}, {6, 8, 4, 0, 7, 2, 9}, {5, 0, 3, 7}} {
		if c, _, err := gsm.ParseHeader(udh); err == nil && c.Multipart() {
			t.Errorf("% x is taken for part %d of %d", udh, c.Seq, c.Total)
		}
	}
	// And were one to come through, it is refused and nobody else is held up.
	f := setUp(t, inbox.Flood{})
	for _, bad := range []gsm.Concat{{Ref: 7, Total: 2, Seq: 0}, {Ref: 7, Total: 2, Seq: 3}} {
		if v, err := f.Keep(t.Context(), part(1, bad, "x")); err == nil && v != inbox.Stored {
			t.Errorf("%+v is %v", bad, v)
		}
	}
	f.keep(t, says(2, "RDV"), inbox.Stored)
}

// All 255 parts of a text nobody would write are one text, and count as one
// against their sender only when they are whole.
func TestTheLongestText(t *testing.T) {
	t.Parallel()
	f := setUp(t, inbox.Flood{Burst: 3, Every: time.Minute})
	var wg sync.WaitGroup
	for i := range 255 {
		wg.Go(func() {
			if _, err := f.Keep(t.Context(), part(1, gsm.Concat{Ref: 7, Total: 255, Seq: uint8(i + 1)}, fmt.Sprintf("%03d", i+1))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	f.run(t)
	eventually(t, "it is done", func() bool { return f.states(t)["done"] == 1 })
	if body := f.bodies()[0]; len(body) != 765 || !strings.HasPrefix(body, "001002") || !strings.HasSuffix(body, "254255") {
		t.Errorf("joined to %d characters", len(body))
	}
}

// A text the database does not take fails alone, whoever's come with it.
func TestOneTextFailsAlone(t *testing.T) {
	t.Parallel()
	f := setUp(t, inbox.Flood{})
	var wg sync.WaitGroup
	for n := range 30 {
		wg.Go(func() {
			a := says(n, fmt.Sprint("text ", n))
			if n%10 == 3 {
				a.To = "36\x0090" // no text of the database's
			}
			v, err := f.Keep(t.Context(), a)
			if bad := n%10 == 3; bad != (err != nil) || !bad && v != inbox.Stored {
				t.Errorf("text %d is %v, %v", n, v, err)
			}
		})
	}
	wg.Wait()
	if s := f.states(t); s["waiting"] != 27 {
		t.Errorf("states are %v", s)
	}
}

// While the database is slow a text is refused in time, so that it comes again,
// and is stored once.
func TestASlowDatabaseLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	f := setUp(t, inbox.Flood{})
	lock, err := f.db.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Rollback(context.WithoutCancel(t.Context())) }()
	if _, err := lock.Exec(t.Context(), `lock table inbox in access exclusive mode`); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var refused atomic.Int32
	for n := range 20 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if _, err := f.Keep(ctx, says(n, "RDV")); err != nil {
				refused.Add(1)
			}
		})
	}
	eventually(t, "those that wait are refused", func() bool { return refused.Load() >= 19 }) // one waits for all
	if err := lock.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	for n := range 20 {
		if _, err := f.Keep(t.Context(), says(n, "RDV")); err != nil { // the operator sends it again
			t.Fatal(err)
		}
	}
	if s := f.states(t); s["waiting"] != 20 {
		t.Errorf("states are %v", s)
	}
}

// A text that was under way when its process died, more than once, is handed on
// with nothing else under way; deaths alone set nobody's text aside soon.
func TestATextThatWasLostIsHandedOnAlone(t *testing.T) {
	t.Parallel()
	f := setUp(t, inbox.Flood{})
	for n := range 12 {
		f.keep(t, says(n, fmt.Sprint("text ", n)), inbox.Stored)
	}
	if _, err := f.db.Exec(t.Context(), `update inbox set state = 'claimed', tries = 1, lost = case when id % 4 = 0 then 6 else 0 end,
		lease_until = now() - interval '1 second'`); err != nil {
		t.Fatal(err)
	}
	var under, crowded atomic.Int32
	var begun sync.Once
	suspected := make(chan struct{})
	f.fail = func(in message.Inbound) error {
		n := under.Add(1)
		defer under.Add(-1)
		if in.ID%4 == 0 {
			begun.Do(func() { close(suspected) })
			if n > 1 {
				crowded.Add(1)
			}
			return nil
		}
		select { // an ordinary text is under way until one that was lost before is, or for long enough
		case <-suspected:
		case <-time.After(500 * time.Millisecond):
		}
		return nil
	}
	f.run(t)
	eventually(t, "all are done", func() bool {
		f.clock.Advance(10 * time.Second)
		return f.states(t)["done"] == 12
	})
	if crowded.Load() > 0 {
		t.Error("others were under way with a text that was lost before")
	}
}

// What is counted at the door and behind it.
func TestMetrics(t *testing.T) {
	t.Parallel()
	f := setUp(t, inbox.Flood{})
	reg := prometheus.NewRegistry()
	f.Inbox = inbox.New(inbox.Config{
		DB: f.db, Vault: ring, Texts: f.service, Metrics: inbox.NewMetrics(reg), Now: f.clock.Now, Flood: inbox.Flood{Burst: 2, Every: time.Hour},
	})
	f.fail = func(in message.Inbound) error {
		if in.Body.Raw() == "poison" {
			panic("as the text wishes")
		}
		return nil
	}
	f.keep(t, says(1, "RDV"), inbox.Stored)
	f.keep(t, says(1, "RDV"), inbox.Repeated)
	f.keep(t, says(1, "poison"), inbox.Stored)
	f.keep(t, says(1, "one too many"), inbox.Flooded)
	f.keep(t, parts(2, 7, false, long)[0], inbox.Waiting)
	f.run(t)
	eventually(t, "one is done and one set aside", func() bool {
		f.clock.Advance(5 * time.Second)
		s := f.states(t)
		return s["quarantined"] == 1 && s["done"] >= 1
	})
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			name := family.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			got[name] = m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	for name, n := range map[string]float64{
		"mo_total north stored": 2, "mo_total north repeated": 1, "mo_total north flooded": 1, "mo_total north waiting": 1,
		"mo_handed_total quarantined": 1,
	} {
		if got[name] != n {
			t.Errorf("%s is %v, want %v", name, got[name], n)
		}
	}
	if got["mo_answer_seconds"] < 1 {
		t.Errorf("no time to an answer among %v", got)
	}
}
