package outbox_test

import (
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/outbox"
	"github.com/wasl-sms/wasl/internal/run/runtest"
)

// swept waits until whoever runs has looked at all there is: what is due is
// brought back in the same commit.
func (f *fixture) swept(t *testing.T, n int) {
	t.Helper()
	due := told(n, message.Campaign)
	due.NotBefore = f.clock.Now().Add(time.Second)
	f.enqueue(t, due)
	f.clock.Advance(time.Second)
	runtest.Eventually(t, "it is swept", func() bool { return f.states(t)["later"] == 0 })
}

// A process ends while two texts are out, and nobody is bound for a while.
// The operator keeps what it has to say: it is waited for once it is bound
// again, and only then.
func TestDoubtIsDecidedOnceTheOperatorWasHeard(t *testing.T) {
	t.Parallel()
	f := setUp(t, nil)
	op := &operator{answer: silent}
	f.enqueue(t, told(1, message.Decision), told(2, message.Decision))
	stop := f.serve(t, north, op)
	runtest.Eventually(t, "both are written", func() bool { return op.count() == 2 })
	op.cut()
	stop()

	f.clock.Advance(10 * time.Minute)
	f.Outbox = f.another(nil)
	runtest.Start(t, f.Run)
	f.swept(t, 3)
	f.clock.Advance(10 * time.Minute)
	f.swept(t, 4)
	if s := f.states(t); s["in_doubt"] != 2 {
		t.Fatalf("decided while nobody is bound: %v", s)
	}

	op.mu.Lock()
	op.answer = accept
	op.mu.Unlock()
	stop = f.serve(t, north, op)
	runtest.Eventually(t, "it is bound again", func() bool { return f.states(t)["accepted"] == 2 })
	f.clock.Advance(time.Minute)
	stop() // the link breaks for half an hour
	f.clock.Advance(30 * time.Minute)
	f.swept(t, 5)
	f.serve(t, north, op)
	runtest.Eventually(t, "it is bound once more", func() bool { return f.states(t)["accepted"] == 3 })
	f.clock.Advance(57 * time.Second)
	f.swept(t, 6)
	runtest.Eventually(t, "the text that showed the sweep is accepted", func() bool { return f.states(t)["accepted"] >= 4 })
	if s := f.states(t); s["in_doubt"] != 2 {
		t.Fatalf("decided after less than two minutes: %v", s)
	}
	f.receive(t, outbox.Receipt{ID: "kept", Reached: true, From: number(1), Reference: &op.ledger[0].Reference})
	f.clock.Advance(3 * time.Second)
	runtest.Eventually(t, "the other is sent again", func() bool {
		s := f.states(t)
		return s["delivered"] == 1 && s["accepted"] == 5
	})
	if n := op.count(); n != 7 {
		t.Errorf("6 texts, one of them in doubt, were written %d times", n)
	}
}

// Where the operator does not come back, doubt ends all the same; not in the
// first minutes of a process, in which it may.
func TestDoubtEndsWithoutTheOperator(t *testing.T) {
	t.Parallel()
	f := setUp(t, nil)
	f.hold = []string{"north"}
	op := &operator{answer: silent}
	f.enqueue(t, told(1, message.Decision))
	stop := f.serve(t, north, op)
	runtest.Eventually(t, "it is written", func() bool { return op.count() == 1 })
	op.cut()
	stop()

	f.clock.Advance(7 * time.Hour)
	f.Outbox = f.another(nil)
	runtest.Start(t, f.Run)
	f.swept(t, 2)
	if s := f.states(t); s["in_doubt"] != 1 {
		t.Fatalf("decided at once: %v", s)
	}
	f.clock.Advance(2 * time.Minute)
	runtest.Eventually(t, "it is given up", func() bool { return f.states(t)["unknown"] == 1 })
}
