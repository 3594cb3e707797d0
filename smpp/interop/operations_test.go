package interop_test

import (
	"context"
	"testing"

	"github.com/wasl-sms/wasl/smpp"
)

// clerk knows every operation of an SMSC, and refuses to cancel.
type clerk struct {
	received
	asked chan any
}

func (c clerk) Query(_ context.Context, _ *smpp.Session, q smpp.Query) (smpp.QueryResult, error) {
	c.asked <- q.MessageID
	return smpp.QueryResult{MessageID: q.MessageID, FinalDate: "261121120000000+", State: smpp.MessageDelivered, ErrorCode: 3}, nil
}

func (c clerk) Cancel(_ context.Context, _ *smpp.Session, q smpp.Cancel) error {
	c.asked <- q.MessageID + " to " + q.Dest.Addr
	return smpp.ErrCancelFail
}

func (c clerk) Replace(_ context.Context, _ *smpp.Session, r smpp.Replace) error {
	c.asked <- string(r.Payload)
	return nil
}

func (c clerk) SubmitMulti(_ context.Context, _ *smpp.Session, m smpp.Multi) (smpp.MultiResult, error) {
	c.asked <- m.Dests[0].Address.Addr + " and " + m.Dests[1].List + ": " + string(m.Message.Payload)
	return smpp.MultiResult{MessageID: "M1", Failed: []smpp.Unreached{{Dest: m.Dests[0].Address, Status: smpp.ErrInvDstAdr}}}, nil
}

func TestNodeAsksOfOurServer(t *testing.T) {
	c := clerk{make(received), make(chan any, 8)}
	port, _ := serve(t, c)
	lines := program(t, "node", nodeScript(t, "operations.js"), port)
	expect(t, lines, `{"multi":0,"id":"M1","failed":[{"dest_addr_ton":1,"dest_addr_npi":1,"destination_addr":"212600000001","error_status_code":11}]}`)
	expect(t, lines, `{"query":0,"id":"A1","date":"2026-11-21T12:00:00.000Z","state":2,"error":3}`)
	expect(t, lines, `{"cancel":17}`)
	expect(t, lines, `{"replace":0}`)
	expect(t, lines, `{"nack":3}`)
	expect(t, lines, `{"unbind":0}`)
	for _, want := range []any{"212600000001 and families: hi", "A1", "A1 to 212600000001", "ho"} {
		if got := <-c.asked; got != want {
			t.Errorf("asked %v, want %v", got, want)
		}
	}
}
