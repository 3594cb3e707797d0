package smpp

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
)

// Most peers hang up as soon as they have refused: whichever of the two Bind
// notices, it tells of the refusal.
func TestRefusalBeforeTheEnd(t *testing.T) {
	t.Parallel()
	near, far := net.Pipe()
	defer func() { _ = far.Close() }()
	s := newSession(context.Background(), near, sideESME, SessionConfig{}, nil)
	s.bindSeq = 1
	if !s.bindAnswered(Header{Command: BindTransceiverResp, Status: ErrInvPaswd, Seq: 1}, nil) {
		t.Fatal("the refusal answers nothing")
	}
	s.fail(io.EOF)
	if err := s.endOfBind(); !errors.Is(err, ErrInvPaswd) {
		t.Errorf("got %v, want %v", err, ErrInvPaswd)
	}
}

// A refusal is one answer: what carries the number 0 after it, which no request
// has, is none, and nobody waits for it.
func TestARefusedBindIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	near, far := net.Pipe()
	defer func() { _ = far.Close() }()
	s := newSession(context.Background(), near, sideESME, SessionConfig{}, nil)
	s.bindSeq = 1
	if !s.bindAnswered(Header{Command: BindTransceiverResp, Status: ErrInvPaswd, Seq: 1}, nil) {
		t.Fatal("the refusal answers nothing")
	}
	<-s.bound
	for _, c := range []Command{BindTransceiverResp, GenericNack} {
		if s.bindAnswered(Header{Command: c, Status: ErrInvPaswd}, nil) {
			t.Errorf("%v 0 answers the bind again", c)
			<-s.bound
		}
	}
}
