package smpp

import (
	"math/bits"
	"time"
)

const maxSeq = 0x7FFFFFFF // [SMPP 3.4 §3.2]

// lateKept is how many given-up requests a session remembers, so that a late
// answer still yields its message id.
const lateKept = 4096

// SubmitResult is the peer's answer to a message.
type SubmitResult struct {
	MessageID string
	Status    Status
	Seq       uint32
	TLVs      TLVs
	Ref       any // of the ShortMessage
}

type outcome struct {
	result SubmitResult
	err    error
}

// request is a message of ours that waits for its answer. It holds one slot
// of the window until answered, timed out or lost with the link.
type request struct {
	seq      uint32
	expect   Command
	ref      any
	end      uint64        // offset of its last octet in the stream we write
	deadline time.Duration // session clock; set when that octet was written
	out      outcome       // once settled
	wait     chan struct{} // and then told here, or to done
	done     func(SubmitResult, error)
	given    bool // nobody waits any more
	settled  bool

	prev, next *request
}

type lateRequest struct {
	expect Command
	ref    any
}

// pending holds the requests in order of sending. It has no lock of its own:
// Session.mu guards it.
type pending struct {
	seq         uint32
	bySeq       []*request // the number's low bits tell the place
	count       int
	first, last *request
	unwritten   *request // first one not yet written
	late        map[uint32]lateRequest
	lateOrder   []uint32
	lateAt      int
	free        []*request
}

// newPending has twice the places that window can fill.
func newPending(window int) pending {
	return pending{bySeq: make([]*request, 1<<bits.Len(uint(2*window-1))), late: make(map[uint32]lateRequest)}
}

func (p *pending) place(seq uint32) **request { return &p.bySeq[seq&uint32(len(p.bySeq)-1)] }

// nextSeq yields the next sequence number that no request of ours uses and
// whose place is free.
func (p *pending) nextSeq() uint32 {
	for {
		if p.seq++; p.seq > maxSeq {
			p.seq = 1
		}
		if *p.place(p.seq) != nil {
			continue
		}
		if _, late := p.late[p.seq]; !late {
			return p.seq
		}
	}
}

func (p *pending) newRequest() *request {
	if n := len(p.free); n > 0 {
		r := p.free[n-1]
		p.free = p.free[:n-1]
		return r
	}
	return &request{wait: make(chan struct{}, 1)}
}

// recycle takes back a request that nobody refers to.
func (p *pending) recycle(r *request) {
	*r = request{wait: r.wait}
	p.free = append(p.free, r)
}

func (p *pending) add(r *request) {
	*p.place(r.seq) = r
	p.count++
	if r.prev = p.last; r.prev != nil {
		r.prev.next = r
	} else {
		p.first = r
	}
	p.last = r
	if p.unwritten == nil {
		p.unwritten = r
	}
}

func (p *pending) remove(r *request) {
	*p.place(r.seq) = nil
	p.count--
	if p.unwritten == r {
		p.unwritten = r.next
	}
	if r.prev != nil {
		r.prev.next = r.next
	} else {
		p.first = r.next
	}
	if r.next != nil {
		r.next.prev = r.prev
	} else {
		p.last = r.prev
	}
	r.prev, r.next = nil, nil
	r.settled = true
}

// match finds the request that a response answers. generic_nack matches by
// number alone; anything else by number and command.
func (p *pending) match(c Command, seq uint32) *request {
	r := *p.place(seq)
	if r == nil || r.seq != seq || (c != GenericNack && c != r.expect) {
		return nil
	}
	return r
}

// wrote starts the clock of every request that ends at or before offset, and
// reports whether there was one.
func (p *pending) wrote(offset uint64, deadline time.Duration) bool {
	was := p.unwritten
	for p.unwritten != nil && p.unwritten.end <= offset {
		p.unwritten.deadline = deadline
		p.unwritten = p.unwritten.next
	}
	return p.unwritten != was
}

// nextDeadline is that of the oldest written request, zero without one.
func (p *pending) nextDeadline() time.Duration {
	if p.first == nil {
		return 0
	}
	return p.first.deadline
}

// remember keeps a request whose answer may still come.
func (p *pending) remember(r *request) {
	if len(p.lateOrder) < lateKept {
		p.lateOrder = append(p.lateOrder, r.seq)
	} else {
		delete(p.late, p.lateOrder[p.lateAt])
		p.lateOrder[p.lateAt] = r.seq
		p.lateAt = (p.lateAt + 1) % lateKept
	}
	p.late[r.seq] = lateRequest{r.expect, r.ref}
}

// takeLate finds the given-up request that a response answers.
func (p *pending) takeLate(c Command, seq uint32) (lateRequest, bool) {
	l, ok := p.late[seq]
	if !ok || (c != GenericNack && c != l.expect) {
		return lateRequest{}, false
	}
	delete(p.late, seq)
	return l, true
}
