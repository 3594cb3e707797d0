package smpp

import (
	"context"
	"net"
	"strings"
	"testing"
)

// What a PDU may cost beyond its text is nothing: these count allocations, so
// none of them may run beside another test.

const manyPDUs = 1000

func hotMessage() ShortMessage {
	return ShortMessage{
		Command: SubmitSM, Source: Address{Addr: "3690"}, Dest: Address{TON: 1, NPI: 1, Addr: "212600000001"},
		RegisteredDelivery: RegisteredFinal, Payload: []byte("Votre demande 12345678 est enregistree."),
		TLVs: TLVs{{TagUserMessageReference, []byte{1, 2}}},
	}
}

func body(t *testing.T, m ShortMessage) []byte {
	t.Helper()
	b, err := AppendMessage(nil, 1, &m)
	if err != nil {
		t.Fatal(err)
	}
	return b[headerLen:]
}

// perPDU runs f for many PDUs and divides.
func perPDU(f func()) float64 {
	return testing.AllocsPerRun(1, func() {
		for range manyPDUs {
			f()
		}
	}) / manyPDUs
}

func TestCodecAllocations(t *testing.T) {
	m := hotMessage()
	receipt := hotMessage()
	receipt.Command, receipt.ESMClass = DeliverSM, ESMClassReceipt
	receipt.TLVs = TLVs{{TagReceiptedMessageID, []byte("12345678\x00")}, {TagMessageState, []byte{2}}}
	deliver, resp := body(t, receipt), []byte("0123456789\x00")
	buf := make([]byte, 0, 1024)
	d := forMany()
	var err error
	for _, c := range []struct {
		what  string
		limit float64
		do    func()
	}{
		{"encode submit_sm", 0, func() { _, err = AppendMessage(buf, 1, &m) }},
		{"encode deliver_sm_resp", 0, func() { _, err = AppendResponse(buf, DeliverSM, StatusOK, 1, Reply{}) }},
		{"encode submit_sm_resp", 0, func() { _, err = AppendResponse(buf, SubmitSM, StatusOK, 1, Reply{MessageID: "12345678"}) }},
		{"decode submit_sm_resp", 0.01, func() { _ = d.reply(resp) }}, // some hundred share one block
		{"decode deliver_sm", 1.1, func() { _, err = d.message(DeliverSM, deliver) }},
	} {
		if got := perPDU(c.do); got > c.limit || err != nil {
			t.Errorf("%s: %v allocations, %v; %v allowed", c.what, got, err, c.limit)
		}
	}
}

// TestSessionAllocations takes whole sessions over a real link: requests and
// their answers, a message in and its answer.
func TestSessionAllocations(t *testing.T) {
	near, far := tcp(t)
	handler := HandlerFunc(func(context.Context, *Session, ShortMessage) (Reply, error) { return Reply{MessageID: "12345678"}, nil })
	cfg := SessionConfig{Window: 50, HandlerConcurrency: 4}
	server := &Server{
		Handler: handler, Session: cfg,
		Auth: func(context.Context, BindRequest) Status { return StatusOK },
	}
	served := make(chan struct{})
	go func() { defer close(served); server.ServeConn(context.Background(), far) }()
	s, err := Bind(context.Background(), near, BindRequest{InterfaceVersion: 0x34}, cfg, handler)
	if err != nil {
		t.Fatal(err)
	}
	m := hotMessage()
	m.TLVs = nil
	var failed error
	answers := make(chan struct{}, manyPDUs)
	done := func(_ SubmitResult, err error) {
		if err != nil {
			failed = err
		}
		answers <- struct{}{}
	}
	for what, submit := range map[string]func(){
		"SubmitAsync": func() {
			for range manyPDUs {
				if err := s.SubmitAsync(context.Background(), m, done); err != nil {
					t.Error(err)
				}
			}
			for range manyPDUs {
				<-answers
			}
		},
		"Submit": func() {
			for range manyPDUs {
				if _, err := s.Submit(context.Background(), m); err != nil {
					t.Error(err)
				}
			}
		},
	} {
		// The message's text at the far end is the one allocation, and a little
		// for goroutines and blocks.
		if got := testing.AllocsPerRun(1, submit) / manyPDUs; got > 1.1 {
			t.Errorf("%s: %v allocations a message on both sides", what, got)
		}
	}
	if err := s.Close(context.Background()); err != nil || failed != nil {
		t.Error(err, failed)
	}
	<-served
}

func tcp(t *testing.T) (near, far net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if near, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if far, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return near, far
}

// What one message keeps is never what the next is written to.
func TestMessagesShareNoMemory(t *testing.T) {
	t.Parallel()
	d := forMany()
	var kept []ShortMessage
	for i := range 1000 {
		m := hotMessage()
		m.Source.Addr = strings.Repeat(string(rune('a'+i%26)), 1+i%20)
		m.Payload = []byte(m.Source.Addr)
		m.TLVs[0].Value = []byte{byte(i), byte(i >> 8)}
		b := body(t, m)
		got, err := d.message(SubmitSM, b)
		if err != nil {
			t.Fatal(err)
		}
		clear(b)
		got.TLVs = append(got.TLVs, TLV{TagDisplayTime, []byte{1}})
		kept = append(kept, got)
	}
	for i, m := range kept {
		want := strings.Repeat(string(rune('a'+i%26)), 1+i%20)
		ref, _ := m.TLVs.Uint(TagUserMessageReference)
		if m.Source.Addr != want || string(m.Payload) != want || ref != uint32(i&255)<<8|uint32(i>>8) || len(m.TLVs) != 2 || m.TLVs[1].Tag != TagDisplayTime {
			t.Fatalf("message %d has become %q, %q, %d, %v", i, m.Source.Addr, m.Payload, ref, m.TLVs)
		}
	}
}
