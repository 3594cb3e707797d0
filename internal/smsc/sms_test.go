package smsc_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/smsc"
	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/gsm"
	"github.com/wasl-sms/wasl/smpp/smpptest"
)

func any1(smsc.SMS) bool { return true }

func TestLongSMSIsJoined(t *testing.T) {
	t.Parallel()
	s, addr := start(t, smsc.Config{})
	a := bind(t, addr, &application{})
	long := strings.Repeat("طلبكم رقم 4821307 قيد الدرس. ", 5)
	parts := sms(sim, long)
	if len(parts) != 3 {
		t.Fatalf("the sample has %d parts", len(parts))
	}
	for _, i := range []int{2, 0, 1} {
		if _, err := a.Submit(soon(t), parts[i]); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.WaitSMS(soon(t), sim, any1)
	if err != nil {
		t.Fatal(err)
	}
	if got.Text != long || got.Parts != 3 || got.Alphabet != "UCS-2" || got.From != "3690" || len(got.IDs) != 3 {
		t.Errorf("%d parts, %s, from %s, ids %v, text as sent: %v", got.Parts, got.Alphabet, got.From, got.IDs, got.Text == long)
	}
	for range 3 {
		r, ok := smpp.ParseReceipt(a.next(t))
		if !ok || r.State != smpp.MessageDelivered || !slices.Contains(got.IDs, r.ID) {
			t.Errorf("receipt %v, found %v", r, ok)
		}
	}
	if n := len(s.Inbox(sim)); n != 1 {
		t.Errorf("%d messages in the inbox", n)
	}
}

// The phone names the alphabet that it reads the text by.
func TestAlphabetOfAFlash(t *testing.T) {
	t.Parallel()
	inTime(t, "", func(t *testing.T, s *smsc.SMSC, w *smpptest.Wire) {
		a := bind(t, "", &application{dial: w.Dial})
		m := one("RDV")
		m.DataCoding = 0xF0 // class 0, default alphabet (TS 23.038 §4)
		if _, err := a.Submit(soon(t), m); err != nil {
			t.Fatal(err)
		}
		if got, err := s.WaitSMS(soon(t), sim, any1); err != nil || got.Text != "RDV" || got.Alphabet != "GSM-7" {
			t.Errorf("%q in %s, %v", got.Text, got.Alphabet, err)
		}
	})
}

func TestReceiptsOfFaultyNumbers(t *testing.T) {
	t.Parallel()
	s, addr := start(t, smsc.Config{SIMs: []string{sim, "+212600000002"}})
	a := bind(t, addr, &application{})
	s.SetSubscriber(sim, smsc.Absent)
	s.SetSubscriber("+212600000002", smsc.Full)
	for number, code := range map[string]string{sim: "027", "+212600000002": "032", "+212699999999": "001"} {
		if _, err := a.Submit(soon(t), sms(number, "Bonjour")[0]); err != nil {
			t.Fatal(err)
		}
		r, ok := smpp.ParseReceipt(a.next(t))
		if !ok || r.State != smpp.MessageUndeliverable || r.Err != code {
			t.Errorf("want err %s, got %v %s (a receipt: %v)", code, r.State, r.Err, ok)
		}
	}
	if n := len(s.Inbox(sim)); n != 0 {
		t.Errorf("an absent handset received %d messages", n)
	}
}

// order keeps the commands that came in.
type order struct{ commands chan smpp.Command }

func (o order) PDU(_ *smpp.Session, dir smpp.Direction, h smpp.Header) {
	if dir == smpp.In && (h.Command == smpp.DeliverSM || h.Command == smpp.SubmitSMResp) {
		o.commands <- h.Command
	}
}

func (order) Problem(*smpp.Session, error) {}

func TestReceiptBeforeResponse(t *testing.T) {
	t.Parallel()
	s, addr := start(t, smsc.Config{})
	s.SetFaults(smsc.Faults{ReceiptFirst: true, ReceiptDelay: 20 * time.Millisecond})
	came := order{make(chan smpp.Command, 10)}
	a := bind(t, addr, &application{trace: came, reply: func(smpp.ShortMessage) error {
		// The operator waits for this answer, so the response can't be first.
		if len(came.commands) != 1 {
			t.Error("something came before the receipt")
		}
		return nil
	}})
	if _, err := a.Submit(soon(t), sms(sim, "Bonjour")[0]); err != nil {
		t.Fatal(err)
	}
	if first, second := <-came.commands, <-came.commands; first != smpp.DeliverSM || second != smpp.SubmitSMResp {
		t.Errorf("%v came before %v", first, second)
	}
}

func TestSendSMS(t *testing.T) {
	t.Parallel()
	s, addr := start(t, smsc.Config{})
	a := bind(t, addr, &application{})
	long := strings.Repeat("Je voudrais suivre ma demande. ", 6)
	if err := s.SendSMS(soon(t), sim, "3690", long); err != nil {
		t.Fatal(err)
	}
	joiner := gsm.NewJoiner(gsm.JoinerConfig{})
	var got string
	for range 2 {
		m := a.next(t)
		udh, payload, err := m.SplitUDH()
		if err != nil {
			t.Fatal(err)
		}
		c, err := gsm.ParseUDH(udh)
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range joiner.Add(m.Source.Addr, m.Dest.Addr, gsm.Segment{Concat: c, DataCoding: m.DataCoding, Payload: payload}) {
			if got, _, err = gsm.Join(j.Segments); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got != long {
		t.Errorf("joined text has %d characters, want %d", len(got), len(long))
	}

	a.reply = nil
	s2, addr2 := start(t, smsc.Config{})
	bind(t, addr2, &application{reply: func(smpp.ShortMessage) error { return smpp.ErrRxTAppn }})
	if err := s2.SendSMS(soon(t), sim, "3690", "SUIVI 4821307"); !errors.Is(err, smpp.ErrRxTAppn) {
		t.Errorf("refused message: %v, want %v", err, smpp.ErrRxTAppn)
	}
}

func TestInsist(t *testing.T) {
	t.Parallel()
	s, addr := start(t, smsc.Config{})
	refusals := 2
	a := bind(t, addr, &application{reply: func(smpp.ShortMessage) error {
		if refusals--; refusals >= 0 {
			return smpp.ErrRxTAppn
		}
		return nil
	}})
	if err := s.Insist(soon(t), sim, "3690", strings.Repeat("Je voudrais suivre ma demande. ", 6)); err != nil {
		t.Fatal(err)
	}
	first, second, third, rest := a.next(t), a.next(t), a.next(t), a.next(t)
	if !bytes.Equal(first.Payload, second.Payload) || !bytes.Equal(first.Payload, third.Payload) {
		t.Error("a part that was not taken came otherwise the next time")
	}
	if bytes.Equal(rest.Payload, third.Payload) {
		t.Error("a part that was taken came again")
	}
}

func TestRepeat(t *testing.T) {
	t.Parallel()
	s, addr := start(t, smsc.Config{})
	a := bind(t, addr, &application{})
	if err := s.Repeat(soon(t), sim, true); !errors.Is(err, smsc.ErrNoMessage) {
		t.Errorf("nothing sent yet: %v, want ErrNoMessage", err)
	}
	if err := s.SendSMS(soon(t), sim, "3690", "STOP"); err != nil {
		t.Fatal(err)
	}
	for _, same := range []bool{true, false} {
		if err := s.Repeat(soon(t), sim, same); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		if m := a.next(t); text(t, m) != "STOP" {
			t.Errorf("got %q", text(t, m))
		}
	}
	// The link has survived a response that answers no request.
	if _, err := a.Submit(soon(t), sms(sim, "OK")[0]); err != nil {
		t.Error(err)
	}
}

func TestLostResponse(t *testing.T) {
	t.Parallel()
	s, addr := start(t, smsc.Config{})
	a := bind(t, addr, &application{})
	s.SetFaults(smsc.Faults{LoseResponses: 1})
	ctx, cancel := context.WithTimeout(soon(t), 200*time.Millisecond)
	defer cancel()
	if _, err := a.Submit(ctx, sms(sim, "un")[0]); !smpp.Unknown(err) {
		t.Fatalf("lost response: %v, want an unknown outcome", err)
	}
	if _, err := a.Submit(soon(t), sms(sim, "deux")[0]); err != nil {
		t.Fatalf("the next message: %v", err)
	}
	if n := len(s.Ledger()); n != 2 {
		t.Errorf("ledger has %d entries, want 2", n)
	}
}

func TestDroppedLink(t *testing.T) {
	t.Parallel()
	s, addr := start(t, smsc.Config{})
	a := bind(t, addr, &application{})
	s.SetFaults(smsc.Faults{DropAfter: 2})
	if _, err := a.Submit(soon(t), sms(sim, "un")[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Submit(soon(t), sms(sim, "deux")[0]); !smpp.Unknown(err) {
		t.Fatalf("cut link: %v, want an unknown outcome", err)
	}
	if got := s.Ledger(); len(got) != 2 || got[1].Text != "deux" {
		t.Errorf("ledger has %d entries", len(got))
	}
}

func TestThrottleAndFullQueue(t *testing.T) {
	t.Parallel()
	s, addr := start(t, smsc.Config{})
	a := bind(t, addr, &application{})
	s.SetFaults(smsc.Faults{TPS: 0.001, Burst: 2})
	for i, want := range []error{nil, nil, smpp.ErrThrottled} {
		if _, err := a.Submit(soon(t), sms(sim, "x")[0]); !errors.Is(err, want) {
			t.Errorf("message %d: %v, want %v", i+1, err, want)
		}
	}
	s.SetFaults(smsc.Faults{QueueFull: true})
	if _, err := a.Submit(soon(t), sms(sim, "x")[0]); !errors.Is(err, smpp.ErrMsgQueueFull) {
		t.Errorf("full queue: %v", err)
	}
	if n := len(s.Ledger()); n != 2 {
		t.Errorf("ledger has %d entries, want the 2 accepted", n)
	}
}

func TestLedgerFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger")
	_, addr := start(t, smsc.Config{LedgerFile: path})
	a := bind(t, addr, &application{})
	r, err := a.Submit(soon(t), sms(sim, "Écrit avant la réponse")[0])
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got smsc.Accepted
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if got.ID != r.MessageID || got.Text != "Écrit avant la réponse" || got.SystemID != "wasl" {
		t.Errorf("the file has message %q, %d characters, of %q", got.ID, len(got.Text), got.SystemID)
	}
}

func TestWrongPassword(t *testing.T) {
	t.Parallel()
	_, addr := start(t, smsc.Config{})
	refused := make(chan error, 1)
	c := smpp.NewClient(smpp.ClientConfig{
		Addr: addr, Mode: smpp.Transceiver, SystemID: "wasl", Password: "wrong",
		OnState: func(_ smpp.State, err error) {
			if err != nil {
				select {
				case refused <- err:
				default:
				}
			}
		},
	}, nil)
	ctx, cancel := context.WithCancel(soon(t))
	ended := make(chan struct{})
	go func() { defer close(ended); _ = c.Run(ctx) }()
	if err := <-refused; !errors.Is(err, smpp.ErrInvPaswd) {
		t.Errorf("got %v, want %v", err, smpp.ErrInvPaswd)
	}
	cancel()
	<-ended
}
