package outbox

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"golang.org/x/time/rate"

	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/smpp/gsm"
)

// Lane is one bind's share of the outbox.
type Lane struct {
	Operator string
	Bind     string
	Window   int           // most parts in doubt at once
	Limit    *rate.Limiter // parts per second, shared with whatever else the bind sends; nil: no limit
	// Relieves lists the operators whose queue this lane may take as well just
	// now. It is asked at each claim. Nil: none.
	Relieves func() []string
}

// Part is one short message ready for the wire.
type Part struct {
	ID        int64
	To        private.Msisdn
	Class     message.Class
	Alphabet  gsm.Alphabet
	Form      Form
	Total, No uint8  // of the text's parts, from 1
	Ref       uint16 // that all parts of the text share
	UDH       []byte // of a part among several, where the form has one
	Payload   []byte
	Validity  time.Duration // how long the operator may try
	Reference uint16        // comes back in receipts of operators that echo it

	attempt int32
}

// Limit is a limiter of so many parts per second, or nil for 0.
func Limit(perSecond float64) *rate.Limiter {
	if perSecond <= 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond/10)))
}

// Link writes parts to an operator. Send puts p in order to be written; done
// is called exactly once with what became of it, from any goroutine, and may
// be called before Send returns.
type Link interface {
	Send(ctx context.Context, p Part, done func(Answer))
}

const (
	moment    = time.Millisecond
	poll      = time.Second // between looks at the queue when no bell rings
	firstWait = time.Second // after the first throttling
	lastWait  = 30 * time.Second
	dbWait    = 50 * time.Millisecond
	lastWord  = 5 * time.Second // for one commit, and for the last answers of a lane
)

// part is a claimed row.
type part struct {
	Part
	message int64
	no      int16
	retries int
	expires time.Time
	claimed time.Time
}

type answered struct {
	p *part
	a Answer
}

// lane is one run of Serve. All its fields belong to the goroutine of Serve;
// links reach it through answers alone.
type lane struct {
	Lane
	o       *Outbox
	link    Link
	name    string // on the leases
	answers chan answered
	rung    <-chan struct{}

	queue   []*part // claimed, in order of sending
	settled []settlement
	back    []*part // throttled: back into queue once stored
	release []int64
	flight  int
	look    bool // the table may hold more
	news    bool // and perhaps something more urgent than the queue
	looked  time.Time
	sent    time.Time // the last answer
	pause   time.Duration
	resume  time.Time
}

// Serve takes parts to one bind until ctx ends, then waits for the answers
// that are still out, which the link owes it, and stores them. The database
// may go away: then nothing new is written, and answers are kept until it is
// back or ctx ends.
func (o *Outbox) Serve(ctx context.Context, l Lane, link Link) error {
	if l.Window < 1 {
		return fmt.Errorf("outbox: lane %s has a window of %d", l.Bind, l.Window)
	}
	rung, leave := o.bell.join(l.Operator)
	defer leave()
	s := &lane{
		Lane: l, o: o, link: link, rung: rung, look: true,
		name:    fmt.Sprintf("%s %x", l.Bind, rand.Uint64()),
		answers: make(chan answered, l.Window),
	}
	tick := time.NewTimer(poll)
	defer tick.Stop()
	for ctx.Err() == nil {
		s.collect(tick)
		s.listen()
		next := s.pick()
		limit, class := s.wants()
		if len(s.settled)+len(s.release)+len(next)+limit == 0 {
			s.wait(ctx, tick)
			continue
		}
		if err := s.commit(ctx, &next, limit, class); err != nil {
			o.cfg.Metrics.storeFailed()
			s.rest(ctx, dbWait)
			continue
		}
		for _, p := range next {
			s.flight++
			link.Send(ctx, p.Part, func(a Answer) { s.answers <- answered{p, a} })
		}
	}
	return s.finish(context.WithoutCancel(ctx))
}

// collect takes the answers that have come. While texts wait it gives those on
// their way a moment: a commit for half a window costs what one for a single
// part does.
func (s *lane) collect(tick *time.Timer) {
	tick.Reset(moment)
	for s.flight > 0 {
		if s.flight <= s.Window/2 || len(s.queue) == 0 {
			select {
			case a := <-s.answers:
				s.take(a)
				continue
			default:
				return
			}
		}
		select {
		case a := <-s.answers:
			s.take(a)
		case <-tick.C:
			return
		}
	}
}

// listen hears of new texts, or supposes some: a bell may have been missed.
func (s *lane) listen() {
	select {
	case <-s.rung:
		s.look, s.news = true, true
	default:
	}
	if now := s.o.cfg.Now(); now.Sub(s.looked) >= soon || now.Before(s.looked) {
		s.look, s.news, s.looked = true, true, now
	}
}

func (s *lane) take(a answered) {
	s.flight--
	now := s.o.cfg.Now()
	s.sent = now
	s.o.cfg.Metrics.answered(s.Lane, a.p.Class, a.a)
	s.settled = append(s.settled, a.p.settle(a.a, now))
	switch a.a.Outcome {
	case Throttled:
		s.back = append(s.back, a.p)
		if !s.resume.After(now) { // a window refused at once is one refusal
			s.pause = min(max(2*s.pause, firstWait), lastWait)
			s.resume = now.Add(s.pause)
		}
	case Sent:
		if !s.resume.After(now) {
			s.pause = 0
		}
	default: // says nothing of the operator's pace
	}
}

// pick moves what may be written now from the queue.
func (s *lane) pick() []*part {
	now := s.o.cfg.Now()
	var next []*part
	for len(s.queue) > 0 {
		p := s.queue[0]
		switch {
		case p.expires.Before(now):
			s.settled = append(s.settled, p.settle(Answer{Outcome: Expired}, now))
		case now.Sub(p.claimed) > leaseFor*2/3:
			s.release = append(s.release, p.ID)
			s.look = true
		case s.flight+len(next) >= s.Window || s.resume.After(now) || s.Limit != nil && !s.Limit.AllowN(now, 1):
			return next
		default:
			p.attempt++
			next = append(next, p)
		}
		s.queue = s.queue[1:]
	}
	return next
}

// wants says how many parts of which classes are worth claiming now: any
// when the queue runs low, else only those more urgent than its last.
func (s *lane) wants() (limit int, class message.Class) {
	batch := max(100, 2*s.Window)
	switch {
	case s.resume.After(s.o.cfg.Now()):
		return 0, 0
	case s.look && len(s.queue) <= batch/2:
		return batch, message.Campaign
	case s.news && len(s.queue) > 0 && s.queue[len(s.queue)-1].Class > message.Code && len(s.queue) < 4*batch:
		return batch, s.queue[len(s.queue)-1].Class - 1
	}
	return 0, 0
}

// wait returns when there may be something to do.
func (s *lane) wait(ctx context.Context, tick *time.Timer) {
	now := s.o.cfg.Now()
	wait := poll
	if now.Sub(s.sent) < poll {
		wait = soon
	}
	if s.resume.After(now) {
		wait = min(wait, s.resume.Sub(now))
	}
	if len(s.queue) > 0 && s.flight < s.Window && s.Limit != nil {
		wait = min(wait, time.Duration(float64(time.Second)/float64(s.Limit.Limit()))+time.Millisecond)
	}
	tick.Reset(wait)
	select {
	case a := <-s.answers:
		s.take(a)
	case <-s.rung:
		s.look, s.news = true, true
	case <-tick.C:
		s.look, s.news = true, true
	case <-ctx.Done():
	}
}

// rest lets the database recover.
func (s *lane) rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
