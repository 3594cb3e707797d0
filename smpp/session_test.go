package smpp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/smpptest"
)

func text(s string) smpp.ShortMessage {
	return smpp.ShortMessage{
		Command: smpp.SubmitSM,
		Source:  smpp.Address{TON: smpp.TONShortCode, Addr: "369"},
		Dest:    smpp.Address{TON: smpp.TONInternational, NPI: smpp.NPIISDN, Addr: "212600000001"},
		Payload: []byte(s),
	}
}

func TestBothDirections(t *testing.T) {
	bubble(t, func(t *testing.T) {
		toESME, toSMSC := &recorder{}, &recorder{}
		esme, smsc := smpptest.Pair(t, smpptest.PairConfig{ESME: toESME, SMSC: toSMSC})
		r, err := esme.Submit(ctx, text("hello"))
		if err != nil || r.MessageID != "1" {
			t.Fatalf("got %+v, %v", r, err)
		}
		if _, err := smsc.Submit(ctx, mo("hi")); err != nil {
			t.Fatal(err)
		}
		data := text("both ways")
		data.Command, data.UsePayloadTLV = smpp.DataSM, true
		for _, s := range []*smpp.Session{esme, smsc} {
			if _, err := s.Submit(ctx, data); err != nil {
				t.Fatal(err)
			}
		}
		if toESME.count() != 2 || toSMSC.count() != 2 {
			t.Errorf("%d and %d messages arrived", toESME.count(), toSMSC.count())
		}
		if esme.PeerSystemID() != "smsc" || smsc.PeerSystemID() != "esme" {
			t.Errorf("system ids %q, %q", esme.PeerSystemID(), smsc.PeerSystemID())
		}
		if esme.State() != smpp.StateBoundTRX || smsc.Mode() != smpp.Transceiver {
			t.Errorf("state %v, mode %v", esme.State(), smsc.Mode())
		}
	})
}

func TestRefusalIsAStatus(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := &recorder{err: fmt.Errorf("too fast: %w", smpp.ErrThrottled)}
		esme, _ := smpptest.Pair(t, smpptest.PairConfig{SMSC: h})
		m := text("x")
		m.Ref = 42
		r, err := esme.Submit(ctx, m)
		if !errors.Is(err, smpp.ErrThrottled) || r.Status != smpp.ErrThrottled || r.Ref != 42 || smpp.Unknown(err) {
			t.Errorf("got %+v, %v", r, err)
		}
	})
}

func TestHandlerErrorAsksForRepetition(t *testing.T) {
	bubble(t, func(t *testing.T) {
		traced := &problems{}
		broken := &recorder{err: errors.New("database is down")}
		esme, smsc := smpptest.Pair(t, smpptest.PairConfig{
			ESME: broken, SMSC: broken,
			ESMEConfig: smpp.SessionConfig{Tracer: traced},
		})
		if _, err := smsc.Submit(ctx, mo("x")); !errors.Is(err, smpp.ErrRxTAppn) {
			t.Errorf("an ESME answered %v", err)
		}
		if _, err := esme.Submit(ctx, text("x")); !errors.Is(err, smpp.ErrSysErr) {
			t.Errorf("an SMSC answered %v", err)
		}
		if len(traced.errs) != 1 || !errors.Is(traced.errs[0], broken.err) || traced.pdus == 0 {
			t.Errorf("traced %v", traced.errs)
		}
	})
}

// Both sides count from 1, so that numbers collide all the time.
func TestSameNumberBothWays(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := &recorder{}
		peer, s := smpptest.SMSC(t, smpp.SessionConfig{}, h)
		for range 100 {
			got := submit(ctx, s, text("ours"))
			req, _ := peer.ExpectMessage(smpp.SubmitSM)
			peer.Message(req.Seq, mo("theirs"))
			if h := peer.ExpectStatus(smpp.DeliverSMResp, smpp.StatusOK); h.Seq != req.Seq {
				t.Fatalf("answered %d, not %d", h.Seq, req.Seq)
			}
			peer.Header(smpp.DeliverSMResp, smpp.StatusOK, req.Seq) // not the answer to a submit_sm
			peer.Answer(req, smpp.StatusOK, "id")
			if a := <-got; a.err != nil || a.result.MessageID != "id" {
				t.Fatalf("got %+v", a)
			}
		}
		if h.count() != 100 {
			t.Errorf("%d of 100 messages reached the handler", h.count())
		}
	})
}

func TestSubmitInsideHandler(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := smpp.HandlerFunc(func(ctx context.Context, s *smpp.Session, _ smpp.ShortMessage) (smpp.Reply, error) {
			_, err := s.Submit(ctx, text("menu"))
			return smpp.Reply{}, err
		})
		_, smsc := smpptest.Pair(t, smpptest.PairConfig{ESME: h, ESMEConfig: smpp.SessionConfig{Window: 1}})
		if _, err := smsc.Submit(ctx, mo("*369#")); err != nil {
			t.Error(err)
		}
	})
}

func TestAnswersOutOfOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		peer, s := smpptest.SMSC(t, smpp.SessionConfig{}, nil)
		var got [5]<-chan answer
		var asked [5]smpp.Header
		for i := range got {
			got[i] = submit(ctx, s, text("x"))
			asked[i], _ = peer.ExpectMessage(smpp.SubmitSM)
		}
		for i := range got {
			i = len(got) - 1 - i
			peer.Answer(asked[i], smpp.StatusOK, fmt.Sprint("id", i))
			if a := <-got[i]; a.result.MessageID != fmt.Sprint("id", i) || a.result.Seq != asked[i].Seq {
				t.Errorf("%d got %+v", i, a)
			}
		}
	})
}

func TestGenericNackIsARefusal(t *testing.T) {
	bubble(t, func(t *testing.T) {
		peer, s := smpptest.SMSC(t, smpp.SessionConfig{}, nil)
		for _, status := range []smpp.Status{smpp.ErrInvCmdLen, smpp.StatusOK} {
			got := submit(ctx, s, text("x"))
			req, _ := peer.ExpectMessage(smpp.SubmitSM)
			peer.Header(smpp.GenericNack, status, req.Seq)
			var refused smpp.Status
			if a := <-got; !errors.As(a.err, &refused) || refused == smpp.StatusOK {
				t.Errorf("got %+v", a)
			}
		}
	})
}

func TestWindowBlocks(t *testing.T) {
	bubble(t, func(t *testing.T) {
		peer, s := smpptest.SMSC(t, smpp.SessionConfig{Window: 3}, nil)
		var got []<-chan answer
		for range 5 {
			got = append(got, submit(ctx, s, text("x")))
		}
		var asked []smpp.Header
		for range 3 {
			h, _ := peer.ExpectMessage(smpp.SubmitSM)
			asked = append(asked, h)
		}
		peer.ExpectSilence(time.Second)
		if s.InFlight() != 3 {
			t.Errorf("%d in flight", s.InFlight())
		}
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if _, err := s.Submit(short, text("x")); !errors.Is(err, smpp.ErrNotSent) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("without room: %v", err)
		}
		for range 2 {
			peer.Answer(asked[0], smpp.StatusOK, "id")
			asked = asked[1:]
			h, _ := peer.ExpectMessage(smpp.SubmitSM)
			asked = append(asked, h)
			if s.InFlight() != 3 {
				t.Errorf("%d in flight", s.InFlight())
			}
		}
		for _, h := range asked {
			peer.Answer(h, smpp.StatusOK, "id")
		}
		for _, c := range got {
			if a := <-c; a.err != nil {
				t.Error(a.err)
			}
		}
	})
}

func TestSessionSurvives(t *testing.T) {
	fiveKB := mo("")
	fiveKB.UsePayloadTLV, fiveKB.Payload = true, bytes.Repeat([]byte("x"), 5000)
	bubble(t, func(t *testing.T) {
		h := &recorder{}
		traced := &problems{}
		peer, s := smpptest.SMSC(t, smpp.SessionConfig{Tracer: traced}, h)

		data := mo("data")
		data.Command, data.UsePayloadTLV = smpp.DataSM, true
		peer.Message(1, data)
		peer.ExpectStatus(smpp.DataSMResp, smpp.StatusOK)

		peer.Message(2, fiveKB)
		peer.ExpectStatus(smpp.DeliverSMResp, smpp.StatusOK)

		peer.Raw(alertNotification())
		peer.Header(0x00001234, 0, 3)
		peer.ExpectStatus(smpp.GenericNack, smpp.ErrInvCmdID)
		peer.Header(smpp.QuerySM, 0, 4)
		peer.ExpectStatus(smpp.QuerySMResp, smpp.ErrInvBndSts)
		peer.Header(0x80001234, 0, 5) // a response to nothing is not answered
		peer.Header(smpp.SubmitSMResp, 0, 999)
		peer.Header(smpp.EnquireLinkResp, 0, 999)
		peer.Header(smpp.UnbindResp, 0, 999)
		peer.Header(smpp.BindTransceiverResp, 0, 999)
		peer.Header(smpp.Outbind, 0, 6)

		for _, c := range pdus(t) {
			if c.file != "malformed.hex" || c.raw[7] != byte(smpp.DeliverSM) && c.raw[6] != 1 {
				continue
			}
			peer.Raw(c.raw)
			if h, _ := peer.Next(); h.Status.Name() != c.verdict {
				t.Errorf("%s: %v with %v", c.name, h.Command, h.Status)
			}
		}
		peer.Message(7, text("an SMSC does not submit"))
		peer.ExpectStatus(smpp.SubmitSMResp, smpp.ErrInvBndSts)
		peer.Header(smpp.BindTransceiver, 0, 8)
		peer.ExpectStatus(smpp.BindTransceiverResp, smpp.ErrInvBndSts)

		peer.Header(smpp.EnquireLink, 0, 9)
		if h := peer.ExpectStatus(smpp.EnquireLinkResp, smpp.StatusOK); h.Seq != 9 {
			t.Errorf("answered %d", h.Seq)
		}
		synctest.Wait()
		if h.count() != 2 || len(h.alerts) != 1 || h.alerts[0].Source.Addr != "212600000001" {
			t.Errorf("%d messages, alerts %v", h.count(), h.alerts)
		}
		if s.Err() != nil || s.State() != smpp.StateBoundTRX {
			t.Errorf("session is %v: %v", s.State(), s.Err())
		}
		if len(traced.errs) < 6 {
			t.Errorf("traced %v", traced.errs)
		}
	})
}

// What is dropped says why, whatever the reason.
func TestAlertFromTheWrongSide(t *testing.T) {
	bubble(t, func(t *testing.T) {
		traced := &problems{}
		peer := smpptest.ESME(t, &smpp.Server{Auth: accept, Handler: smpptest.Accept, Session: smpp.SessionConfig{Tracer: traced}})
		peer.Bind()
		peer.Raw(alertNotification())
		peer.Header(smpp.EnquireLink, 0, 9)
		peer.ExpectStatus(smpp.EnquireLinkResp, smpp.StatusOK)
		if len(traced.errs) != 1 || !errors.Is(traced.errs[0], smpp.ErrInvBndSts) || strings.Contains(traced.errs[0].Error(), "%!") {
			t.Errorf("traced %v", traced.errs)
		}
	})
}

func alertNotification() []byte {
	b := smpp.AppendHeader(nil, smpp.AlertNotification, 0, 50)
	b = append(b, "\x01\x01212600000001\x00\x00\x00wasl\x00"...)
	b = append(b, 0x04, 0x22, 0x00, 0x01, 0x00)
	b[3] = byte(len(b))
	return b
}

func TestImpossibleLengthEndsTheSession(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"command_length 0", "command_length 15", "command_length 2^31", "command_length 2^32-1"} {
		t.Run(name, func(t *testing.T) {
			raw := pdu(t, name)
			bubble(t, func(t *testing.T) {
				peer, s := smpptest.SMSC(t, smpp.SessionConfig{}, nil)
				peer.Raw(raw)
				peer.ExpectStatus(smpp.GenericNack, smpp.ErrInvCmdLen)
				peer.ExpectEnd()
				<-s.Done()
				if !errors.Is(s.Err(), smpp.ErrFrame) {
					t.Errorf("ended with %v", s.Err())
				}
			})
		})
	}
}

func TestModesAreKept(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mode          smpp.Mode
		submit, deliv bool
	}{{smpp.Transmitter, true, false}, {smpp.Receiver, false, true}, {smpp.Transceiver, true, true}} {
		t.Run(c.mode.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				esme, smsc := smpptest.Pair(t, smpptest.PairConfig{Mode: c.mode})
				if _, err := esme.Submit(ctx, text("x")); (err == nil) != c.submit || err != nil && !errors.Is(err, smpp.ErrNotSent) {
					t.Errorf("submit_sm: %v", err)
				}
				if _, err := smsc.Submit(ctx, mo("x")); (err == nil) != c.deliv || err != nil && !errors.Is(err, smpp.ErrNotSent) {
					t.Errorf("deliver_sm: %v", err)
				}
			})
		})
	}
}

func TestSlowHandlerDelaysNoEnquireLink(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := &recorder{delay: 2 * time.Second}
		peer, _ := smpptest.SMSC(t, smpp.SessionConfig{HandlerConcurrency: 2, HandlerQueue: 3}, h)
		for i := range 7 {
			peer.Message(uint32(i+1), mo("x"))
		}
		// Two run, three wait; the others are to come again.
		for i := range 2 {
			if h := peer.ExpectStatus(smpp.DeliverSMResp, smpp.ErrRxTAppn); h.Seq != uint32(6+i) {
				t.Errorf("refused %d", h.Seq)
			}
		}
		before := time.Now()
		peer.Header(smpp.EnquireLink, 0, 99)
		peer.ExpectStatus(smpp.EnquireLinkResp, smpp.StatusOK)
		if d := time.Since(before); d > 100*time.Millisecond {
			t.Errorf("enquire_link answered after %v", d)
		}
		for range 5 {
			peer.ExpectStatus(smpp.DeliverSMResp, smpp.StatusOK)
		}
		if h.count() != 5 {
			t.Errorf("%d handled", h.count())
		}
	})
}

func TestRequestsWithoutAHandlerAreRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := &smpp.Server{Auth: accept}
		peer := smpptest.ESME(t, server)
		peer.Bind()
		peer.Message(2, text("x"))
		peer.ExpectStatus(smpp.SubmitSMResp, smpp.ErrThrottled)
	})
}

func accept(context.Context, smpp.BindRequest) smpp.Status { return smpp.StatusOK }

func TestCallbacksComeOnceAndBeforeDone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		peer, s := smpptest.SMSC(t, smpp.SessionConfig{Window: 4}, nil)
		calls := map[uint32]int{}
		var errs []error
		for range 4 {
			if err := s.SubmitAsync(ctx, text("x"), func(r smpp.SubmitResult, err error) {
				calls[r.Seq]++
				errs = append(errs, err)
			}); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 4 {
			if h, _ := peer.ExpectMessage(smpp.SubmitSM); i < 2 {
				peer.Answer(h, smpp.StatusOK, "id")
				peer.Answer(h, smpp.StatusOK, "again")
			}
		}
		peer.Close()
		<-s.Done()
		lost := 0
		for _, err := range errs {
			if errors.Is(err, smpp.ErrLinkLost) && smpp.Unknown(err) {
				lost++
			}
		}
		if len(calls) != 4 || len(errs) != 4 || lost != 2 {
			t.Errorf("calls %v, errors %v", calls, errs)
		}
		if err := s.SubmitAsync(ctx, text("x"), nil); !errors.Is(err, smpp.ErrClosed) {
			t.Errorf("after the end: %v", err)
		}
	})
}
