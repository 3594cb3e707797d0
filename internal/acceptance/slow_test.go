package acceptance

import (
	"regexp"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/smpp"
)

var writes = regexp.MustCompile(`(?i)\b(insert|update|delete)\b`) //nolint:gochecknoglobals // a constant

// brake slows what PostgreSQL commits.
type brake struct {
	delay   atomic.Int64 // of each commit
	gate    atomic.Pointer[chan struct{}]
	holding atomic.Int64
	passed  atomic.Int64
}

func (b *brake) onCommit(m moment, w work) bool {
	if m != before || !slices.ContainsFunc(w.sql, writes.MatchString) {
		return true
	}
	if gate := b.gate.Load(); gate != nil {
		b.holding.Add(1)
		<-*gate
		b.holding.Add(-1)
	}
	if d := time.Duration(b.delay.Load()); d > 0 {
		time.Sleep(d) // this is the slow disk
	}
	b.passed.Add(1)
	return true
}

// TestSlowDatabase: every commit takes two seconds, then more than a text may
// wait for its acknowledgement. The link lives, dialogues get their pages,
// texts are acknowledged late or asked for again; none is lost, or has its
// effect twice, and none is sent twice.
func TestSlowDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	var b brake
	onCommit := b.onCommit
	w.onCommit.Store(&onCommit)
	var asked, refused atomic.Int64 // texts that were answered with 0x64, and otherwise
	onWire := func(s sight, p pdu) bool {
		switch {
		case s != read || !p.response || p.about != ofText || p.Status == smpp.StatusOK:
		case p.Status == smpp.ErrRxTAppn:
			asked.Add(1)
		default:
			refused.Add(1)
		}
		return true
	}
	w.onWire.Store(&onWire)
	p := w.program.serve(t)
	w.bound()
	l := begin(w, 8, 2)
	l.underWay(20)

	// While nothing at all is committed, every enquire_link is answered.
	gate := make(chan struct{})
	b.gate.Store(&gate)
	w.until("commits hang", func() bool { return b.holding.Load() >= 4 })
	before := b.passed.Load()
	for n := range uint32(20) {
		w.enquire(n)
	}
	if now := b.passed.Load(); now != before {
		t.Errorf("%d commits were done meanwhile, though the database hangs", now-before)
	}
	b.gate.Store(nil)
	close(gate)

	b.delay.Store(int64(2 * time.Second))
	w.report("two seconds for each commit", 4*time.Second)
	b.delay.Store(int64(6 * time.Second))
	w.report("six seconds for each commit", 7*time.Second)
	w.until("a text is asked for again", func() bool { return asked.Load() > 0 })
	b.delay.Store(0)

	l.stop()
	l.wg.Wait()
	// Parts that were put in doubt by commits given up as too slow were never
	// written: the lanes find them.
	w.until("nothing is in doubt", func() bool { return w.count(`select count(*) from message_part where state = 'in_doubt'`) == 0 })
	p.stop(t)
	// What was given up as too slow may have been committed all the same: that
	// takes its time, as after a death.
	w.gone()
	w.outage()
	p = w.program.serve(t)
	w.quiet()
	p.stop(t)
	for _, c := range l.callers {
		if c.lost != nil {
			t.Errorf("a step of a dialogue was not answered: %v", c.lost)
		}
	}
	if n := refused.Load(); n > 0 {
		t.Errorf("%d texts were refused otherwise than with 0x64", n)
	}
	t.Logf("%d texts were asked for again", asked.Load())
	newJudge(w).judge(l)
}

// enquire asks every link for a sign of life, waits for all, and gives how
// long they took.
func (w *world) enquire(n uint32) (took []time.Duration) {
	w.t.Helper()
	began := time.Now()
	var answers []<-chan time.Time
	for _, link := range w.links.list() {
		answer, err := link.enquire(n)
		if err != nil {
			w.t.Fatalf("a link was lost: %v", err)
		}
		answers = append(answers, answer)
	}
	limit := time.NewTimer(60 * time.Second)
	defer limit.Stop()
	for _, answer := range answers {
		select {
		case at := <-answer:
			took = append(took, at.Sub(began))
		case <-limit.C:
			w.t.Fatal("an enquire_link was not answered")
		}
	}
	return took
}

// report asks for signs of life for a while, and holds them to the tenth of a
// second that operators are promised. A machine that others share may be late
// now and then: one in twenty may be.
func (w *world) report(while string, d time.Duration) {
	w.t.Helper()
	var took []time.Duration
	end := time.Now().Add(d)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for n := uint32(1000); time.Now().Before(end); n++ {
		took = append(took, w.enquire(n)...)
		<-tick.C
	}
	slices.Sort(took)
	middle, most, last := took[len(took)/2], took[len(took)*19/20], took[len(took)-1]
	w.t.Logf("%s: enquire_link answered after %v, at most %v (of %d)", while, middle.Round(time.Microsecond), last.Round(time.Microsecond), len(took))
	if most > 100*time.Millisecond {
		w.t.Errorf("%s: one in twenty enquire_link is answered after more than %v", while, most)
	}
}
