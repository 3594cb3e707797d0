package gateway_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/wasl-sms/wasl/internal/links"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/run/runtest"
	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/gsm"
	"github.com/wasl-sms/wasl/ussd"
)

func TestATextGoesOutAndItsReceiptComesBack(t *testing.T) {
	t.Parallel()
	f := setUp(t, oneBind)
	f.tell(t, told(1, "Votre demande 48213377 est acceptée."))
	runtest.Eventually(t, "it is accepted", func() bool { return f.states(t, "message_part")["accepted"] == 1 })
	m := f.submitted()[0]
	if m.Dest != (smpp.Address{TON: 1, NPI: 1, Addr: "212612000001"}) || m.Source != (smpp.Address{TON: 3, Addr: "3690"}) {
		t.Errorf("addressed from %s to %s", m.Source.Addr, m.Dest.Addr)
	}
	if m.RegisteredDelivery != 1 || m.DataCoding != 0 || len(m.ValidityPeriod) != 16 || gsm.DecodeGSM7(m.Payload) != "Votre demande 48213377 est acceptée." {
		t.Errorf("submitted %v, validity %q", m, m.ValidityPeriod)
	}
	// The id was "00000001" in hex; this operator's receipts write decimals.
	if s := f.deliver(t, receiptFor(m, "1", "DELIVRD")); s != smpp.StatusOK {
		t.Fatalf("receipt answered with %v", s)
	}
	if s := f.states(t, "message_part"); s["delivered"] != 1 {
		t.Errorf("the receipt was acknowledged before its effect: %v", s)
	}
}

func TestALongTextIsCutAndHeaded(t *testing.T) {
	t.Parallel()
	f := setUp(t, oneBind)
	body := strings.Repeat("طلبكم رقم 48213377 مقبول. ", 6)
	f.tell(t, told(1, body))
	parts := gsm.Parts(strings.TrimSpace(body))
	runtest.Eventually(t, "all parts are accepted", func() bool { return f.states(t, "message_part")["accepted"] == parts })
	var segments []gsm.Segment
	for _, m := range f.submitted() {
		udh, payload, err := m.SplitUDH()
		if err != nil || !m.HasUDH() || m.DataCoding != 8 {
			t.Fatalf("part %v: %v", m, err)
		}
		c, err := gsm.ParseUDH(udh)
		if err != nil {
			t.Fatal(err)
		}
		segments = append(segments, gsm.Segment{Concat: c, DataCoding: m.DataCoding, Payload: payload})
	}
	got, complete, err := gsm.Join(segments)
	if err != nil || !complete || got != strings.TrimSpace(body) {
		t.Errorf("joined to %q, complete %v, %v", got, complete, err)
	}
}

func TestRefusalsOfTheOperator(t *testing.T) {
	t.Parallel()
	for status, want := range map[smpp.Status]string{
		smpp.ErrInvDstAdr: "refused", smpp.ErrSubmitFail: "refused", smpp.ErrSysErr: "later", smpp.ErrThrottled: "queued",
	} {
		t.Run(status.Name(), func(t *testing.T) {
			t.Parallel()
			f := setUp(t, oneBind)
			f.mu.Lock()
			f.answer = func(int, smpp.ShortMessage) (smpp.Reply, error) { return smpp.Reply{}, status }
			f.mu.Unlock()
			f.tell(t, told(1, "x"))
			runtest.Eventually(t, "it is "+want, func() bool { return f.count() > 0 && f.states(t, "message_part")[want] == 1 })
		})
	}
}

// What an operator means by a number of its own is in its settings.
func TestRefusalsInTheOperatorsOwnWords(t *testing.T) {
	t.Parallel()
	for status, want := range map[smpp.Status]string{
		smpp.ErrSubmitFail: "later", 0x0451: "queued", smpp.ErrMsgQueueFull: "later", smpp.ErrThrottled: "queued", 0x0452: "refused",
	} {
		t.Run(status.Name(), func(t *testing.T) {
			t.Parallel()
			f := setUp(t, withBinds("slower_on = [0x451]\nlater_on = [0x45, 0x14]", "one"))
			f.mu.Lock()
			f.answer = func(int, smpp.ShortMessage) (smpp.Reply, error) { return smpp.Reply{}, status }
			f.mu.Unlock()
			f.tell(t, told(1, "x"))
			runtest.Eventually(t, "it is "+want, func() bool { return f.count() > 0 && f.states(t, "message_part")[want] == 1 })
		})
	}
}

func TestALateAnswerIsNotLost(t *testing.T) {
	t.Parallel()
	f := setUp(t, strings.Replace(oneBind, `"2s"`, `"50ms"`, 1))
	release := make(chan struct{})
	f.mu.Lock()
	f.answer = func(int, smpp.ShortMessage) (smpp.Reply, error) {
		<-release
		return smpp.Reply{MessageID: "2A"}, nil
	}
	f.mu.Unlock()
	f.tell(t, told(1, "x"))
	runtest.Eventually(t, "no answer came in time", func() bool {
		var reason *string
		err := f.db.QueryRow(t.Context(), `select reason from message_part`).Scan(&reason)
		return err == nil && reason != nil && *reason == "unknown"
	})
	close(release)
	runtest.Eventually(t, "the late answer is stored", func() bool { return f.states(t, "message_part")["accepted"] == 1 })
	_ = f.deliver(t, receiptFor(f.submitted()[0], "42", "DELIVRD"))
	if s := f.states(t, "message_part"); s["delivered"] != 1 {
		t.Errorf("states are %v", s)
	}
}

// The link breaks with a full window: that much is in doubt and no more, the
// rest goes out on the next bind.
func TestABrokenLinkLeavesAWindowInDoubt(t *testing.T) {
	t.Parallel()
	f := setUp(t, oneBind)
	f.mu.Lock()
	f.answer = hang(t, 8)
	f.mu.Unlock()
	var list []message.Outbound
	for n := range 40 {
		list = append(list, told(n, fmt.Sprint("text ", n)))
	}
	f.tell(t, list...)
	runtest.Eventually(t, "the window is full", func() bool { return f.count() == 8 })
	f.cut()
	runtest.Eventually(t, "the rest is accepted", func() bool {
		s := f.states(t, "message_part")
		return s["accepted"] == 32 && s["in_doubt"] == 8
	})
}

func TestADialogueAcksFirstAndAnswersOnce(t *testing.T) {
	t.Parallel()
	f := setUp(t, oneBind)
	_ = f.deliver(t, keyed(1, ussd.OpPSSRIndication, "*369#"))
	runtest.Eventually(t, "the first page", func() bool { return f.count() == 1 })
	_ = f.deliver(t, keyed(1, ussd.OpUSSRConfirm, "end"))
	runtest.Eventually(t, "the last page", func() bool { return f.count() == 2 })
	first, last := f.submitted()[0], f.submitted()[1]
	if string(first.Payload) != "begin *369#" || string(last.Payload) != "answer end" {
		t.Errorf("pages are %q and %q", first.Payload, last.Payload)
	}
	op := func(m smpp.ShortMessage) uint32 { v, _ := m.TLVs.Uint(smpp.TagUSSDServiceOp); return v }
	if op(first) != uint32(ussd.OpUSSRRequest) || op(last) != uint32(ussd.OpPSSRResponse) {
		t.Errorf("operations are %d and %d", op(first), op(last))
	}
	if first.Dest.Addr != "212612000001" || first.Source.Addr != "*369#" || first.RegisteredDelivery != 0 || first.ServiceType != "USSD" {
		t.Errorf("first page is %v", first)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	want := []smpp.Command{smpp.DeliverSMResp, smpp.SubmitSM, smpp.DeliverSMResp, smpp.SubmitSM}
	var order []smpp.Command
	for _, c := range f.seen {
		if slices.Contains(want, c) {
			order = append(order, c)
		}
	}
	if diff := cmp.Diff(want, order); diff != "" {
		t.Error(diff)
	}
	if a, b := f.dialogue.got[0], f.dialogue.got[1]; a.Msisdn != number(1).Raw() || a.Code != "*369#" || a.RequestKey == "" || a.RequestKey == b.RequestKey {
		t.Errorf("steps are %q and %q", a.RequestKey, b.RequestKey)
	}
}

func TestPagesThatNobodyWaitsForAreNotSent(t *testing.T) {
	t.Parallel()
	for _, d := range ussd.Shipped() {
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			f := setUp(t, oneBind+"[operator.ussd]\nreply_deadline = \"1s\"\ndialect = \""+d.Name+"\"\n")
			_ = f.deliver(t, keyed(1, ussd.OpAbort, ""))
			f.dialogue.mu.Lock()
			f.dialogue.hold = make(chan struct{})
			f.dialogue.mu.Unlock()
			_ = f.deliver(t, keyed(2, ussd.OpPSSRIndication, "*369#")) // the dialogue takes too long
			runtest.Eventually(t, "both steps ran", func() bool { return f.dialogue.count() == 2 })
			f.dialogue.mu.Lock()
			f.dialogue.hold = nil
			f.dialogue.mu.Unlock()
			runtest.Eventually(t, "the page is dropped", func() bool { return f.logs.count("why=late") == 1 })
			_ = f.deliver(t, keyed(3, ussd.OpPSSRIndication, "*369#"))
			runtest.Eventually(t, "the third page", func() bool { return f.count() == 1 })
			if got := f.submitted()[0].Dest.Addr; got != "212612000003" {
				t.Errorf("a page went to %s", got)
			}
		})
	}
}

// Whatever becomes of a page, it is not sent again: it would come into a session
// that is over.
func TestAPageIsSentOnce(t *testing.T) {
	t.Parallel()
	for name, fate := range map[string]func(t *testing.T, f *fixture) error{
		"throttled":       func(*testing.T, *fixture) error { return smpp.ErrThrottled },
		"queue full":      func(*testing.T, *fixture) error { return smpp.ErrMsgQueueFull },
		"refused for now": func(*testing.T, *fixture) error { return smpp.ErrSysErr },
		"refused":         func(*testing.T, *fixture) error { return smpp.ErrInvDstAdr },
		"its answer is lost": func(_ *testing.T, f *fixture) error {
			f.cut()
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setUp(t, oneBind)
			f.mu.Lock()
			f.answer = func(n int, _ smpp.ShortMessage) (smpp.Reply, error) {
				if n == 1 {
					if err := fate(t, f); err != nil {
						return smpp.Reply{}, err
					}
				}
				return smpp.Reply{MessageID: fmt.Sprintf("%X", n)}, nil
			}
			f.mu.Unlock()
			_ = f.deliver(t, keyed(1, ussd.OpPSSRIndication, "*369#"))
			runtest.Eventually(t, "it is given up", func() bool { return f.logs.count("why=refused")+f.logs.count("why=unanswered") == 1 })
			f.allUp(t)
			runtest.Eventually(t, "there is a link", func() bool { return f.newestIsBound() })
			_ = f.deliver(t, keyed(2, ussd.OpPSSRIndication, "*369#"))
			f.tell(t, told(3, "x"))
			runtest.Eventually(t, "what comes after it is sent", func() bool { return f.count() >= 3 })
			for _, m := range f.submitted()[1:] {
				if m.Dest.Addr == "212612000001" {
					t.Error("it was sent again")
				}
			}
		})
	}
}

// Some gateways lose an end that overtakes the answer to the page before it.
func TestTheLastPageAwaitsTheAnswerToTheOneBefore(t *testing.T) {
	t.Parallel()
	f := setUp(t, oneBind+"[operator.ussd]\nawait_response = true\n")
	answered := make(chan struct{})
	release := sync.OnceFunc(func() { close(answered) })
	t.Cleanup(release)
	f.mu.Lock()
	f.answer = func(n int, _ smpp.ShortMessage) (smpp.Reply, error) {
		if n == 1 {
			<-answered
		}
		return smpp.Reply{MessageID: fmt.Sprintf("%X", n)}, nil
	}
	f.mu.Unlock()
	_ = f.deliver(t, keyed(1, ussd.OpPSSRIndication, "*369#"))
	runtest.Eventually(t, "the first page", func() bool { return f.count() == 1 })
	_ = f.deliver(t, keyed(1, ussd.OpUSSRConfirm, "end"))
	runtest.Eventually(t, "the last page is ready", func() bool { return f.dialogue.count() == 2 })
	_ = f.deliver(t, keyed(2, ussd.OpPSSRIndication, "*369#"))
	runtest.Eventually(t, "somebody else gets a page", func() bool { return f.count() >= 2 })
	if to := f.submitted()[1].Dest.Addr; to != "212612000002" {
		t.Errorf("the last page went out to %s before the first was answered", to)
	}
	release()
	runtest.Eventually(t, "the last page", func() bool { return f.count() == 3 && string(f.submitted()[2].Payload) == "answer end" })
}

const twoHalves = `
[[operator]]
name = "north"
short_codes = ["3690"]
ussd_codes = ["*369#"]
[[operator.bind]]
address = "ADDRESS"
mode = "transmitter"
password = "secret"
[[operator.bind]]
address = "ADDRESS"
mode = "receiver"
password = "secret"
`

func TestSeparateTransmitterAndReceiver(t *testing.T) {
	t.Parallel()
	f := setUp(t, twoHalves)
	f.tell(t, told(1, "x"))
	runtest.Eventually(t, "it is accepted", func() bool { return f.states(t, "message_part")["accepted"] == 1 })
	f.mu.Lock()
	i := slices.IndexFunc(f.links, func(s *smpp.Session) bool { return s.Mode() == smpp.Receiver })
	f.links = append(f.links, f.links[i])
	f.mu.Unlock()
	_ = f.deliver(t, keyed(2, ussd.OpPSSRIndication, "*369#"))
	runtest.Eventually(t, "the page goes out on the other bind", func() bool { return f.count() == 2 })
	_ = f.deliver(t, receiptFor(f.submitted()[0], "00000001", "DELIVRD"))
	if s := f.states(t, "message_part"); s["delivered"] != 1 {
		t.Errorf("states are %v", s)
	}
}

func TestTheEndIsInOrder(t *testing.T) {
	t.Parallel()
	f := setUp(t, oneBind)
	var list []message.Outbound
	for n := range 300 {
		list = append(list, told(n, fmt.Sprint("text ", n)))
	}
	f.tell(t, list...)
	runtest.Eventually(t, "the load has begun", func() bool { return f.count() > 20 })
	f.stop()
	s := f.states(t, "message_part")
	if s["in_doubt"] != 0 || s["accepted"] != f.count() {
		t.Errorf("left behind: %v, the operator has %d", s, f.count())
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.Contains(f.seen, smpp.Unbind) {
		t.Error("the bind was dropped without unbind")
	}
}

func TestStatusTellsOfRefusedBinds(t *testing.T) {
	t.Parallel()
	f := setUp(t, oneBind)
	f.cut()
	runtest.Eventually(t, "it is bound again", func() bool {
		s := f.Status()[0]
		return s.State == links.Bound && s.Rebinds == 1 && s.Failed.Cause == links.Lost
	})
	wrong := strings.Replace(oneBind, `"secret"`, `"wrong"`, 1)
	reg := prometheus.NewRegistry()
	g := gatewayOnly(t, strings.ReplaceAll(wrong, "ADDRESS", f.addr), reg)
	runtest.Eventually(t, "the refusal is told", func() bool {
		s := g.Status()
		return len(s) == 1 && s[0].State == links.Refused && *s[0].Failed == links.Failure{
			Name: s[0].Name, Cause: links.LoginFailed, Code: uint32(smpp.ErrInvPaswd), Count: 1, Last: s[0].Failed.Last,
		}
	})
	if up, all := g.BindsUp(); up != 0 || all != 1 {
		t.Errorf("%d of %d up", up, all)
	}
	if got := gauges(t, reg); got["smpp_bind_refused"] != 1 || got["smpp_bind_state"] != 0 || got["smpp_window_size"] != 10 {
		t.Errorf("metrics are %v", got)
	}
}

func TestLogsHoldNoNumberAndNoText(t *testing.T) {
	t.Parallel()
	f := setUp(t, oneBind)
	f.tell(t, told(1, "Bonjour Fatima"))
	_ = f.deliver(t, says(2, "SUIVI 48213377"))
	_ = f.deliver(t, keyed(3, ussd.OpPSSRIndication, "*369*1234#"))
	runtest.Eventually(t, "all has passed", func() bool { return f.count() == 2 && len(f.service.bodies()) == 1 })
	f.cut()
	f.stop()
	f.logs.mu.Lock()
	defer f.logs.mu.Unlock()
	for _, leak := range []string{"612000", "Fatima", "48213377", "1234#", "secret"} {
		if strings.Contains(f.logs.b.String(), leak) {
			t.Errorf("the log holds %q:\n%s", leak, f.logs.b.String())
		}
	}
}
