package smpp

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever the order of sending, writing, answering and expiring: a number is
// never used twice at once, an answer finds its request, and the clock runs
// for what was written and for nothing else.
func TestPendingTable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := newPending(200)
		p.seq = rapid.SampledFrom([]uint32{0, maxSeq - 3}).Draw(t, "seq")
		var live []*request
		var queued, written uint64
		now := time.Duration(1)
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0:
				r := p.newRequest()
				r.seq, r.expect = p.nextSeq(), SubmitSMResp
				for _, other := range live {
					if other.seq == r.seq {
						t.Fatalf("number %d is in use", r.seq)
					}
				}
				if r.seq == 0 || r.seq > maxSeq {
					t.Fatalf("number %d", r.seq)
				}
				queued += 10
				r.end = queued
				p.add(r)
				live = append(live, r)
			case 1:
				written = rapid.Uint64Range(written, queued).Draw(t, "written")
				now++
				p.wrote(written, now)
			case 2, 3:
				if len(live) == 0 {
					continue
				}
				i := rapid.IntRange(0, len(live)-1).Draw(t, "which")
				r := live[i]
				if p.match(DeliverSMResp, r.seq) != nil || p.match(GenericNack, r.seq) != r || p.match(SubmitSMResp, r.seq) != r {
					t.Fatalf("%d is not found, or by the wrong command", r.seq)
				}
				if p.match(SubmitSMResp, r.seq+uint32(len(p.bySeq))) != nil {
					t.Fatalf("%d is found by another number of its place", r.seq)
				}
				p.remove(r)
				if rapid.Bool().Draw(t, "late") {
					p.remember(r)
					if l, ok := p.takeLate(SubmitSMResp, r.seq); !ok || l.expect != SubmitSMResp {
						t.Fatalf("late %d is not found", r.seq)
					}
				}
				p.recycle(r)
				live = append(live[:i], live[i+1:]...)
			}
			n := 0
			for r := p.first; r != nil; r = r.next {
				if r != live[n] || (r.deadline != 0) != (r.end <= written) {
					t.Fatalf("request %d: deadline %v, end %d of %d written", r.seq, r.deadline, r.end, written)
				}
				n++
			}
			free := 0
			for _, r := range p.bySeq {
				if r == nil {
					free++
				}
			}
			if taken := len(p.bySeq) - free; n != len(live) || taken != n || p.count != n || n == 0 && p.last != nil {
				t.Fatalf("%d in the list, %d in the table, %d counted, %d live", n, taken, p.count, len(live))
			}
		}
	})
}

func TestLateRequestsAreBounded(t *testing.T) {
	t.Parallel()
	p := newPending(1)
	for range lateKept * 2 {
		r := &request{seq: p.nextSeq(), expect: SubmitSMResp}
		p.remember(r)
	}
	if len(p.late) != lateKept || len(p.lateOrder) != lateKept {
		t.Errorf("%d kept", len(p.late))
	}
	if _, ok := p.takeLate(SubmitSMResp, 1); ok {
		t.Error("the oldest is still there")
	}
	if _, ok := p.takeLate(SubmitSMResp, p.seq); !ok {
		t.Error("the newest is not there")
	}
}
