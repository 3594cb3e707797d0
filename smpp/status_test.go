package smpp

import (
	"errors"
	"fmt"
	"testing"
)

func TestStatusClasses(t *testing.T) {
	t.Parallel()
	temporary := map[Status]bool{0x08: true, 0x14: true, 0x58: true, 0x64: true}
	fatal := map[Status]bool{0x0D: true, 0x0E: true, 0x0F: true}
	for s := range Status(0x500) {
		if s.Temporary() != temporary[s] || s.BindFatal() != fatal[s] {
			t.Errorf("%v: temporary %v, bind fatal %v", s, s.Temporary(), s.BindFatal())
		}
		if s.Error() == "" || s.Name() == "" {
			t.Errorf("0x%x has no words", uint32(s))
		}
	}
	var got Status
	if err := fmt.Errorf("wrapped: %w", ErrThrottled); !errors.As(err, &got) || got != 0x58 {
		t.Errorf("got %v", got)
	}
	if ErrThrottled.Name() != "ESME_RTHROTTLED" || Status(0x450).Name() != "status 0x00000450" {
		t.Errorf("%s, %s", ErrThrottled.Name(), Status(0x450).Name())
	}
}

// The matrix of SMPP 3.4 §2.3, table 2-1, for the PDUs that we serve: E is
// the ESME, S the SMSC, * both.
func TestPermittedMatrix(t *testing.T) {
	t.Parallel()
	table := map[Command]string{ // open, tx, rx, trx, unbinding
		BindTransmitter:   "E....",
		BindReceiver:      "E....",
		BindTransceiver:   "E....",
		Outbind:           "S....",
		Unbind:            "*****",
		EnquireLink:       "*****",
		SubmitSM:          ".E.E.",
		DeliverSM:         "..SS.",
		DataSM:            ".ES*.",
		AlertNotification: "..SS.",
		QuerySM:           ".E.E.",
		CancelSM:          ".E.E.",
		ReplaceSM:         ".E.E.",
		SubmitMulti:       ".E.E.",
		BroadcastSM:       ".....",
	}
	states := []State{StateOpen, StateBoundTX, StateBoundRX, StateBoundTRX, StateUnbinding}
	for c, row := range table {
		for i, state := range states {
			esme := row[i] == 'E' || row[i] == '*'
			smsc := row[i] == 'S' || row[i] == '*'
			if mayRequest(state, c, sideESME) != esme || mayRequest(state, c, sideSMSC) != smsc {
				t.Errorf("%v in %v: ESME %v, SMSC %v", c, state, mayRequest(state, c, sideESME), mayRequest(state, c, sideSMSC))
			}
		}
		if mayRequest(StateClosed, c, sideBoth) {
			t.Errorf("%v in closed", c)
		}
	}
}
