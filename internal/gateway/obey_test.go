package gateway_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/links"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/run/runtest"
	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/ussd"
)

// wish says as staff what a bind of operator north should do.
func (f *fixture) wish(t testing.TB, bind string, w links.Wish) {
	t.Helper()
	runtest.Eventually(t, "the bind is known to staff", func() bool {
		list, err := f.wishes.Operators(t.Context())
		return err == nil && slices.ContainsFunc(list, func(o links.Operator) bool {
			return o.Operator == "north" && slices.ContainsFunc(o.Binds, func(b links.Bind) bool { return b.Name == bind })
		})
	})
	all, err := f.wishes.Wishes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	version := all[links.Name{Operator: "north", Bind: bind}].Version
	err = f.db.InTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		return f.wishes.Wish(ctx, tx, "north", bind, w, version, 7)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// stands waits until staff see a bind of operator north in that state.
func (f *fixture) stands(t testing.TB, bind string, want links.State) {
	t.Helper()
	var last links.State
	runtest.Eventually(t, fmt.Sprintf("bind %s is told as %s", bind, want), func() bool {
		list, err := f.wishes.Operators(t.Context())
		if err != nil || len(list) == 0 {
			return false
		}
		for _, b := range list[0].Binds {
			if b.Name == bind && !b.At[0].Stale {
				last = b.At[0].State
			}
		}
		return last == want
	})
}

func TestAPausedBindSendsNoTextsAndStaysBound(t *testing.T) {
	t.Parallel()
	f := setUp(t, oneBind)
	f.tell(t, told(1, "before"))
	runtest.Eventually(t, "it is accepted", func() bool { return f.states(t, "message_part")["accepted"] == 1 })
	f.wish(t, "1", links.Pause)
	f.stands(t, "1", links.Paused)

	f.tell(t, told(2, "meanwhile"))
	_ = f.deliver(t, says(3, "RDV"))
	runtest.Eventually(t, "a text is taken", func() bool { return len(f.service.bodies()) == 1 })
	_ = f.deliver(t, receiptFor(f.submitted()[0], "1", "DELIVRD"))
	if s := f.states(t, "message_part"); s["delivered"] != 1 {
		t.Errorf("the receipt had no effect: %v", s)
	}
	_ = f.deliver(t, keyed(4, ussd.OpPSSRIndication, "*369#"))
	runtest.Eventually(t, "a page is sent", func() bool { return f.count() == 2 })
	if m := f.submitted()[1]; m.ServiceType != "USSD" {
		t.Errorf("sent while paused: %v", m)
	}
	if up, all := f.BindsUp(); up != 1 || all != 1 {
		t.Errorf("%d of %d binds up", up, all)
	}

	f.wish(t, "1", links.Run)
	f.stands(t, "1", links.Bound)
	runtest.Eventually(t, "what waited is accepted", func() bool { return f.states(t, "message_part")["accepted"] == 1 })
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.links) != 1 {
		t.Errorf("%d sessions: the link was broken for a pause", len(f.links))
	}
}

// Staff see a bind as paused once nothing more can be written on it, and not
// while what was taken before is still under way.
func TestABindIsPausedOnceItsLaneHasEnded(t *testing.T) {
	t.Parallel()
	f := setUp(t, oneBind)
	release := make(chan struct{})
	end := sync.OnceFunc(func() { close(release) })
	t.Cleanup(end)
	f.mu.Lock()
	f.answer = func(n int, _ smpp.ShortMessage) (smpp.Reply, error) {
		<-release
		return smpp.Reply{MessageID: fmt.Sprintf("%X", n)}, nil
	}
	f.mu.Unlock()
	f.tell(t, told(1, "x"))
	runtest.Eventually(t, "it is written", func() bool { return f.count() == 1 })
	f.wish(t, "1", links.Pause)
	runtest.Eventually(t, "the bind is told", func() bool { return f.logs.count("wish for a bind") == 1 })
	_ = f.deliver(t, says(2, "RDV"))
	if s := f.Status()[0].State; s != links.Bound {
		t.Errorf("told as %s while a text is out", s)
	}
	end()
	f.stands(t, "1", links.Paused)
	if s := f.states(t, "message_part"); s["accepted"] != 1 {
		t.Errorf("left behind: %v", s)
	}
}

func TestADrainedBindFinishesAndLeaves(t *testing.T) {
	t.Parallel()
	f := setUp(t, oneBind)
	release := make(chan struct{})
	f.mu.Lock()
	f.answer = func(n int, _ smpp.ShortMessage) (smpp.Reply, error) {
		<-release
		return smpp.Reply{MessageID: fmt.Sprintf("%X", n)}, nil
	}
	f.mu.Unlock()
	var list []message.Outbound
	for n := range 30 {
		list = append(list, told(n, fmt.Sprint("text ", n)))
	}
	f.tell(t, list...)
	runtest.Eventually(t, "the window is full", func() bool { return f.count() == 8 })
	f.wish(t, "1", links.Drain)
	f.stands(t, "1", links.Draining)
	close(release)
	f.stands(t, "1", links.Drained)
	if s := f.states(t, "message_part"); s["accepted"] != f.count() || s["in_doubt"] != 0 {
		t.Errorf("left behind: %v, the operator has %d", s, f.count())
	}
	f.mu.Lock()
	if !slices.Contains(f.seen, smpp.Unbind) {
		t.Error("dropped without unbind")
	}
	f.mu.Unlock()
	if up, all := f.BindsUp(); up != 0 || all != 0 {
		t.Errorf("%d of %d up: what staff drained counts as missing", up, all)
	}
	f.wish(t, "1", links.Run)
	f.stands(t, "1", links.Bound)
	runtest.Eventually(t, "the rest is accepted", func() bool { return f.states(t, "message_part")["accepted"] == 30 })
}

// A gateway that starts obeys what was wished before from its first moment.
func TestWishesOutliveTheProcess(t *testing.T) {
	t.Parallel()
	for wish, state := range map[links.Wish]links.State{links.Pause: links.Paused, links.Drain: links.Drained} {
		t.Run(string(wish), func(t *testing.T) {
			t.Parallel()
			f := setUp(t, oneBind)
			f.wish(t, "1", wish)
			f.stands(t, "1", state)
			f.stop()
			f.stands(t, "1", links.Down) // and why: stopped
			f.tell(t, told(1, "x"))
			f.mu.Lock()
			before := len(f.links)
			f.mu.Unlock()
			f.start(t)
			f.stands(t, "1", state)
			runtest.Eventually(t, "its whole standing is told", func() bool {
				list, err := f.wishes.Operators(t.Context())
				return err == nil && list[0].Binds[0].Wish == wish && list[0].ShortCodes[0] == "3690"
			})
			f.mu.Lock()
			bound := len(f.links) - before
			f.mu.Unlock()
			if want := map[links.Wish]int{links.Pause: 1, links.Drain: 0}[wish]; bound != want || f.count() != 0 {
				t.Errorf("bound %d times, sent %d texts", bound, f.count())
			}
		})
	}
}

func TestWhatABindDoesIsCounted(t *testing.T) {
	t.Parallel()
	f := setUp(t, oneBind)
	f.mu.Lock()
	f.answer = func(n int, _ smpp.ShortMessage) (smpp.Reply, error) {
		if n == 1 {
			return smpp.Reply{}, smpp.ErrInvDstAdr
		}
		return smpp.Reply{MessageID: fmt.Sprintf("%X", n)}, nil
	}
	f.mu.Unlock()
	f.tell(t, told(1, "x"), told(2, "y"))
	runtest.Eventually(t, "both are settled", func() bool {
		s := f.states(t, "message_part")
		return s["accepted"] == 1 && s["refused"] == 1
	})
	_ = f.deliver(t, receiptFor(f.submitted()[1], "2", "UNDELIV"))
	_ = f.deliver(t, says(3, "RDV"))
	_ = f.deliver(t, keyed(4, ussd.OpPSSRIndication, "*369#"))
	runtest.Eventually(t, "the counts are told", func() bool {
		list, err := f.wishes.Minutes(t.Context(), "north", time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		var sum links.Minute
		for _, m := range list {
			sum.Add(m)
		}
		return sum == links.Minute{Submitted: 2, Sent: 1, Rejected: 1, Undelivered: 1, Inbound: 1, USSD: 1, ResponseMS: sum.ResponseMS}
	})
	f.cut()
	runtest.Eventually(t, "the errors are told", func() bool {
		list, err := f.wishes.Errors(t.Context(), "north", 10)
		return err == nil && slices.ContainsFunc(list, func(e links.Failure) bool {
			return e.Cause == links.Rejected && e.Code == uint32(smpp.ErrInvDstAdr)
		}) && slices.ContainsFunc(list, func(e links.Failure) bool { return e.Cause == links.Lost })
	})
}
