package smsc

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/gsm"
)

// An act is something bad that the operator does once, on every bind meant.
// Its n is how many, where it can be several.
type act struct {
	name string
	do   func(s *SMSC, b *bind, n int) error
}

func acts() []act {
	return []act{
		{"cut", func(_ *SMSC, b *bind, _ int) error { b.tap().cut(); return nil }},
		{"unbind", func(_ *SMSC, b *bind, _ int) error { return b.tap().unbind() }},
		{"send-unknown", func(_ *SMSC, b *bind, n int) error {
			return b.tap().repeat(n, func(seq uint32) ([]byte, error) {
				return smpp.AppendHeader(nil, unknownCommand, smpp.StatusOK, seq), nil
			})
		}},
		{"send-bad-length", func(_ *SMSC, b *bind, _ int) error {
			return b.tap().say(func(seq uint32) ([]byte, error) {
				p := smpp.AppendHeader(nil, smpp.DeliverSM, smpp.StatusOK, seq)
				binary.BigEndian.PutUint32(p, badLength)
				return p, nil
			})
		}},
		{"send-cut-short", func(_ *SMSC, b *bind, n int) error { return b.tap().repeat(n, cutShort) }},
		{"send-alert", func(s *SMSC, b *bind, n int) error {
			from := subscriberAddress(s.anySIM())
			return b.tap().repeat(n, func(seq uint32) ([]byte, error) { return alert(seq, from, s.cfg.ShortCode), nil })
		}},
		{"send-data", func(s *SMSC, b *bind, n int) error { return s.flood(b, smpp.DataSM, n) }},
		{"flood", func(s *SMSC, b *bind, n int) error { return s.flood(b, smpp.DeliverSM, n) }},
	}
}

// Acts lists what Do can do.
func Acts() []string {
	var names []string
	for _, a := range acts() {
		names = append(names, a.name)
	}
	return names
}

// Do lets the operator do something bad once, n times where that makes sense,
// on each bind of a scope.
func (s *SMSC) Do(name, scope string, n int) error {
	all := acts()
	i := slices.IndexFunc(all, func(a act) bool { return a.name == name })
	if i < 0 {
		return fmt.Errorf("no act %q: write one of %s", name, strings.Join(Acts(), ", "))
	}
	s.mu.Lock()
	binds := slices.DeleteFunc(slices.Clone(s.binds), func(b *bind) bool { return !b.inScope(scope) })
	s.mu.Unlock()
	if len(binds) == 0 {
		return ErrNoApplication
	}
	for _, b := range binds {
		if err := all[i].do(s, b, max(1, n)); err != nil {
			return fmt.Errorf("smsc: %s: %w", name, err)
		}
	}
	return nil
}

// Outbind connects to an application that waits for it, says outbind, and
// serves the bind that comes back. It returns once that is said.
func (s *SMSC) Outbind(ctx context.Context, address string) error {
	s.mu.Lock()
	server := s.server
	s.mu.Unlock()
	if server == nil {
		return ErrClosed
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.DeliverLimit)
	defer cancel()
	c, err := s.cfg.Dial(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("smsc: outbind: %w", err)
	}
	t := s.newTap(c)
	err = t.say(func(seq uint32) ([]byte, error) {
		return smpp.AppendOutbind(nil, seq, smpp.OutbindRequest{SystemID: systemID, Password: s.cfg.OutbindPassword})
	})
	if err != nil {
		return errors.Join(fmt.Errorf("smsc: outbind: %w", err), t.Close())
	}
	s.spawn(func(ctx context.Context) { server.ServeConn(ctx, t) })
	return nil
}

// repeat says the same n times.
func (t *tap) repeat(n int, build func(seq uint32) ([]byte, error)) error {
	for range n {
		if err := t.say(build); err != nil {
			return err
		}
	}
	return nil
}

// unbind asks for the end past the session, which still has requests open.
func (t *tap) unbind() error {
	return t.say(func(seq uint32) ([]byte, error) {
		return smpp.AppendHeader(nil, smpp.Unbind, smpp.StatusOK, seq), nil
	})
}

// cutShort is a deliver_sm that ends inside its source address.
func cutShort(seq uint32) ([]byte, error) {
	p := append(smpp.AppendHeader(nil, smpp.DeliverSM, smpp.StatusOK, seq), 0, 1, 1, '2', '1', '2')
	binary.BigEndian.PutUint32(p, uint32(len(p)))
	return p, nil
}

// alert is an alert_notification, SMPP 3.4 §4.12.1.
func alert(seq uint32, from smpp.Address, esme string) []byte {
	p := append(smpp.AppendHeader(nil, smpp.AlertNotification, smpp.StatusOK, seq), from.TON, from.NPI)
	p = append(append(p, from.Addr...), 0, 0, 0)
	p = append(append(p, esme...), 0)
	binary.BigEndian.PutUint32(p, uint32(len(p)))
	return p
}

// flood sends n texts from one handset as fast as the window takes them. It
// returns once they are on their way.
func (s *SMSC) flood(b *bind, command smpp.Command, n int) error {
	from := subscriberAddress(s.anySIM())
	s.spawn(func(ctx context.Context) {
		for i := range n {
			payload, alphabet := gsm.Encode(strconv.Itoa(i + 1))
			m := smpp.ShortMessage{
				Command: command, Source: from, Dest: smpp.Address{Addr: s.cfg.ShortCode},
				DataCoding: alphabet.DataCoding(), Payload: payload,
			}
			err := b.SubmitAsync(ctx, m, func(_ smpp.SubmitResult, err error) {
				if err == nil {
					s.note(b, func(c *Counts) { c.Delivered++ })
				}
			})
			if err != nil {
				return
			}
		}
	})
	return nil
}

// anySIM is the first handset there is.
func (s *SMSC) anySIM() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.order) == 0 {
		return s.handset("+212600000001").msisdn
	}
	return s.order[0]
}
