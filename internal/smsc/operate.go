package smsc

import (
	"context"
	"errors"

	"github.com/wasl-sms/wasl/smpp"
)

var (
	_ smpp.QueryHandler   = link{}
	_ smpp.CancelHandler  = link{}
	_ smpp.ReplaceHandler = link{}
	_ smpp.MultiHandler   = link{}
)

// Query tells how a message stands. Of several that were submitted together it
// tells one that is on its way, while there is one. [SMPP 3.4 §4.8]
func (l link) Query(ctx context.Context, session *smpp.Session, q smpp.Query) (smpp.QueryResult, error) {
	b := l.joined(session)
	l.linger(ctx, b)
	l.mu.Lock()
	defer l.mu.Unlock()
	list, err := l.asked(b, q.MessageID, q.Source, smpp.ErrQueryFail)
	if err != nil {
		return smpp.QueryResult{}, err
	}
	for _, p := range list {
		if !p.over {
			return p.result(), nil
		}
	}
	return list[0].result(), nil
}

// Cancel takes back a message that is on its way, or all of a service from an
// address to another. [SMPP 3.4 §4.9]
func (l link) Cancel(ctx context.Context, session *smpp.Session, c smpp.Cancel) error {
	b := l.joined(session)
	l.linger(ctx, b)
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []*passage
	if c.MessageID != "" {
		var err error
		if list, err = l.asked(b, c.MessageID, c.Source, smpp.ErrCancelFail); err != nil {
			return err
		}
	} else {
		for _, id := range l.passages.order {
			for _, p := range l.passages.of(b.account, id) {
				if p.m.Source == c.Source && p.m.ServiceType == c.ServiceType && p.m.Dest == c.Dest {
					list = append(list, p)
				}
			}
		}
	}
	done := false
	for _, p := range list {
		if c.MessageID == "" || c.Dest.Addr == "" || p.m.Dest == c.Dest {
			done = l.recall(p) || done
		}
	}
	if !done {
		return smpp.ErrCancelFail
	}
	return nil
}

// Replace gives a message that is on its way other words. Its validity and its
// schedule are not looked at. [SMPP 3.4 §4.10]
func (l link) Replace(ctx context.Context, session *smpp.Session, r smpp.Replace) error {
	b := l.joined(session)
	l.linger(ctx, b)
	l.mu.Lock()
	defer l.mu.Unlock()
	list, err := l.asked(b, r.MessageID, r.Source, smpp.ErrReplaceFail)
	if err != nil {
		return err
	}
	if len(list) > 1 || !l.rewrite(list[0], r.Payload, r.RegisteredDelivery) {
		return smpp.ErrReplaceFail
	}
	return nil
}

// asked finds what an application names by id and source address, which must
// be that of the submit. s.mu is held.
func (s *SMSC) asked(b *bind, id string, source smpp.Address, refusal smpp.Status) ([]*passage, error) {
	list := s.passages.of(b.account, id)
	if len(list) == 0 {
		return nil, smpp.ErrInvMsgID
	}
	if list[0].m.Source != source {
		return nil, refusal
	}
	return list, nil
}

// SubmitMulti takes a message for each destination by itself, all under one
// id; distribution lists there are none. [SMPP 3.4 §4.5]
func (l link) SubmitMulti(ctx context.Context, session *smpp.Session, m smpp.Multi) (smpp.MultiResult, error) {
	b := l.joined(session)
	var r smpp.MultiResult
	n := l.nextID.Add(1)
	for _, d := range m.Dests {
		l.note(b, func(c *Counts) { c.Submitted++ })
		one := m.Message
		one.Command, one.Dest = smpp.SubmitSM, d.Address
		reply, err := smpp.Reply{}, error(smpp.ErrCntSubDL)
		if d.List == "" {
			reply, err = l.take(b, one, n)
		}
		if err == nil {
			r.MessageID = reply.MessageID
			continue
		}
		status := smpp.ErrSysErr
		_ = errors.As(err, &status)
		l.note(b, func(c *Counts) { c.Refused++ })
		r.Failed = append(r.Failed, smpp.Unreached{Dest: d.Address, Status: status})
	}
	l.linger(ctx, b)
	return r, nil
}
