package smpp_test

import (
	"context"
	"testing"
	"testing/synctest"

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

func TestSubmitAndClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		esme, smsc := smpptest.Pair(t, smpptest.PairConfig{})
		r, err := esme.Submit(context.Background(), text("hello"))
		if err != nil || r.MessageID != "1" {
			t.Fatalf("got %+v, %v", r, err)
		}
		mo := text("hi")
		mo.Command = smpp.DeliverSM
		if _, err := smsc.Submit(context.Background(), mo); err != nil {
			t.Fatal(err)
		}
		if esme.PeerSystemID() != "smsc" || smsc.PeerSystemID() != "esme" {
			t.Errorf("system ids %q, %q", esme.PeerSystemID(), smsc.PeerSystemID())
		}
		if err := esme.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
		<-smsc.Done()
		if smsc.Err() != smpp.ErrPeerUnbound {
			t.Errorf("smsc ended with %v", smsc.Err())
		}
	})
}
