package smpp_test

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"testing"

	fiorix "github.com/fiorix/go-smpp/smpp/pdu"
	"github.com/fiorix/go-smpp/smpp/pdu/pdufield"
	"github.com/fiorix/go-smpp/smpp/pdu/pdutext"
	"github.com/fiorix/go-smpp/smpp/pdu/pdutlv"

	"github.com/wasl-sms/wasl/smpp"
)

// Our octets against those of fiorix/go-smpp. Known differences:
//
//   - deliver_sm: fiorix writes one zero octet too many after sm_length, and
//     splits a user data header off on decoding;
//   - data_sm: fiorix has none;
//   - sm_length above 255 wraps in fiorix; ours is an error above 254;
//   - an integer parameter keeps its low octet only in fiorix;
//   - parameters come in random order from fiorix, and a repeated tag once;
//   - a PDU that ends early decodes without an error in fiorix.

// byFiorix encodes m with fiorix.
func byFiorix(t testing.TB, seq uint32, m smpp.ShortMessage) []byte {
	t.Helper()
	body := fiorix.NewDeliverSM()
	if m.Command == smpp.SubmitSM {
		body = fiorix.NewSubmitSM(nil)
	}
	body.Header().Seq = seq
	payload := m.Payload
	if m.UsePayloadTLV {
		payload = nil
		body.TLVFields()[pdutlv.TagMessagePayload] = pdutlv.NewTLV(pdutlv.TagMessagePayload, m.Payload)
	}
	for name, value := range map[pdufield.Name]any{
		pdufield.ServiceType: m.ServiceType, pdufield.ESMClass: m.ESMClass, pdufield.ProtocolID: m.ProtocolID,
		pdufield.SourceAddrTON: m.Source.TON, pdufield.SourceAddrNPI: m.Source.NPI, pdufield.SourceAddr: m.Source.Addr,
		pdufield.DestAddrTON: m.Dest.TON, pdufield.DestAddrNPI: m.Dest.NPI, pdufield.DestinationAddr: m.Dest.Addr,
		pdufield.PriorityFlag: m.PriorityFlag, pdufield.ScheduleDeliveryTime: m.ScheduleDelivery,
		pdufield.ValidityPeriod: m.ValidityPeriod, pdufield.RegisteredDelivery: m.RegisteredDelivery,
		pdufield.ReplaceIfPresentFlag: m.ReplaceIfPresent, pdufield.DataCoding: m.DataCoding,
		pdufield.SMDefaultMsgID: m.DefaultMsgID, pdufield.ShortMessage: payload,
	} {
		if err := body.Fields().Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range m.TLVs {
		if err := body.TLVFields().Set(pdutlv.Tag(p.Tag), p.Value); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := body.SerializeTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// comparable keeps what both can encode, the parameters sorted by tag.
func comparable(m smpp.ShortMessage) (smpp.ShortMessage, bool) {
	m.TLVs = slices.Clone(m.TLVs)
	slices.SortFunc(m.TLVs, func(a, b smpp.TLV) int { return cmp.Compare(a.Tag, b.Tag) })
	single := slices.CompactFunc(slices.Clone(m.TLVs), func(a, b smpp.TLV) bool { return a.Tag == b.Tag })
	return m, m.Command != smpp.DataSM && len(single) == len(m.TLVs)
}

// sortTail sorts the parameters at the end of a PDU.
func sortTail(t testing.TB, raw []byte) []byte {
	t.Helper()
	h, body, err := smpp.NewFrameReader(bytes.NewReader(raw), maxPDU).Next()
	if err != nil {
		t.Fatal(err)
	}
	m, err := smpp.DecodeMessage(h.Command, body)
	if err != nil {
		t.Fatal(err)
	}
	m, _ = comparable(m)
	b, err := smpp.AppendMessage(nil, h.Seq, &m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// withoutExtraOctet takes the surplus zero out of a deliver_sm by fiorix.
func withoutExtraOctet(raw []byte, m smpp.ShortMessage) []byte {
	at := 16 + len(m.ServiceType) + len(m.Source.Addr) + len(m.Dest.Addr) + len(m.ScheduleDelivery) +
		len(m.ValidityPeriod) + 17 // NULs, TON and NPI, and the octets up to sm_length
	if raw[at] != 0 {
		return raw
	}
	raw = slices.Delete(slices.Clone(raw), at, at+1)
	raw[3], raw[2] = byte(len(raw)), byte(len(raw)>>8)
	return raw
}

func compareWithFiorix(t testing.TB, seq uint32, m smpp.ShortMessage) {
	t.Helper()
	m, ok := comparable(m)
	if !ok {
		return
	}
	ours, err := smpp.AppendMessage(nil, seq, &m)
	if err != nil {
		return
	}
	theirs := byFiorix(t, seq, m)
	if m.Command == smpp.DeliverSM {
		theirs = withoutExtraOctet(theirs, m)
	}
	if theirs = sortTail(t, theirs); !bytes.Equal(ours, theirs) {
		t.Errorf("ours   %x\nfiorix %x", ours, theirs)
	}
}

func TestSameOctetsAsFiorix(t *testing.T) {
	t.Parallel()
	compared := 0
	for _, c := range pdus(t) {
		value, _, err := decode(c.raw)
		if m, ok := value.(smpp.ShortMessage); ok && err == nil {
			compareWithFiorix(t, 77, m)
			compared++
		}
	}
	if compared < 10 {
		t.Errorf("only %d messages compared", compared)
	}
}

func TestSameFieldsAsFiorix(t *testing.T) {
	t.Parallel()
	for _, c := range pdus(t) {
		value, _, err := decode(c.raw)
		m, ok := value.(smpp.ShortMessage)
		if !ok || err != nil || m.Command == smpp.DataSM || m.HasUDH() {
			continue
		}
		body, err := fiorix.Decode(bytes.NewReader(c.raw))
		if err != nil {
			t.Errorf("%s: fiorix: %v", c.name, err)
			continue
		}
		f := body.Fields()
		text := f[pdufield.ShortMessage].Bytes()
		if m.UsePayloadTLV {
			text = body.TLVFields()[pdutlv.TagMessagePayload].Bytes()
		}
		if got := strings.TrimSuffix(string(f[pdufield.SourceAddr].Bytes()), "\x00"); got != m.Source.Addr {
			t.Errorf("%s: source %q", c.name, got)
		}
		if !bytes.Equal(text, m.Payload) || f[pdufield.DataCoding].Bytes()[0] != m.DataCoding {
			t.Errorf("%s: fiorix read %x, we %x", c.name, text, m.Payload)
		}
	}
}

// The faults that keep fiorix away from messages, each beside what we do. A
// case that fails means that fiorix has changed.
func TestFiorixFaults(t *testing.T) {
	t.Parallel()
	plain := text("hello")

	t.Run("sm_length wraps", func(t *testing.T) {
		t.Parallel()
		m := plain
		m.Payload = make([]byte, 300)
		if raw := byFiorix(t, 1, m); raw[len(raw)-301] != 44 {
			t.Errorf("sm_length %d", raw[len(raw)-301])
		}
		if _, err := smpp.AppendMessage(nil, 1, &m); err == nil {
			t.Error("300 octets were encoded")
		}
	})
	t.Run("integer parameter keeps one octet", func(t *testing.T) {
		t.Parallel()
		theirs := pdutlv.Map{}
		if err := theirs.Set(pdutlv.TagUserMessageReference, 0x1234); err != nil || len(theirs[pdutlv.TagUserMessageReference].Bytes()) != 1 {
			t.Errorf("%v %x", err, theirs[pdutlv.TagUserMessageReference].Bytes())
		}
		m := plain
		m.TLVs.SetUint16(smpp.TagUserMessageReference, 0x1234)
		raw, err := smpp.AppendMessage(nil, 1, &m)
		if err != nil || !bytes.HasSuffix(raw, []byte{0x02, 0x04, 0x00, 0x02, 0x12, 0x34}) {
			t.Errorf("%v %x", err, raw)
		}
	})
	t.Run("deliver_sm has an extra octet", func(t *testing.T) {
		t.Parallel()
		m := plain
		m.Command = smpp.DeliverSM
		ours, err := smpp.AppendMessage(nil, 1, &m)
		if theirs := byFiorix(t, 1, m); err != nil || len(theirs) != len(ours)+1 {
			t.Errorf("fiorix %d octets, we %d, %v", len(theirs), len(ours), err)
		}
	})
	t.Run("user data header leaves the text", func(t *testing.T) {
		t.Parallel()
		raw := pdu(t, "deliver_sm with UDH")
		body, err := fiorix.Decode(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(body.Fields()[pdufield.ShortMessage].Bytes()); got != "hello" {
			t.Errorf("fiorix text %q", got)
		}
		_ = body.Fields()[pdufield.GSMUserData].Bytes()
		if got := string(body.Fields()[pdufield.ShortMessage].Bytes()); got != "\x00ello" {
			t.Errorf("fiorix text after a look at the header: %q", got)
		}
		m, err := smpp.DecodeMessage(smpp.DeliverSM, raw[16:])
		if err != nil {
			t.Fatal(err)
		}
		udh, rest, err := m.SplitUDH()
		if err != nil || len(udh) != 7 || string(rest) != "hello" || len(m.Payload) != 12 {
			t.Errorf("udh %x text %q, %v", udh, rest, err)
		}
	})
	t.Run("truncation passes", func(t *testing.T) {
		t.Parallel()
		raw := pdu(t, "submit_sm cut before data_coding")
		if body, err := fiorix.Decode(bytes.NewReader(raw)); err != nil || body.Fields()[pdufield.DataCoding] != nil {
			t.Errorf("fiorix: %v", err)
		}
		if _, err := smpp.DecodeMessage(smpp.SubmitSM, raw[16:]); err == nil {
			t.Error("we took it too")
		}
	})
	t.Run("what does not fit the alphabet passes as UTF-8", func(t *testing.T) {
		t.Parallel()
		if got := pdutext.GSM7("شكرا").Encode(); string(got) != "شكرا" {
			t.Errorf("fiorix encoded %x", got)
		}
		// We leave alphabets to smpp/gsm: Payload is octets.
	})
	t.Run("commands it cannot decode", func(t *testing.T) {
		t.Parallel()
		if _, err := fiorix.Decode(bytes.NewReader(pdu(t, "data_sm"))); err == nil {
			t.Error("fiorix decodes data_sm now")
		}
	})
	t.Run("more than 4096 octets", func(t *testing.T) {
		t.Parallel()
		m := plain
		m.UsePayloadTLV, m.Payload = true, make([]byte, 5000)
		raw, err := smpp.AppendMessage(nil, 1, &m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fiorix.Decode(bytes.NewReader(raw)); err == nil {
			t.Error("fiorix takes 5000 octets now")
		}
		if got, err := smpp.DecodeMessage(smpp.SubmitSM, raw[16:]); err != nil || len(got.Payload) != 5000 {
			t.Errorf("%d octets, %v", len(got.Payload), err)
		}
	})
	t.Run("sequence numbers are process-wide", func(t *testing.T) {
		t.Parallel()
		a, err := smpp.AppendBind(nil, 5, smpp.BindRequest{SystemID: "a"})
		b, err2 := smpp.AppendBind(nil, 5, smpp.BindRequest{SystemID: "a"})
		if err != nil || err2 != nil || !bytes.Equal(a, b) || a[15] != 5 {
			t.Errorf("%x %x", a, b)
		}
	})
}
