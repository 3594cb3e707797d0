package smpp_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/smpptest"
)

func TestNoAnswerIsUnknownAndMayComeLate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := &recorder{}
		peer, s := smpptest.SMSC(t, smpp.SessionConfig{Window: 1, ResponseTimeout: 5 * time.Second}, h)
		start := time.Now()
		m := text("x")
		m.Ref = "row 7"
		got := submit(ctx, s, m)
		req, _ := peer.ExpectMessage(smpp.SubmitSM)
		a := <-got
		if !errors.Is(a.err, smpp.ErrTimeout) || !smpp.Unknown(a.err) || a.result.Seq != req.Seq || a.result.Ref != "row 7" {
			t.Fatalf("got %+v", a)
		}
		if d := time.Since(start); d != 5*time.Second {
			t.Errorf("timed out after %v", d)
		}
		// The slot is free again, and the link lives on.
		got = submit(ctx, s, text("y"))
		second, _ := peer.ExpectMessage(smpp.SubmitSM)
		peer.Answer(second, smpp.StatusOK, "2")
		if a := <-got; a.err != nil {
			t.Fatal(a.err)
		}
		peer.Answer(req, smpp.StatusOK, "late id")
		peer.Answer(req, smpp.StatusOK, "late id") // told once
		synctest.Wait()
		if len(h.late) != 1 || h.late[0].MessageID != "late id" || h.late[0].Ref != "row 7" || h.late[0].Command != smpp.SubmitSMResp {
			t.Errorf("late: %+v", h.late)
		}
	})
}

func TestCallerGivesUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := &recorder{}
		peer, s := smpptest.SMSC(t, smpp.SessionConfig{Window: 1}, h)
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		got := submit(short, s, text("x"))
		req, _ := peer.ExpectMessage(smpp.SubmitSM)
		if a := <-got; !smpp.Unknown(a.err) || !errors.Is(a.err, context.DeadlineExceeded) || a.result.Seq != req.Seq {
			t.Fatalf("got %+v", a)
		}
		if s.InFlight() != 1 {
			t.Errorf("%d in flight: the window bounds what is outstanding", s.InFlight())
		}
		peer.Answer(req, smpp.StatusOK, "id")
		synctest.Wait()
		if len(h.late) != 1 || h.late[0].MessageID != "id" || s.InFlight() != 0 {
			t.Errorf("late %+v, %d in flight", h.late, s.InFlight())
		}
	})
}

func TestEnquireLink(t *testing.T) {
	bubble(t, func(t *testing.T) {
		peer, s := smpptest.SMSC(t, smpp.SessionConfig{}, nil)
		start := time.Now()
		for i := range 3 {
			h, _ := peer.Expect(smpp.EnquireLink)
			if d := time.Since(start); d != time.Duration(i+1)*15*time.Second {
				t.Errorf("asked after %v", d)
			}
			peer.Header(smpp.EnquireLinkResp, 0, h.Seq)
		}
		// Any traffic is a sign of life.
		peer.Expect(smpp.EnquireLink)
		time.Sleep(9 * time.Second)
		peer.Message(1, mo("x"))
		peer.Expect(smpp.DeliverSMResp)
		peer.Expect(smpp.EnquireLink)
		asked := time.Now()
		peer.ExpectEnd()
		<-s.Done()
		if d := time.Since(asked); d != 10*time.Second || !errors.Is(s.Err(), smpp.ErrLinkDead) {
			t.Errorf("ended after %v with %v", d, s.Err())
		}
	})
}

func TestHalfOpenLink(t *testing.T) {
	bubble(t, func(t *testing.T) {
		near, far := net.Pipe()
		link := smpptest.NewFaulty(near)
		_, s := smpptest.SMSCOver(t, link, far, smpp.SessionConfig{}, nil)
		link.Freeze()
		start := time.Now()
		got := submit(ctx, s, text("x"))
		<-s.Done()
		if d := time.Since(start); d > 30*time.Second || !errors.Is(s.Err(), smpp.ErrLinkDead) {
			t.Errorf("ended after %v with %v", d, s.Err())
		}
		if a := <-got; !errors.Is(a.err, smpp.ErrLinkLost) || !errors.Is(a.err, smpp.ErrLinkDead) {
			t.Errorf("got %v", a.err)
		}
	})
}

// A peer that stops reading holds up the write; everything behind it was
// never sent.
func TestPeerStopsReading(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, s := smpptest.SMSC(t, smpp.SessionConfig{}, nil)
		start := time.Now()
		var got []<-chan answer
		for range 10 {
			got = append(got, submit(ctx, s, text("x")))
		}
		<-s.Done()
		if d := time.Since(start); d != 10*time.Second {
			t.Errorf("ended after %v", d)
		}
		for _, c := range got {
			if a := <-c; !errors.Is(a.err, smpp.ErrNotSent) || smpp.Unknown(a.err) {
				t.Errorf("got %v", a.err)
			}
		}
	})
}

// A peer that asks without end and never reads the answers must not fill our
// memory.
func TestBacklogHoldsTheReader(t *testing.T) {
	bubble(t, func(t *testing.T) {
		near, far := net.Pipe()
		_, s := smpptest.SMSCOver(t, near, far, smpp.SessionConfig{EnquireEvery: time.Hour}, nil)
		flood := smpp.AppendHeader(nil, smpp.EnquireLink, 0, 1)
		sent := 0
		for sent <= 8<<20 {
			if _, err := far.Write(flood); err != nil {
				break
			}
			sent += len(flood)
		}
		if sent > 2<<20 {
			t.Fatalf("%d octets taken from a peer that reads nothing", sent)
		}
		<-s.Done()
	})
}

// counted counts the writes that reach the link.
type counted struct {
	net.Conn
	writes atomic.Int32
}

func (c *counted) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

func TestWhatGathersGoesOutInOnePiece(t *testing.T) {
	bubble(t, func(t *testing.T) {
		near, far := net.Pipe()
		link := &counted{Conn: near}
		peer, s := smpptest.SMSCOver(t, link, far, smpp.SessionConfig{Window: 100}, nil)
		before := link.writes.Load()
		for range 100 {
			if err := s.SubmitAsync(ctx, text("x"), nil); err != nil {
				t.Fatal(err)
			}
			synctest.Wait() // the first write is held up: nobody reads yet
		}
		for range 100 {
			peer.ExpectMessage(smpp.SubmitSM)
		}
		if n := link.writes.Load() - before; n != 2 {
			t.Errorf("100 messages took %d writes", n)
		}
	})
}

func TestCutInsideAPDU(t *testing.T) {
	bubble(t, func(t *testing.T) {
		near, far := net.Pipe()
		link := smpptest.NewFaulty(near)
		peer, s := smpptest.SMSCOver(t, link, far, smpp.SessionConfig{}, nil)
		m := text("x")
		whole, err := smpp.AppendMessage(nil, 1, &m)
		if err != nil {
			t.Fatal(err)
		}
		link.CutAfter(len(whole) + len(whole)/2)
		first := submit(ctx, s, m)
		peer.ExpectMessage(smpp.SubmitSM)
		second := submit(ctx, s, m)
		go peer.Drain()
		if a := <-first; !errors.Is(a.err, smpp.ErrLinkLost) {
			t.Errorf("the whole one: %v", a.err)
		}
		if a := <-second; !errors.Is(a.err, smpp.ErrNotSent) {
			t.Errorf("the half one: %v", a.err)
		}
	})
}

func TestHalfAPDU(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 15, 16, 20} {
		bubbleSub(t, func(t *testing.T) {
			peer, s := smpptest.SMSC(t, smpp.SessionConfig{}, nil)
			start := time.Now()
			peer.Raw(pdu(t, "deliver_sm text")[:n])
			peer.ExpectEnd()
			<-s.Done()
			var timeout net.Error
			if d := time.Since(start); d != 10*time.Second || !errors.As(s.Err(), &timeout) || !timeout.Timeout() {
				t.Errorf("%d octets: ended after %v with %v", n, d, s.Err())
			}
		})
	}
}

func TestSlowButSteadyPDU(t *testing.T) {
	bubble(t, func(t *testing.T) {
		peer, _ := smpptest.SMSC(t, smpp.SessionConfig{EnquireEvery: time.Minute}, nil)
		raw := pdu(t, "deliver_sm text")
		peer.Raw(raw[:5])
		time.Sleep(9 * time.Second)
		peer.Raw(raw[5:])
		peer.ExpectStatus(smpp.DeliverSMResp, smpp.StatusOK)
		peer.ExpectSilence(20 * time.Second) // the clock has stopped
	})
}

func TestInactivity(t *testing.T) {
	bubble(t, func(t *testing.T) {
		esme, smsc := smpptest.Pair(t, smpptest.PairConfig{SMSCConfig: smpp.SessionConfig{Inactivity: time.Minute}})
		time.Sleep(50 * time.Second)
		if _, err := esme.Submit(ctx, text("x")); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		<-smsc.Done()
		if d := time.Since(start); d != time.Minute || !errors.Is(smsc.Err(), smpp.ErrInactive) {
			t.Errorf("ended after %v with %v", d, smsc.Err())
		}
		<-esme.Done()
		if !errors.Is(esme.Err(), smpp.ErrPeerUnbound) {
			t.Errorf("the other side ended with %v", esme.Err())
		}
	})
}

func bubbleSub(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Run("", func(t *testing.T) { bubble(t, f) })
}
