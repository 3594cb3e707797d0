package smsc

import (
	"slices"
	"strconv"
	"time"

	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/gsm"
)

// passage is a message to a handset as its application may ask about it. It is
// on its way until it is cancelled or its receipt goes out, and over at once
// where none is due.
type passage struct {
	account, id string
	m           smpp.ShortMessage // without its payload
	end         outcome           // what it comes to
	over        bool
	at          time.Time // of the end
}

// passages are the last ones, guarded by SMSC.mu.
type passages struct {
	byID  map[string][]*passage // several where they were submitted together
	order []string
	limit int
}

func newPassages(limit int) *passages { return &passages{byID: map[string][]*passage{}, limit: limit} }

func (p *passages) add(one *passage) {
	if len(p.order) >= p.limit {
		for _, id := range p.order[:p.limit/10+1] {
			delete(p.byID, id)
		}
		p.order = append(p.order[:0], p.order[p.limit/10+1:]...)
	}
	if len(p.byID[one.id]) == 0 {
		p.order = append(p.order, one.id)
	}
	p.byID[one.id] = append(p.byID[one.id], one)
}

// of gives an account's messages of an id.
func (p *passages) of(account, id string) []*passage {
	var own []*passage
	for _, one := range p.byID[id] {
		if one.account == account {
			own = append(own, one)
		}
	}
	return own
}

// depart notes a message that will come to end; over says that nothing more
// will be heard of it.
func (s *SMSC) depart(b *bind, m smpp.ShortMessage, id string, end outcome, over bool) *passage {
	m.Payload = nil
	p := &passage{account: b.account, id: id, m: m, end: end, over: over, at: s.cfg.Now()}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.passages.add(p)
	return p
}

// conclude ends a message, and tells what it came to and for whom.
func (s *SMSC) conclude(p *passage) (outcome, smpp.ShortMessage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !p.over {
		p.over, p.at = true, s.cfg.Now()
	}
	return p.end, p.m
}

// result is what query_sm_resp says. [SMPP 3.4 §4.8.2]
func (p *passage) result() smpp.QueryResult {
	r := smpp.QueryResult{MessageID: p.id, State: smpp.MessageEnroute}
	if p.over {
		r.State, r.FinalDate = p.end.state, p.at.UTC().Format("060102150405")+"000+"
		if n, err := strconv.ParseUint(p.end.err, 10, 8); err == nil {
			r.ErrorCode = uint8(n)
		}
	}
	return r
}

// shown finds a text of one part on its handset; s.mu is held.
func (s *SMSC) shown(p *passage) (*handset, int) {
	h := s.handsets[canonical(p.m.Dest.Addr)]
	if h == nil {
		return nil, -1
	}
	return h, slices.IndexFunc(h.inbox, func(m SMS) bool { return len(m.IDs) == 1 && m.IDs[0] == p.id })
}

// recall takes a message back, or reports that it can't be: it is over, or its
// handset shows it as part of another. s.mu is held.
func (s *SMSC) recall(p *passage) bool {
	if p.over {
		return false
	}
	if p.end.delivered() {
		h, at := s.shown(p)
		if at < 0 {
			return false
		}
		h.inbox = slices.Delete(h.inbox, at, at+1)
		s.changed(h)
	}
	p.end, p.over, p.at = outcome{smpp.MessageDeleted, "000"}, true, s.cfg.Now()
	return true
}

// rewrite gives a message other words, as recall takes it back; s.mu is held.
func (s *SMSC) rewrite(p *passage, payload []byte, registered uint8) bool {
	if p.over {
		return false
	}
	if p.end.delivered() {
		h, at := s.shown(p)
		words, err := gsm.Decode(p.m.DataCoding, payload)
		if at < 0 || err != nil {
			return false
		}
		h.inbox[at].Text = words
		s.changed(h)
	}
	p.m.RegisteredDelivery = registered
	return true
}
