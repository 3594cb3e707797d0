package outbox_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/outbox"
	"github.com/wasl-sms/wasl/internal/run/runtest"
)

// An operator refuses one write in the middle of a full window, and what comes
// within a while after it. Nothing overtakes what was refused, once the window
// that was already out is through; then the whole window is used again.
func TestThrottlingInTheMiddleOfAWindow(t *testing.T) {
	t.Parallel()
	f := setUp(t, nil)
	f.clock.runs = true
	const all = 60
	var list []message.Outbound
	for n := range all {
		list = append(list, told(n, message.Information))
	}
	f.enqueue(t, list...)
	op := &operator{}
	widest := 0
	op.answer = func(n int, p outbox.Part) (outbox.Answer, bool) {
		if n > 10 { // after the refusals
			widest = max(widest, len(op.open)+1)
		}
		return outbox.Answer{}, false
	}
	f.serve(t, north, op)
	runtest.Eventually(t, "the window is out", func() bool { return op.count() == 10 })
	// From the fourth on the operator takes no more of this window.
	op.mu.Lock()
	open := op.open
	op.open = nil
	op.mu.Unlock()
	for i, done := range open {
		if i < 3 {
			done(outbox.Answer{Outcome: outbox.Sent, ID: fmt.Sprint("m", i)})
		} else {
			done(outbox.Answer{Outcome: outbox.Throttled, Code: 0x58})
		}
	}
	runtest.Eventually(t, "one is risked after the rest", func() bool { return op.count() == 11 })
	answer := func() {
		op.mu.Lock()
		defer op.mu.Unlock()
		for i, done := range op.open {
			done(outbox.Answer{Outcome: outbox.Sent, ID: fmt.Sprint("n", len(op.ledger), i)})
		}
		op.open = nil
	}
	answer()
	runtest.Eventually(t, "the whole window is used again", func() bool { return op.count() == 21 })
	runtest.Eventually(t, "all are accepted", func() bool { answer(); return f.states(t)["accepted"] == all })

	got := op.got()
	accepted := append(slices.Clone(got[:3]), got[10:]...)
	for i, body := range accepted {
		if want := fmt.Sprintf("permit.granted fr %d", i); body != want {
			t.Fatalf("place %d holds %q", i, body)
		}
	}
	if widest != north.Window {
		t.Errorf("%d at once after the rest, want %d", widest, north.Window)
	}
	if n := column[int](t, f, `select coalesce(sum(retries), 0)::int from message_part`); n[0] != 0 {
		t.Errorf("throttling counted %d retries", n[0])
	}
}

// While one bind is throttled another of the operator takes its parts.
func TestWhatIsThrottledGoesByAnotherBind(t *testing.T) {
	t.Parallel()
	f := setUp(t, nil)
	var list []message.Outbound
	for n := range 40 {
		list = append(list, told(n, message.Information))
	}
	f.enqueue(t, list...)
	full := &operator{answer: func(int, outbox.Part) (outbox.Answer, bool) {
		return outbox.Answer{Outcome: outbox.Throttled, Code: 0x14}, true
	}}
	f.serve(t, north, full)
	runtest.Eventually(t, "one bind is throttled", func() bool { return full.count() > 0 && f.states(t)["queued"] == 40 })
	other := north
	other.Bind = "north/2"
	op := &operator{answer: accept}
	f.serve(t, other, op)
	runtest.Eventually(t, "the other takes all", func() bool { return f.states(t)["accepted"] == 40 })
	if n := full.count(); n > north.Window {
		t.Errorf("%d parts were written to a bind that rests", n)
	}
}

func TestTemporaryRefusalsInARowRestTheLane(t *testing.T) {
	t.Parallel()
	f := setUp(t, nil)
	one := north
	one.Window = 1
	var list []message.Outbound
	for n := range 40 {
		list = append(list, told(n, message.Information))
	}
	f.enqueue(t, list...)
	op := &operator{}
	op.answer = func(n int, p outbox.Part) (outbox.Answer, bool) {
		if n <= 4 || n > 5 && n <= 10 { // four, one is taken, then five
			return outbox.Answer{Outcome: outbox.Temporary, Code: 8}, true
		}
		return accept(n, p)
	}
	f.serve(t, one, op)
	runtest.Eventually(t, "five in a row are refused", func() bool { s := f.states(t); return s["later"] == 9 && s["accepted"] == 1 })
	other := one
	other.Bind = "north/2"
	well := &operator{answer: accept}
	f.serve(t, other, well)
	runtest.Eventually(t, "another bind carries on", func() bool { return f.states(t)["accepted"] == 31 })
	if n := op.count(); n != 10 {
		t.Errorf("%d parts were written to a bind that rests", n)
	}
	f.clock.Advance(outboxRest)
	f.enqueue(t, told(100, message.Decision))
	runtest.Eventually(t, "it is accepted", func() bool { return f.states(t)["accepted"] == 32 })
}

func TestALaneRelievesOthersWhenAsked(t *testing.T) {
	t.Parallel()
	f := setUp(t, nil)
	runtest.Start(t, f.Run)
	var mu sync.Mutex
	var others []string
	south := outbox.Lane{Operator: "south", Bind: "south/1", Window: 10, Relieves: func() []string {
		mu.Lock()
		defer mu.Unlock()
		return others
	}}
	f.enqueue(t, told(1, message.Information), told(2, message.Code))
	op := &operator{}
	op.answer = func(n int, p outbox.Part) (outbox.Answer, bool) {
		if n <= 2 {
			return outbox.Answer{Outcome: outbox.Throttled}, true
		}
		return accept(n, p)
	}
	f.serve(t, south, op)
	f.clock.Advance(outboxRest)
	if s := f.states(t); s["queued"] != 2 {
		t.Fatalf("it took what it was not asked to: %v", s)
	}
	mu.Lock()
	others = []string{"north"}
	mu.Unlock()
	runtest.Eventually(t, "both are refused", func() bool { return op.count() == 2 && f.states(t)["queued"] == 2 })
	if got := op.got(); got[0] != "permit.granted fr 2" {
		t.Errorf("first went %q", got[0])
	}
	if got := column[string](t, f, `select distinct operator from message_part`); !slices.Equal(got, []string{"north"}) {
		t.Errorf("what was refused is with %v", got)
	}
	f.clock.Advance(outboxRest) // once: the code lives ten minutes
	runtest.Eventually(t, "both are accepted", func() bool { return f.states(t)["accepted"] == 2 })
	if got := column[string](t, f, `select distinct operator || ' ' || bind from message_part`); !slices.Equal(got, []string{"south south/1"}) {
		t.Errorf("what was accepted is with %v", got)
	}
	id := column[string](t, f, `select smsc_id from message_part order by id`)
	f.receive(t, outbox.Receipt{ID: id[0], Reached: true}) // of north: another part, of which nothing is known
	if err := f.Receive(t.Context(), outbox.Receipt{Operator: "south", ID: id[1], Reached: true}); err != nil {
		t.Fatal(err)
	}
	if s := f.states(t); s["delivered"] != 1 || s["accepted"] != 1 {
		t.Errorf("states are %v", s)
	}
}

// Fifty thousand texts of a campaign wait; whatever is more urgent goes next,
// as soon as the window has room.
func TestACampaignDelaysNoDecision(t *testing.T) {
	t.Parallel()
	f := setUp(t, nil)
	for at := 0; at < 50_000; at += 5000 {
		var list []message.Outbound
		for n := range 5000 {
			list = append(list, told(at+n, message.Campaign))
		}
		f.enqueue(t, list...)
	}
	op := &operator{answer: silent}
	f.serve(t, north, op)
	runtest.Eventually(t, "the campaign has begun", func() bool { return op.count() == north.Window })
	for n := range 5 {
		class := []message.Class{message.Decision, message.Information, message.Code, message.Gate, message.Decision}[n]
		before := op.count()
		f.enqueue(t, told(90_000+n, class))
		runtest.Eventually(t, "it is written", func() bool {
			op.cut()
			return slices.Contains(op.got(), fmt.Sprintf("permit.granted fr %d", 90_000+n))
		})
		at := slices.Index(op.got(), fmt.Sprintf("permit.granted fr %d", 90_000+n))
		if at-before > 2*north.Window { // what was out, and what was taken while it was promised
			t.Errorf("class %d waited for %d texts of the campaign", class, at-before)
		}
	}
}

// outboxRest is longer than any rest of a lane.
const outboxRest = 31 * time.Second
