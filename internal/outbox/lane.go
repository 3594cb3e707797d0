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
	firstRest = time.Second // after the first throttling
	lastRest  = 30 * time.Second
	stumbles  = 5 // temporary refusals in a row that have a lane rest
	dbWait    = 50 * time.Millisecond
	lastWord  = 5 * time.Second // for one commit, and for the last answers of a lane
	// A commit that was given up is carried out within this, or its parts
	// stay in doubt like those of a lane that died.
	lateCommit = 30 * time.Second
)

// part is a row that this lane has taken.
type part struct {
	Part
	message int64
	home    string // the operator of its number
	retries int
	// redelivered is how often the handset did not take it.
	redelivered int16
	expires     time.Time
	sent        time.Time
}

type answered struct {
	p *part
	a Answer
}

// places has room for each class.
const places = message.Campaign + 1

// lane is one run of Serve. All its fields belong to the goroutine of Serve;
// links reach it through answers alone.
type lane struct {
	Lane
	o       *Outbox
	link    Link
	run     int64 // on the rows it has taken
	answers chan answered
	rung    <-chan struct{}

	out     map[int64]struct{} // written, and no answer yet
	settled []settlement       // answers to store

	unsure   bool      // a commit may have taken parts that we never saw
	late     time.Time // until when such a one may still come about
	searched time.Time // the last time, for what it took

	look   bool          // the table may hold more
	from   [places]int64 // where the lane has come to in its operator's queue, by class
	looked time.Time
	apart  time.Duration // between looks at the whole of the queue

	stumbled int
	rest     time.Duration // the last one; while it is set, one part at a time is risked
	resume   time.Time
	answered time.Time // the last time
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
	defer o.ear.open(l.Operator, o.cfg.Now)()
	s := &lane{
		Lane: l, o: o, link: link, rung: rung, look: true, run: rand.Int64(),
		answers: make(chan answered, l.Window), out: make(map[int64]struct{}, l.Window),
	}
	tick := time.NewTimer(poll)
	defer tick.Stop()
	for ctx.Err() == nil {
		s.collect(tick)
		s.listen()
		room := s.room()
		s.unsure = s.search(o.cfg.Now())
		if len(s.settled)+room == 0 && !s.unsure {
			s.wait(ctx, tick)
			continue
		}
		next, err := s.commit(ctx, room)
		if err != nil {
			o.cfg.Metrics.storeFailed()
			pause(ctx, dbWait)
			continue
		}
		s.write(ctx, next)
	}
	return s.finish(context.WithoutCancel(ctx))
}

func (s *lane) write(ctx context.Context, next []*part) {
	now := s.o.cfg.Now()
	if s.Limit != nil && len(next) > 0 {
		s.Limit.ReserveN(now, len(next)) // room saw that many
	}
	for _, p := range next {
		s.out[p.ID] = struct{}{}
		p.sent = now
		s.link.Send(ctx, p.Part, func(a Answer) { s.answers <- answered{p, a} })
	}
}

// collect takes the answers that have come. While texts wait it gives those on
// their way a moment: a commit for half a window costs little more than one
// for a single part.
func (s *lane) collect(tick *time.Timer) {
	tick.Reset(moment)
	for len(s.out) > 0 {
		if len(s.out) <= s.Window/2 || !s.look {
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

// listen hears of new texts, or supposes some: a bell may have been missed. Now
// and then the lane begins again at the head of the queue, where there may be
// what another lane gave back, or what was promised early and committed late.
func (s *lane) listen() {
	select {
	case <-s.rung:
		s.look = true
	default:
	}
	if now := s.o.cfg.Now(); now.Sub(s.looked) >= max(s.apart, soon) || now.Before(s.looked) {
		s.fromStart()
		s.looked = now
	}
}

// spent notes what a look at the whole of the queue took. What has left a queue
// lies dead at its head until PostgreSQL sweeps it: the longer that is passed
// over, the less often.
func (s *lane) spent(took time.Duration) { s.apart = min(20*took, 2*poll) }

func (s *lane) fromStart() { s.look, s.from = true, [places]int64{} }

// take notes an answer and what it tells of the operator's pace.
func (s *lane) take(a answered) {
	delete(s.out, a.p.ID)
	now := s.o.cfg.Now()
	s.answered = now
	s.o.cfg.Metrics.answered(s.Lane, a.p, a.a, now)
	s.settled = append(s.settled, a.p.settle(a.a, now))
	switch a.a.Outcome.consequence().lane {
	case well:
		s.stumbled = 0
		if !s.resume.After(now) {
			s.rest = 0
		}
	case stumble:
		if s.stumbled++; s.stumbled >= stumbles {
			s.halt(now)
		}
	case halt:
		s.halt(now)
		s.fromStart() // it goes back to its place
	case nothing:
	}
}

// halt has the lane rest. A window that is refused at once is one refusal.
func (s *lane) halt(now time.Time) {
	if !s.resume.After(now) {
		s.rest = min(max(2*s.rest, firstRest), lastRest)
		s.resume = now.Add(s.rest)
	}
}

// room says how many parts may be written now. After a rest it is one, until
// the operator has taken that.
func (s *lane) room() int {
	now := s.o.cfg.Now()
	if !s.look || s.resume.After(now) {
		return 0
	}
	room := s.Window - len(s.out)
	if s.rest > 0 {
		room = min(room, 1-len(s.out))
	}
	if s.Limit != nil {
		room = min(room, int(s.Limit.TokensAt(now)))
	}
	return max(room, 0)
}

// wait returns when there may be something to do.
func (s *lane) wait(ctx context.Context, tick *time.Timer) {
	now := s.o.cfg.Now()
	wait := poll
	switch since := now.Sub(s.answered); {
	case since < soon: // what came right after the last ring was not rung for
		wait = between
	case since < poll:
		wait = soon
	}
	if s.resume.After(now) {
		wait = min(wait, s.resume.Sub(now))
	}
	if s.Limit != nil && s.look && len(s.out) < s.Window {
		wait = min(wait, time.Duration(float64(time.Second)/float64(s.Limit.Limit()))+time.Millisecond)
	}
	tick.Reset(wait)
	select {
	case a := <-s.answers:
		s.take(a)
	case <-s.rung:
		s.look = true
	case <-tick.C:
		s.fromStart()
	case <-ctx.Done():
	}
}

// pause lets the database recover.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
