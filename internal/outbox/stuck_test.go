package outbox_test

import (
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/outbox"
	"github.com/wasl-sms/wasl/internal/run/runtest"
)

// What is stuck is told once it is.
func TestWhatIsStuck(t *testing.T) {
	t.Parallel()
	f := setUp(t, nil)
	f.enqueue(t, told(1, message.Decision), told(2, message.Decision), told(3, message.Campaign))
	op := &operator{answer: silent}
	f.serve(t, north, op)
	runtest.Start(t, f.Run)
	runtest.Eventually(t, "all are written", func() bool { return op.count() == 3 })
	f.receive(t, reached("nobody's"))
	look := func() outbox.Stuck {
		s, err := f.Stuck(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if s := look(); len(s.InDoubt) != 0 || s.Receipts != 0 {
		t.Errorf("at once %+v", s)
	}
	f.clock.Advance(outbox.Overdue + time.Second)
	if s := look(); s.InDoubt["north"] != 3 || s.Receipts != 1 {
		t.Errorf("later %+v", s)
	}
}
