package smsc

import (
	"context"
	"crypto/subtle"
	"slices"
	"time"

	"github.com/wasl-sms/wasl/smpp"
)

// bind is one session of an application.
type bind struct {
	*smpp.Session
	account string
	place   int // among the account's binds, from 1: the least that was free
	since   time.Time
	counts  Counts // guarded by SMSC.mu
}

// Counts are what has passed between the operator and applications.
type Counts struct {
	Submitted int `json:"submitted"` // submit_sm and data_sm that came
	Accepted  int `json:"accepted"`
	Refused   int `json:"refused"`
	Delivered int `json:"delivered"` // deliver_sm of handsets that were accepted
	Receipts  int `json:"receipts"`  // that were accepted
}

func (c *Counts) add(o Counts) {
	c.Submitted += o.Submitted
	c.Accepted += o.Accepted
	c.Refused += o.Refused
	c.Delivered += o.Delivered
	c.Receipts += o.Receipts
}

// BindState is how one bind stands.
type BindState struct {
	Scope    string    `json:"scope"` // the account and the bind's number: "wasl/1"
	Mode     string    `json:"mode"`
	Since    time.Time `json:"since"`
	InFlight int       `json:"in_flight"` // our requests without an answer
	Counts
}

// Binds counts the sessions that are bound now.
func (s *SMSC) Binds() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.binds)
}

// States tells how each bind stands, and what passed over all there ever were.
func (s *SMSC) States() ([]BindState, Counts) {
	s.mu.Lock()
	defer s.mu.Unlock()
	total := s.gone
	states := []BindState{}
	for _, b := range s.binds {
		total.add(b.counts)
		states = append(states, BindState{
			Scope: b.tap().scope(), Mode: b.Mode().String(), Since: b.since, InFlight: b.InFlight(), Counts: b.counts,
		})
	}
	return states, total
}

// authenticate decides on a bind, or leaves it unanswered until it is given up.
func (s *SMSC) authenticate(ctx context.Context, req smpp.BindRequest) smpp.Status {
	s.mu.Lock()
	c := s.towards(req.SystemID, 0)
	ignore, early := c.faults.IgnoreBinds, c.faults.EarlyEnquire
	status := smpp.StatusOK
	if c.strikes("bind-status", &c.faults.RefuseBinds) {
		status = c.faults.BindStatus
	}
	s.mu.Unlock()
	if t, ok := req.RemoteAddr.(tapAddr); ok {
		t.tap.greet(req.SystemID, early)
	}
	if ignore {
		<-ctx.Done()
		return smpp.ErrBindFail
	}
	if status != smpp.StatusOK {
		return status
	}
	password, known := s.cfg.Accounts[req.SystemID]
	if !known {
		return smpp.ErrInvSysID
	}
	if subtle.ConstantTimeCompare([]byte(password), []byte(req.Password)) != 1 {
		return smpp.ErrInvPaswd
	}
	return smpp.StatusOK
}

// joined finds or makes the bind of a session. Its first message may come
// before the server has told of the bind.
func (s *SMSC) joined(session *smpp.Session) *bind {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := tapOf(session)
	if t.bind == nil {
		b := &bind{Session: session, account: session.PeerSystemID(), place: 1, since: s.cfg.Now()}
		for slices.ContainsFunc(s.binds, func(o *bind) bool { return o.account == b.account && o.place == b.place }) {
			b.place++
		}
		t.bind, t.account, t.place = b, b.account, b.place
		s.binds = append(s.binds, b)
		t.behave(s.towards(b.account, b.place).faults)
	}
	return t.bind
}

func (s *SMSC) bound(session *smpp.Session) { s.joined(session) }

func (s *SMSC) unbound(session *smpp.Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.binds = slices.DeleteFunc(s.binds, func(b *bind) bool {
		if b.Session == session {
			s.gone.add(b.counts)
			return true
		}
		return false
	})
}

func (b *bind) tap() *tap { return tapOf(b.Session) }

func (s *SMSC) note(b *bind, change func(*Counts)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&b.counts)
}

// receiver picks the next bind, in turn, that takes deliver_sm and is wanted.
func (s *SMSC) receiver(want func(*bind) bool) (*bind, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range s.binds {
		s.turn++
		b := s.binds[s.turn%len(s.binds)]
		if b.Mode() != smpp.Transmitter && b.State().Bound() && want(b) {
			return b, true
		}
	}
	return nil, false
}
