package smpp_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wasl-sms/wasl/smpp"
)

const maxPDU = 65536

// decode reads one PDU into what this side would do with it, and encodes
// that again.
func decode(raw []byte) (value any, again []byte, err error) {
	h, body, err := smpp.NewFrameReader(bytes.NewReader(raw), maxPDU).Next()
	if err != nil {
		return nil, nil, err
	}
	switch h.Command {
	case smpp.SubmitSM, smpp.DeliverSM, smpp.DataSM:
		m, err := smpp.DecodeMessage(h.Command, body)
		if err != nil {
			return nil, nil, err
		}
		again, err := smpp.AppendMessage(nil, h.Seq, &m)
		return m, again, err
	case smpp.BindReceiver, smpp.BindTransmitter, smpp.BindTransceiver:
		r, err := smpp.DecodeBind(h, body)
		if err != nil {
			return nil, nil, err
		}
		again, err := smpp.AppendBind(nil, h.Seq, r)
		return r, again, err
	case smpp.SubmitSMResp, smpp.DeliverSMResp, smpp.DataSMResp:
		r := smpp.DecodeReply(body)
		again, err := smpp.AppendResponse(nil, h.Command&^0x80000000, h.Status, h.Seq, r)
		return r, again, err
	default:
		return nil, smpp.AppendHeader(nil, h.Command, h.Status, h.Seq), nil
	}
}

func TestPDUTable(t *testing.T) {
	t.Parallel()
	for _, c := range pdus(t) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, again, err := decode(c.raw)
			var status smpp.Status
			switch {
			case c.verdict == "good":
				if err != nil {
					t.Fatalf("[SMPP 3.4 §%s] %v", c.clause, err)
				}
				if !bytes.Equal(again, c.raw) {
					t.Errorf("encoded again\n got %x\nwant %x", again, c.raw)
				}
			case c.verdict == "frame":
				if !errors.Is(err, smpp.ErrFrame) {
					t.Errorf("got %v, want ErrFrame", err)
				}
			case !errors.As(err, &status) || status.Name() != c.verdict:
				t.Errorf("got %v, want %s", err, c.verdict)
			}
		})
	}
}

func TestDecodedFields(t *testing.T) {
	t.Parallel()
	subscriber := smpp.Address{TON: 1, NPI: 1, Addr: "212600000001"}
	service := smpp.Address{TON: 3, Addr: "369"}
	cases := map[string]any{
		"submit_sm with every field": smpp.ShortMessage{
			Command: smpp.SubmitSM, ServiceType: "CMT", Source: service, Dest: subscriber,
			ProtocolID: 0x41, PriorityFlag: 1,
			ScheduleDelivery: "000000010000000R", ValidityPeriod: "000002000000000R",
			RegisteredDelivery: 1, ReplaceIfPresent: 1, DataCoding: 8, DefaultMsgID: 3,
			Payload: []byte{0x06, 0x34, 0x06, 0x43, 0x06, 0x31, 0x06, 0x27},
		},
		"submit_sm with message_payload": smpp.ShortMessage{
			Command: smpp.SubmitSM, Source: service, Dest: subscriber,
			Payload: bytes.Repeat([]byte("b"), 300), UsePayloadTLV: true,
		},
		"deliver_sm USSD begin": smpp.ShortMessage{
			Command: smpp.DeliverSM, ServiceType: "USSD", Source: subscriber, Dest: service, Payload: []byte("*369#"),
			TLVs: smpp.TLVs{{smpp.TagUSSDServiceOp, []byte{1}}, {smpp.TagITSSessionInfo, []byte{0x12, 0}}},
		},
		"data_sm": smpp.ShortMessage{
			Command: smpp.DataSM, Source: subscriber, Dest: service, Payload: []byte("hello"), UsePayloadTLV: true,
		},
		"bind_transceiver": smpp.BindRequest{
			Mode: smpp.Transceiver, SystemID: "wasl", Password: "secret", SystemType: "VMS",
			InterfaceVersion: 0x34, AddrTON: 1, AddrNPI: 1, AddressRange: "^2126",
		},
		"data_sm_resp with a parameter": smpp.Reply{
			MessageID: "77", TLVs: smpp.TLVs{{smpp.TagAdditionalStatusInfoText, []byte("ok\x00")}},
		},
	}
	for name, want := range cases {
		got, _, err := decode(pdu(t, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestDecodedMessageOwnsItsMemory(t *testing.T) {
	t.Parallel()
	body := pdu(t, "deliver_sm USSD begin")[16:]
	m, err := smpp.DecodeMessage(smpp.DeliverSM, body)
	if err != nil {
		t.Fatal(err)
	}
	clear(body)
	op, _ := m.TLVs.Uint(smpp.TagUSSDServiceOp)
	if m.Source.Addr != "212600000001" || string(m.Payload) != "*369#" || op != 1 {
		t.Errorf("the message changed with the read buffer: %q %q %d", m.Source.Addr, m.Payload, op)
	}
}

func TestPaddingAfterTheLastParameterIsForgiven(t *testing.T) {
	t.Parallel()
	body := append(pdu(t, "deliver_sm text")[16:], 0)
	if m, err := smpp.DecodeMessage(smpp.DeliverSM, body); err != nil || string(m.Payload) != "SUIVI 12345678" {
		t.Errorf("got %q, %v", m.Payload, err)
	}
}

func TestLongFieldsAreForgiven(t *testing.T) {
	t.Parallel()
	service, addr := strings.Repeat("s", 20), strings.Repeat("1", 64)
	body := service + "\x00\x01\x01" + addr + "\x00\x01\x01" + addr + "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02hi"
	m, err := smpp.DecodeMessage(smpp.DeliverSM, []byte(body))
	if err != nil || m.ServiceType != service || m.Source.Addr != addr || m.Dest.Addr != addr || string(m.Payload) != "hi" {
		t.Errorf("got %v with %q, %v", m, m.Payload, err)
	}
}

func TestRefusedToEncode(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("1", 21)
	cases := []struct {
		name   string
		change func(*smpp.ShortMessage)
		status smpp.Status
	}{
		{"255 octets of text", func(m *smpp.ShortMessage) { m.Payload = make([]byte, 255) }, smpp.ErrInvMsgLen},
		{"256 octets of text", func(m *smpp.ShortMessage) { m.Payload = make([]byte, 256) }, smpp.ErrInvMsgLen},
		{"300 octets of text", func(m *smpp.ShortMessage) { m.Payload = make([]byte, 300) }, smpp.ErrInvMsgLen},
		{"payload beyond a parameter", func(m *smpp.ShortMessage) { m.UsePayloadTLV, m.Payload = true, make([]byte, 65536) }, smpp.ErrInvParLen},
		{"long service type", func(m *smpp.ShortMessage) { m.ServiceType = "LONGER" }, smpp.ErrInvSerTyp},
		{"long source", func(m *smpp.ShortMessage) { m.Source.Addr = long }, smpp.ErrInvSrcAdr},
		{"long destination", func(m *smpp.ShortMessage) { m.Dest.Addr = long }, smpp.ErrInvDstAdr},
		{"NUL in destination", func(m *smpp.ShortMessage) { m.Dest.Addr = "1\x002" }, smpp.ErrInvDstAdr},
		{"short schedule", func(m *smpp.ShortMessage) { m.ScheduleDelivery = "0" }, smpp.ErrInvSched},
		{"long validity", func(m *smpp.ShortMessage) { m.ValidityPeriod = strings.Repeat("0", 17) }, smpp.ErrInvExpiry},
		{"validity of a deliver_sm", func(m *smpp.ShortMessage) { m.Command, m.ValidityPeriod = smpp.DeliverSM, "000002000000000R" }, smpp.ErrInvExpiry},
		{"payload among the parameters", func(m *smpp.ShortMessage) { m.TLVs.Set(smpp.TagMessagePayload, nil) }, smpp.ErrOptParNotAllwd},
		{"a command without a text", func(m *smpp.ShortMessage) { m.Command = smpp.Unbind }, smpp.ErrInvCmdID},
	}
	for _, c := range cases {
		m := text("x")
		c.change(&m)
		before := []byte("before")
		b, err := smpp.AppendMessage(before, 1, &m)
		if !errors.Is(err, c.status) || string(b) != "before" {
			t.Errorf("%s: got %v and %q, want %v", c.name, err, b, c.status)
		}
	}
	if _, err := smpp.AppendResponse(nil, smpp.SubmitSM, smpp.StatusOK, 1, smpp.Reply{MessageID: strings.Repeat("x", 65)}); err == nil {
		t.Error("a message_id of 65 octets was encoded")
	}
}

func TestFrames(t *testing.T) {
	t.Parallel()
	var stream []byte
	var want int
	for _, c := range pdus(t) {
		if c.verdict != "frame" {
			stream = append(stream, c.raw...)
			want++
		}
	}
	big := text("")
	big.UsePayloadTLV, big.Payload = true, make([]byte, 20000)
	stream, err := smpp.AppendMessage(stream, 1, &big)
	if err != nil {
		t.Fatal(err)
	}
	for _, chunk := range []int{1, 7, 16, 17, 1 << 20} {
		f := smpp.NewFrameReader(&chunks{stream, chunk}, maxPDU)
		n, size := 0, 0
		for {
			h, body, err := f.Next()
			if err != nil {
				break
			}
			if int(h.Length) != len(body)+16 {
				t.Fatalf("length %d with a body of %d", h.Length, len(body))
			}
			n, size = n+1, size+int(h.Length)
		}
		if n != want+1 || size != len(stream) {
			t.Errorf("chunks of %d: %d PDUs of %d octets, want %d of %d", chunk, n, size, want+1, len(stream))
		}
	}
	if _, _, err := smpp.NewFrameReader(bytes.NewReader(stream), 1000).Next(); err != nil {
		t.Errorf("a PDU within the limit: %v", err)
	}
}

// chunks yields at most n octets at a time.
type chunks struct {
	b []byte
	n int
}

func (c *chunks) Read(p []byte) (int, error) {
	n := copy(p[:min(len(p), c.n)], c.b)
	c.b = c.b[n:]
	if n == 0 {
		return 0, errors.New("end")
	}
	return n, nil
}

// A length that may not be costs nothing, whatever it claims. Not parallel: it
// counts what this whole process takes.
func TestAFalseLengthTakesNoMemory(t *testing.T) {
	const limit = 4096
	for _, claimed := range []uint32{0, 15, limit + 1, 1 << 30, 1<<32 - 1} {
		stream := binary.BigEndian.AppendUint32(nil, claimed)
		stream = append(stream, bytes.Repeat([]byte{0}, 100)...)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, err := smpp.NewFrameReader(bytes.NewReader(stream), limit).Next()
		runtime.ReadMemStats(&after)
		if !errors.Is(err, smpp.ErrFrame) {
			t.Errorf("%d octets claimed: %v", claimed, err)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 256<<10 {
			t.Errorf("%d octets claimed: %d were taken", claimed, took)
		}
	}
}
