package smpp_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/smpptest"
)

func closing(ctx context.Context, s *smpp.Session) <-chan error {
	c := make(chan error, 1)
	go func() { c <- s.Close(ctx) }()
	return c
}

func TestCloseDrains(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := &recorder{delay: time.Second}
		peer, s := smpptest.SMSC(t, smpp.SessionConfig{}, h)
		got := submit(ctx, s, text("under way"))
		req, _ := peer.ExpectMessage(smpp.SubmitSM)
		peer.Message(1, mo("being handled"))
		synctest.Wait()
		closed := closing(ctx, s)
		synctest.Wait()
		if _, err := s.Submit(ctx, text("too late")); !errors.Is(err, smpp.ErrClosed) || smpp.Unknown(err) {
			t.Errorf("submit while closing: %v", err)
		}
		peer.Message(2, mo("too late"))
		peer.ExpectStatus(smpp.DeliverSMResp, smpp.ErrRxTAppn)
		peer.ExpectStatus(smpp.DeliverSMResp, smpp.StatusOK)
		peer.Answer(req, smpp.StatusOK, "id")
		if a := <-got; a.err != nil {
			t.Errorf("under way: %v", a.err)
		}
		unbind, _ := peer.Expect(smpp.Unbind)
		peer.Header(smpp.EnquireLink, 0, 3)
		peer.Expect(smpp.EnquireLinkResp)
		peer.Message(4, mo("written before the unbind was read"))
		peer.ExpectStatus(smpp.DeliverSMResp, smpp.ErrRxTAppn)
		peer.Header(smpp.UnbindResp, 0, unbind.Seq)
		peer.ExpectEnd()
		if err := <-closed; err != nil || s.Err() != nil {
			t.Errorf("closed with %v, %v", err, s.Err())
		}
		if err := s.Close(ctx); err != nil {
			t.Errorf("closed again: %v", err)
		}
	})
}

func TestCloseIsBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		peer, s := smpptest.SMSC(t, smpp.SessionConfig{}, nil)
		got := submit(ctx, s, text("never answered"))
		peer.ExpectMessage(smpp.SubmitSM)
		start := time.Now()
		closed := closing(ctx, s)
		peer.Expect(smpp.Unbind)
		if err := <-closed; !errors.Is(err, smpp.ErrNotDrained) {
			t.Errorf("closed with %v", err)
		}
		if d := time.Since(start); d != 15*time.Second {
			t.Errorf("closed after %v", d)
		}
		if a := <-got; !errors.Is(a.err, smpp.ErrLinkLost) {
			t.Errorf("got %v", a.err)
		}
	})
}

func TestCloseWithAnEndedContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		peer, s := smpptest.SMSC(t, smpp.SessionConfig{}, nil)
		got := submit(ctx, s, text("never answered"))
		peer.ExpectMessage(smpp.SubmitSM)
		ended, cancel := context.WithCancel(ctx)
		cancel()
		if err := s.Close(ended); !errors.Is(err, smpp.ErrNotDrained) {
			t.Errorf("closed with %v", err)
		}
		<-s.Done()
		if a := <-got; !smpp.Unknown(a.err) {
			t.Errorf("got %v", a.err)
		}
	})
}

func TestPeerUnbindsWhileTheWindowIsFull(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := &recorder{delay: time.Second}
		peer, s := smpptest.SMSC(t, smpp.SessionConfig{Window: 2}, h)
		var got []<-chan answer
		for range 3 {
			got = append(got, submit(ctx, s, text("x")))
		}
		answered, _ := peer.ExpectMessage(smpp.SubmitSM)
		peer.ExpectMessage(smpp.SubmitSM)
		peer.Message(1, mo("being handled"))
		peer.Header(smpp.Unbind, 0, 2)
		peer.Message(3, mo("after its own unbind"))
		peer.ExpectStatus(smpp.DeliverSMResp, smpp.ErrRxTAppn)
		peer.Answer(answered, smpp.StatusOK, "id")
		peer.ExpectStatus(smpp.DeliverSMResp, smpp.StatusOK) // before unbind_resp
		peer.ExpectStatus(smpp.UnbindResp, smpp.StatusOK)
		peer.Close()
		<-s.Done()
		if !errors.Is(s.Err(), smpp.ErrPeerUnbound) {
			t.Errorf("ended with %v", s.Err())
		}
		var accepted, unknown, unsent int
		for _, c := range got {
			switch a := <-c; {
			case a.err == nil:
				accepted++
			case smpp.Unknown(a.err):
				unknown++
			case errors.Is(a.err, smpp.ErrClosed):
				unsent++
			}
		}
		if accepted != 1 || unknown != 1 || unsent != 1 {
			t.Errorf("%d accepted, %d unknown, %d unsent", accepted, unknown, unsent)
		}
	})
}

func TestBothUnbindAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		esme, smsc := smpptest.Pair(t, smpptest.PairConfig{})
		a, b := closing(ctx, esme), closing(ctx, smsc)
		if err := <-a; err != nil {
			t.Error(err)
		}
		if err := <-b; err != nil {
			t.Error(err)
		}
	})
}

// A message whose handler still runs when the link goes is not answered, so
// the peer sends it again; the handler hears of it through its context.
func TestLinkLostUnderAHandler(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cancelled := make(chan error, 1)
		h := smpp.HandlerFunc(func(ctx context.Context, _ *smpp.Session, _ smpp.ShortMessage) (smpp.Reply, error) {
			<-ctx.Done()
			cancelled <- ctx.Err()
			return smpp.Reply{}, nil
		})
		peer, s := smpptest.SMSC(t, smpp.SessionConfig{HandlerConcurrency: 1}, h)
		peer.Message(1, mo("running"))
		peer.Message(2, mo("waiting"))
		synctest.Wait()
		peer.Close()
		<-s.Done()
		if err := <-cancelled; err == nil {
			t.Error("the handler was not told")
		}
		synctest.Wait()
		if len(cancelled) != 0 {
			t.Error("a waiting message was handled after the link had gone")
		}
	})
}
