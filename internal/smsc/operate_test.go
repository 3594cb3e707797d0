package smsc_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wasl-sms/wasl/internal/smsc"
	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/smpptest"
)

const (
	ours    = "\x03\x003690\x00"                // source_addr of sms
	theirs  = "\x01\x01212600000001\x00"        // dest_addr of sms
	noTimes = "\x00\x00"                        // schedule_delivery_time, validity_period
	plain   = "\x00\x00\x00" + noTimes + "\x01" // esm_class to registered_delivery
)

// asker is a bound application of octets that asks what our client never does.
type asker struct {
	*smpptest.Peer
	t   *testing.T
	seq uint32
}

func asks(t *testing.T, w *smpptest.Wire) *asker {
	t.Helper()
	p := w.Call(t)
	p.Bind()
	return &asker{p, t, 1}
}

// ask gives the body and the status of the answer.
func (a *asker) ask(c smpp.Command, body string) (string, smpp.Status) {
	a.t.Helper()
	a.seq++
	b := append(smpp.AppendHeader(nil, c, smpp.StatusOK, a.seq), body...)
	binary.BigEndian.PutUint32(b, uint32(len(b)))
	a.Raw(b)
	h, answer := a.Expect(c.Response())
	if h.Seq != a.seq {
		a.t.Errorf("%v: answer to %d", c, h.Seq)
	}
	return string(answer), h.Status
}

func (a *asker) wants(c smpp.Command, body string, want smpp.Status) string {
	a.t.Helper()
	answer, status := a.ask(c, body)
	if status != want {
		a.t.Errorf("%v %q: %v, want %v", c, body, status, want)
	}
	return answer
}

// submit gives the message id.
func (a *asker) submit(body string) string {
	a.t.Helper()
	m := sms(strings.TrimPrefix(sim, "+"), body)[0]
	m.Source.TON = 3
	a.seq++
	a.Message(a.seq, m)
	_, answer := a.Expect(smpp.SubmitSMResp)
	return smpp.DecodeReply(answer).MessageID
}

// receipt reads the receipt that comes next, and takes it.
func (a *asker) receipt() smpp.Receipt {
	a.t.Helper()
	h, m := a.ExpectMessage(smpp.DeliverSM)
	a.Answer(h, smpp.StatusOK, "")
	r, ok := smpp.ParseReceipt(m)
	if !ok {
		a.t.Fatal("no receipt")
	}
	return r
}

// state asks after a message: its final date, state and error.
func (a *asker) state(id string) (date string, s smpp.MessageState, code byte) {
	a.t.Helper()
	answer := a.wants(smpp.QuerySM, id+"\x00"+ours, smpp.StatusOK)
	date, rest, _ := strings.Cut(strings.TrimPrefix(answer, id+"\x00"), "\x00")
	if len(rest) != 2 {
		a.t.Fatalf("answer %q", answer)
	}
	return date, smpp.MessageState(rest[0]), rest[1]
}

func TestQuery(t *testing.T) {
	t.Parallel()
	inTime(t, "receipt-delay=10s", func(t *testing.T, s *smsc.SMSC, w *smpptest.Wire) {
		a := asks(t, w)
		id := a.submit("Bonjour")
		if date, state, _ := a.state(id); date != "" || state != smpp.MessageEnroute {
			t.Errorf("on its way: %s, %v", date, state)
		}
		a.receipt()
		synctest.Wait()
		if date, state, code := a.state(id); date != time.Now().UTC().Format("060102150405")+"000+" || state != smpp.MessageDelivered || code != 0 {
			t.Errorf("delivered: %s, %v, %d", date, state, code)
		}
		s.SetSubscriber(sim, smsc.Absent)
		id = a.submit("Bonjour")
		a.receipt()
		if _, state, code := a.state(id); state != smpp.MessageUndeliverable || code != 27 {
			t.Errorf("not delivered: %v, %d", state, code)
		}
		a.wants(smpp.QuerySM, "nothing\x00"+ours, smpp.ErrInvMsgID)
		a.wants(smpp.QuerySM, id+"\x00"+theirs, smpp.ErrQueryFail)
		other := &asker{w.Call(t), t, 1}
		b, err := smpp.AppendBind(nil, 1, smpp.BindRequest{SystemID: "wasl", Password: "secret", InterfaceVersion: 0x34})
		if err != nil {
			t.Fatal(err)
		}
		other.Raw(b)
		other.ExpectStatus(smpp.BindTransceiverResp, smpp.StatusOK)
		other.wants(smpp.QuerySM, id+"\x00"+ours, smpp.ErrInvMsgID) // of another account
	})
}

func TestCancel(t *testing.T) {
	t.Parallel()
	inTime(t, "receipt-delay=10s", func(t *testing.T, s *smsc.SMSC, w *smpptest.Wire) {
		a := asks(t, w)
		id := a.submit("Bonjour")
		a.wants(smpp.CancelSM, "\x00"+id+"\x00"+theirs+theirs, smpp.ErrCancelFail) // of another source
		a.wants(smpp.CancelSM, "\x00"+id+"\x00"+ours+"\x00\x00\x00", smpp.StatusOK)
		if n := len(s.Inbox(sim)); n != 0 {
			t.Errorf("%d messages on the handset", n)
		}
		if date, state, _ := a.state(id); date == "" || state != smpp.MessageDeleted {
			t.Errorf("cancelled: %s, %v", date, state)
		}
		if r := a.receipt(); r.ID != id || r.State != smpp.MessageDeleted {
			t.Errorf("receipt %v %v", r.ID, r.State)
		}
		a.wants(smpp.CancelSM, "\x00"+id+"\x00"+ours+theirs, smpp.ErrCancelFail)
		first, second := a.submit("Un"), a.submit("Deux")
		a.wants(smpp.CancelSM, "CMT\x00\x00"+ours+theirs, smpp.ErrCancelFail) // none of that service
		a.wants(smpp.CancelSM, "\x00\x00"+ours+theirs, smpp.StatusOK)
		for range 2 {
			if r := a.receipt(); r.State != smpp.MessageDeleted || r.ID != first && r.ID != second {
				t.Errorf("receipt %v %v", r.ID, r.State)
			}
		}
	})
}

func TestReplace(t *testing.T) {
	t.Parallel()
	inTime(t, "receipt-delay=10s", func(t *testing.T, s *smsc.SMSC, w *smpptest.Wire) {
		a := asks(t, w)
		id := a.submit("Bonjour")
		with := func(words string, registered byte) string {
			return fmt.Sprintf("%s\x00%s%s%c\x00%c%s", id, ours, noTimes, registered, len(words), words)
		}
		a.wants(smpp.ReplaceSM, with("Bonsoir", 1), smpp.StatusOK)
		if in := s.Inbox(sim); len(in) != 1 || in[0].Text != "Bonsoir" {
			t.Errorf("%d messages, %q", len(in), in[0].Text)
		}
		if r := a.receipt(); r.ID != id || r.State != smpp.MessageDelivered {
			t.Errorf("receipt %v %v", r.ID, r.State)
		}
		a.wants(smpp.ReplaceSM, with("Trop tard", 1), smpp.ErrReplaceFail)
		id = a.submit("Bonjour")
		a.wants(smpp.ReplaceSM, with("Sans", 0), smpp.StatusOK)
		a.ExpectSilence(12 * time.Second)
		if _, state, _ := a.state(id); state != smpp.MessageDelivered {
			t.Errorf("without a receipt it is %v", state)
		}
		if l := s.Ledger(); len(l) != 2 || l[0].Text != "Bonjour" {
			t.Errorf("the ledger tells what was submitted: %d entries", len(l))
		}
	})
}

func TestSubmitMulti(t *testing.T) {
	t.Parallel()
	inTime(t, "receipt-delay=1s", func(t *testing.T, s *smsc.SMSC, w *smpptest.Wire) {
		s.AddSIM("+212600000002")
		s.SetSubscriber("+212600000002", smsc.Absent)
		a := asks(t, w)
		to := "\x03\x01" + theirs + "\x01\x01\x01212600000002\x00\x02families\x00"
		answer := a.wants(smpp.SubmitMulti, "\x00"+ours+to+plain+"\x00\x00\x00\x02Un", smpp.StatusOK)
		id, failed, _ := strings.Cut(answer, "\x00")
		if failed != "\x01\x00\x00\x00\x00\x00\x00\x44" { // one, of no address, ESME_RCNTSUBDL
			t.Errorf("answered %q", answer)
		}
		if in := s.Inbox(sim); len(in) != 1 || in[0].Text != "Un" {
			t.Errorf("%d messages", len(in))
		}
		states := map[smpp.MessageState]int{}
		for range 2 {
			r := a.receipt()
			states[r.State]++
			if r.ID != id {
				t.Errorf("receipt of %s, not %s", r.ID, id)
			}
		}
		if states[smpp.MessageDelivered] != 1 || states[smpp.MessageUndeliverable] != 1 {
			t.Errorf("receipts say %v", states)
		}
		if l := s.Ledger(); len(l) != 2 || l[0].Dest == l[1].Dest || l[0].ID != l[1].ID {
			t.Errorf("%d entries", len(l))
		}
		s.SetFaults(parsed(t, "full"))
		answer = a.wants(smpp.SubmitMulti, "\x00"+ours+"\x01\x01"+theirs+plain+"\x00\x00\x00\x02Un", smpp.StatusOK)
		if !strings.HasPrefix(answer, "\x00\x01"+theirs) || !strings.HasSuffix(answer, "\x00\x00\x00\x14") {
			t.Errorf("a full queue: %q", answer)
		}
	})
}
