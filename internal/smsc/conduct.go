package smsc

import (
	"cmp"
	"context"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/wasl-sms/wasl/smpp"
)

// conduct is how the operator behaves towards the binds of one scope, and how
// far its faults have come. Guarded by SMSC.mu.
type conduct struct {
	faults   Faults
	bucket   *rate.Limiter
	accepted int // for DropEvery
	random   map[string]*rand.Rand
	held     []func(context.Context) // receipts that wait to go in reverse
}

func newConduct(f Faults) *conduct {
	c := &conduct{faults: f, random: make(map[string]*rand.Rand)}
	if f.TPS > 0 {
		c.bucket = rate.NewLimiter(rate.Limit(f.TPS), max(1, f.Burst))
	}
	return c
}

// draw is the chance's own sequence of numbers for one fault, so that one
// fault's draws do not depend on which others are set.
func (c *conduct) draw(name string) func() float64 {
	r := c.random[name]
	if r == nil {
		h := fnv.New64a()
		_, _ = h.Write([]byte(name)) // never fails
		r = rand.New(rand.NewPCG(c.faults.Seed, h.Sum64()))
		c.random[name] = r
	}
	return r.Float64
}

func (c *conduct) strikes(name string, d *Dose) bool { return d.strikes(c.draw(name)) }

// between draws a time from least to least+more.
func (c *conduct) between(name string, least, more time.Duration) time.Duration {
	if more <= 0 {
		return least
	}
	return least + time.Duration(c.draw(name)()*float64(more))
}

// SetFaults replaces the faults of every bind; it takes effect with the next
// message, on the binds there are and those to come.
func (s *SMSC) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conducts {
		s.release(c)
	}
	s.conducts = map[string]*conduct{"": newConduct(f)}
	s.behaviour()
}

// SetFaultsOn replaces the faults of some binds alone: of an account
// ("wasl"), or of one bind of it by its number ("wasl/2"); "" stands for all
// that have none of their own. The nearest faults hold, and no others.
func (s *SMSC) SetFaultsOn(scope string, f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setOn(scope, f)
}

func (s *SMSC) setOn(scope string, f Faults) {
	if c := s.conducts[scope]; c != nil {
		s.release(c)
	}
	s.conducts[scope] = newConduct(f)
	s.behaviour()
}

// FaultsOn are those set for a scope, with what is left of their counts.
func (s *SMSC) FaultsOn(scope string) Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.conducts[scope]; c != nil {
		return c.faults
	}
	return Faults{}
}

// Behave takes away all faults and stops the scripts that run.
func (s *SMSC) Behave() {
	s.stopScripts()
	s.SetFaults(Faults{})
}

// release lets go what a conduct has gathered; s.mu is held.
func (s *SMSC) release(c *conduct) {
	held := c.held
	c.held = nil
	if len(held) > 0 && !s.closed {
		s.wg.Go(func() { inReverse(s.ctx, held) })
	}
}

func inReverse(ctx context.Context, held []func(context.Context)) {
	for _, send := range slices.Backward(held) {
		send(ctx)
	}
}

// towards finds the conduct towards a bind; s.mu is held.
func (s *SMSC) towards(account string, place int) *conduct {
	if c := s.conducts[account+"/"+strconv.Itoa(place)]; c != nil && place > 0 {
		return c
	}
	if c := s.conducts[account]; c != nil && account != "" {
		return c
	}
	if c := s.conducts[""]; c != nil {
		return c
	}
	c := newConduct(Faults{})
	s.conducts[""] = c
	return c
}

// behaviour tells every link how to carry on; s.mu is held.
func (s *SMSC) behaviour() {
	for t := range s.taps {
		t.behave(s.towards(t.account, t.place).faults)
	}
}

// inScope reports whether a bind is meant by a scope.
func (b *bind) inScope(scope string) bool {
	account, place, numbered := strings.Cut(scope, "/")
	return scope == "" || account == b.account && (!numbered || place == strconv.Itoa(b.place))
}

// refusal says whether the operator takes another message at all.
func (s *SMSC) refusal(b *bind) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.towards(b.account, b.place)
	switch {
	case c.faults.QueueFull:
		return smpp.ErrMsgQueueFull
	case c.bucket != nil && !c.bucket.AllowN(s.cfg.Now(), 1):
		return smpp.ErrThrottled
	case c.strikes("status", &c.faults.Refuse):
		return c.faults.Status
	}
	return nil
}

// fault is what happens to one accepted message.
type fault struct {
	wire         mark
	drop, unbind bool
	responseID   IDForm

	noReceipt, receiptFirst bool
	receiptDelay            time.Duration
	receiptTwice            bool
	receiptID               IDForm
	form                    ReceiptForm
	by                      ReceiptBind
	lateEnroute, echo       bool
	undelivered             string // the network's error
}

// strike counts one accepted message against the faults that are set.
func (s *SMSC) strike(b *bind) fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.towards(b.account, b.place)
	f := &c.faults
	hit := fault{
		wire: mark{
			lose:     c.strikes("lose", &f.LoseResponses),
			wrongSeq: c.strikes("wrong-seq", &f.WrongSequence),
			sameSeq:  c.strikes("same-seq", &f.SameSequence),
			length:   c.strikes("bad-length", &f.BadLength),
			short:    c.strikes("cut-short", &f.CutShort),
			command:  c.strikes("unknown-command", &f.UnknownCommand),
		},
		responseID: f.ResponseID, receiptID: cmp.Or(f.ReceiptID, f.ResponseID),
		noReceipt: f.NoReceipts, receiptFirst: f.ReceiptFirst,
		receiptDelay: c.between("receipt-delay", f.ReceiptDelay, f.ReceiptJitter),
		receiptTwice: c.strikes("receipt-twice", &f.ReceiptTwice),
		form:         f.ReceiptForm, by: f.ReceiptBind, lateEnroute: f.LateEnroute, echo: f.EchoReference,
	}
	if c.strikes("undelivered", &f.Undelivered) {
		hit.undelivered = cmp.Or(f.UndeliveredErr, defaultErr)
	}
	if f.DropAfter > 0 {
		f.DropAfter--
		hit.drop = f.DropAfter == 0
	}
	if f.UnbindAfter > 0 {
		f.UnbindAfter--
		hit.unbind = f.UnbindAfter == 0
	}
	if f.DropEvery > 0 {
		c.accepted++
		hit.drop = hit.drop || c.accepted%f.DropEvery == 0
	}
	return hit
}

// linger waits as long as the operator's answers take.
func (s *SMSC) linger(ctx context.Context, b *bind) {
	s.mu.Lock()
	c := s.towards(b.account, b.place)
	d := c.between("delay", c.faults.ResponseDelay, c.faults.ResponseJitter)
	s.mu.Unlock()
	pause(ctx, d)
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
