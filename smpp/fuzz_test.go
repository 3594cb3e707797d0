package smpp_test

import (
	"bytes"
	"testing"

	"github.com/wasl-sms/wasl/smpp"
)

func seed(f *testing.F) {
	f.Helper()
	for _, c := range pdus(f) {
		f.Add(c.raw)
	}
}

// FuzzFrame: no stream makes the reader panic, loop or take memory beyond the
// limit.
func FuzzFrame(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := smpp.NewFrameReader(bytes.NewReader(stream), 4096)
		total := 0
		for {
			h, body, err := r.Next()
			if err != nil {
				break
			}
			if int(h.Length) != len(body)+16 || len(body) > 4096-16 {
				t.Fatalf("length %d, body %d", h.Length, len(body))
			}
			total += int(h.Length)
		}
		if total > len(stream) {
			t.Fatalf("%d octets read out of %d", total, len(stream))
		}
	})
}

// FuzzPDU: what can be decoded encodes to what decodes to the same, and like
// fiorix.
func FuzzPDU(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		value, again, err := decode(raw)
		if err != nil || again == nil {
			return
		}
		_, third, err := decode(again)
		if err != nil || !bytes.Equal(again, third) {
			t.Fatalf("decoded from our own octets: %v\n%x\n%x", err, again, third)
		}
		if m, ok := value.(smpp.ShortMessage); ok {
			_ = m.String()
			compareWithFiorix(t, 1, m)
		}
	})
}

// FuzzReceipt: no text makes a receipt panic, and none without an id and a
// state is one.
func FuzzReceipt(f *testing.F) {
	for _, c := range receiptTexts {
		f.Add(c.text, uint8(0), "", []byte(nil))
	}
	f.Add("", uint8(8), "0a", []byte{2})
	f.Fuzz(func(t *testing.T, text string, dataCoding uint8, id string, state []byte) {
		m := smpp.ShortMessage{Command: smpp.DeliverSM, ESMClass: smpp.ESMClassReceipt, DataCoding: dataCoding, Payload: []byte(text)}
		m.TLVs.SetString(smpp.TagReceiptedMessageID, id)
		m.TLVs.Set(smpp.TagMessageState, state)
		r, ok := smpp.ParseReceipt(m)
		if ok && r.ID == "" {
			t.Fatal("a receipt without an id")
		}
		_ = r.State.String()
		if n := len(r.ID) + len(r.Err) + len(r.Text); n > len(id)+len(text)+5 {
			t.Fatalf("%d octets read out of %d", n, len(id)+len(text))
		}
		if r, _ := smpp.ParseReceiptText(text); len(r.ID)+len(r.Err)+len(r.Text) > len(text) {
			t.Fatalf("more read than there is: %+v", r)
		}
	})
}

// FuzzSplitUDH: header and text together are the payload, or there is an
// error.
func FuzzSplitUDH(f *testing.F) {
	f.Add([]byte("\x05\x00\x03\x2a\x02\x01hello"))
	f.Add([]byte{0xff})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, payload []byte) {
		m := smpp.ShortMessage{Command: smpp.DeliverSM, ESMClass: smpp.ESMClassUDHI, Payload: payload}
		udh, text, err := m.SplitUDH()
		if err == nil && (!bytes.Equal(append(bytes.Clone(udh), text...), payload) || len(udh) != int(udh[0])+1) {
			t.Fatalf("%x + %x != %x", udh, text, payload)
		}
	})
}

// FuzzTLVs: parameters are as long as they say and no longer than what holds
// them, and encode to the same octets; only padding may be lost.
func FuzzTLVs(f *testing.F) {
	for _, c := range pdus(f) {
		for at := 16; at+4 < len(c.raw); at += 7 {
			f.Add(c.raw[at:])
		}
	}
	f.Add([]byte("\x05\x01\x00\x01\x02\x13\x83\x00\x02\x12\x00\x00"))
	prefix := pdu(f, "data_sm")[16:]
	prefix = prefix[:bytes.LastIndex(prefix, []byte("\x04\x24"))]
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := smpp.DecodeMessage(smpp.DataSM, append(bytes.Clone(prefix), raw...))
		if err != nil {
			return
		}
		size := len(m.Payload)
		for _, tlv := range m.TLVs {
			size += 4 + len(tlv.Value)
			m.TLVs.Uint(tlv.Tag)
			m.TLVs.Text(tlv.Tag)
		}
		if m.UsePayloadTLV {
			size += 4
		}
		if size > len(raw) || len(raw)-size >= 4 {
			t.Fatalf("%d octets of parameters out of %d", size, len(raw))
		}
		reply := smpp.DecodeReply(raw)
		size = len(reply.MessageID)
		for _, tlv := range reply.TLVs {
			size += 4 + len(tlv.Value)
		}
		if size > len(raw) {
			t.Fatalf("%d octets of an answer out of %d", size, len(raw))
		}
	})
}

// FuzzOperation: what an ESME may ask beside sending is read without a panic,
// into no more than it holds, and an outbind encodes to itself.
func FuzzOperation(f *testing.F) {
	f.Add(uint8(0), []byte(queryBody))
	f.Add(uint8(1), []byte(cancelBody))
	f.Add(uint8(2), []byte(replaceBody))
	f.Add(uint8(3), []byte(multiBody))
	f.Add(uint8(4), []byte("smsc\x00theirs\x00"))
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		size := 0
		addresses := func(all ...smpp.Address) {
			for _, a := range all {
				size += len(a.Addr) + 1
			}
		}
		switch which % 5 {
		case 0:
			q, _ := smpp.DecodeQuery(body)
			addresses(q.Source)
			size += len(q.MessageID)
		case 1:
			c, _ := smpp.DecodeCancel(body)
			addresses(c.Source, c.Dest)
			size += len(c.MessageID) + len(c.ServiceType)
		case 2:
			r, _ := smpp.DecodeReplace(body)
			addresses(r.Source)
			size += len(r.MessageID) + len(r.ScheduleDelivery) + len(r.ValidityPeriod) + len(r.Payload)
			_ = r.String()
		case 3:
			m, _ := smpp.DecodeMulti(body)
			for _, d := range m.Dests {
				addresses(d.Address)
				size += len(d.List)
			}
			size += len(m.Message.Payload)
			for _, tlv := range m.Message.TLVs {
				size += 4 + len(tlv.Value)
			}
			_ = m.Message.String()
		default:
			r, err := smpp.DecodeOutbind(body)
			if err != nil {
				return
			}
			again, err := smpp.AppendOutbind(nil, 1, r)
			if err != nil || !bytes.HasPrefix(body, again[16:]) {
				t.Fatalf("%q encoded again: %q, %v", body, again, err)
			}
		}
		if size > len(body)+2 {
			t.Fatalf("%d octets read out of %d", size, len(body))
		}
	})
}
