package interop_test

import (
	"context"
	"errors"
	"testing"

	"github.com/wasl-sms/wasl/smpp"
)

func TestPerlAsESME(t *testing.T) {
	got := make(received)
	port, bound := serve(t, got)
	lines := program(t, "perl", "testdata/esme.pl", port)
	expect(t, lines, "bind 0 wasl")
	s := <-bound
	m := got.next(t)
	if op, _ := m.TLVs.Uint(smpp.TagUSSDServiceOp); string(m.Payload) != "hi" || op != 2 {
		t.Errorf("got %q, op %d", m.Payload, op)
	}
	expect(t, lines, "submit 0 W1")
	expect(t, lines, "enquire 0")
	if _, err := s.Submit(context.Background(), menu(smpp.DeliverSM, "1 Permis")); err != nil {
		t.Errorf("deliver: %v", err)
	}
	expect(t, lines, "deliver 0x00000005 1 Permis op 2")
	expect(t, lines, "unbind 0")
	<-s.Done()
	if !errors.Is(s.Err(), smpp.ErrPeerUnbound) {
		t.Errorf("ended with %v", s.Err())
	}
}

func TestPerlAsSMSC(t *testing.T) {
	lines := program(t, "perl", "testdata/smsc.pl")
	got := make(received)
	s := bind(t, after(t, <-lines, "port "), got)
	expect(t, lines, "bind 0x00000009 wasl secret")
	r, err := s.Submit(context.Background(), menu(smpp.SubmitSM, "1 Permis"))
	if err != nil || r.MessageID != "P1" {
		t.Fatalf("got %+v, %v", r, err)
	}
	expect(t, lines, "submit 212600000001 1 Permis op 2")
	m := got.next(t)
	info, _ := m.TLVs.Get(smpp.TagITSSessionInfo)
	if string(m.Payload) != "*369#" || string(info) != "\x12\x00" {
		t.Errorf("got %q, session %x", m.Payload, info)
	}
	expect(t, lines, "answer 0x80000005 0")
	if err := s.Close(context.Background()); err != nil {
		t.Error(err)
	}
	expect(t, lines, "unbind 0x00000006")
}
