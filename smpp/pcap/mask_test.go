package pcap_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/pcap"
)

const (
	number   = "212600000001"
	dialled  = "*369*4711#"
	secret   = "pass1234"
	longText = "SUIVI 12345678"
)

// frame builds a PDU around a body.
func frame(c smpp.Command, body ...string) []byte {
	b := append(smpp.AppendHeader(nil, c, smpp.StatusOK, 7), strings.Join(body, "")...)
	binary.BigEndian.PutUint32(b, uint32(len(b)))
	return b
}

func TestMask(t *testing.T) {
	t.Parallel()
	const (
		addresses = "\x01\x01" + number + "\x00\x03\x00" + dialled + "\x00"
		masked    = "\x01\x0121260xxxxxxx\x00\x03\x00*369*xxxxx\x00"
		zeros     = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	)
	for _, c := range []struct {
		name     string
		command  smpp.Command
		in, want string
	}{
		{
			"bind", smpp.BindTransceiver,
			"wasl\x00" + secret + "\x00VMS\x00\x34\x01\x01" + number + "\x00",
			"wasl\x00xxxxxxxx\x00VMS\x00\x34\x01\x0121260xxxxxxx\x00",
		},
		{"outbind", smpp.Outbind, "smsc\x00" + secret + "\x00", "smsc\x00xxxxxxxx\x00"},
		{
			"submit_sm", smpp.SubmitSM,
			"USSD\x00" + addresses + "\x00\x00\x00\x00000002000000000R\x00\x01\x00\x00\x00\x0e" + longText + "\x05\x01\x00\x01\x02",
			"USSD\x00" + masked + "\x00\x00\x00\x00000002000000000R\x00\x01\x00\x00\x00\x0exxxxxxxxxxxxxx\x05\x01\x00\x01\x02",
		},
		{
			"header of a part", smpp.DeliverSM,
			"\x00" + addresses + "\x40\x00\x00\x00\x00\x00\x00\x00\x00\x0a\x05\x00\x03\x07\x02\x01ABCD",
			"\x00" + masked + "\x40\x00\x00\x00\x00\x00\x00\x00\x00\x0a\x05\x00\x03\x07\x02\x01xxxx",
		},
		{
			"header that is a text", smpp.DeliverSM,
			"\x00" + addresses + "\x40\x00\x00\x00\x00\x00\x00\x00\x00\x0a\x05\x70\x03SECRET!",
			"\x00" + masked + "\x40\x00\x00\x00\x00\x00\x00\x00\x00\x0a" + zeros[:10],
		},
		{
			"parameters", smpp.DataSM,
			"\x00" + addresses + "\x04\x00\x00\x04\x24\x00\x03abc\x00\x1e\x00\x03id\x00\x14\x00\x00\x02hi\x03\x81\x00\x0e\x01\x01" + number,
			"\x00" + masked + "\x04\x00\x00\x04\x24\x00\x03xxx\x00\x1e\x00\x03id\x00\x14\x00\x00\x02\x00\x00\x03\x81\x00\x0e" + zeros[:14],
		},
		{
			"parameter too long for what it is", smpp.DataSM,
			"\x00" + addresses + "\x04\x00\x00\x02\x04\x00\x0c" + number,
			"\x00" + masked + "\x04\x00\x00\x02\x04\x00\x0cxxxxxxxxxxxx",
		},
		{
			"parameter past the end", smpp.DataSM,
			"\x00" + addresses + "\x04\x00\x00\x02\x04\x00\x0d" + number,
			"\x00" + masked + "\x04\x00\x00" + zeros[:16],
		},
		{"text where a time belongs", smpp.ReplaceSM, "A1\x00\x01\x01" + number + "\x00" + longText + "\x00\x00\x01\x00\x02hi", "A1\x00\x01\x0121260xxxxxxx\x00xxxxxxxxxxxxxx\x00\x00\x01\x00\x02xx"},
		{"number where a service type belongs", smpp.CancelSM, number + "\x00A1\x00" + addresses, "21260xxxxxxx\x00A1\x00" + masked},
		{
			"submit_multi", smpp.SubmitMulti,
			"\x00\x01\x01" + number + "\x00\x02\x01\x01\x01" + number + "\x00\x02family\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02hi",
			"\x00\x01\x0121260xxxxxxx\x00\x02\x01\x01\x0121260xxxxxxx\x00\x02xxxxxx\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02xx",
		},
		{
			"submit_multi_resp", smpp.SubmitMultiResp,
			"A1\x00\x01\x01\x01" + number + "\x00\x00\x00\x00\x0b", "A1\x00\x01\x01\x0121260xxxxxxx\x00\x00\x00\x00\x0b",
		},
		{"query_sm", smpp.QuerySM, "A1\x00\x01\x01" + number + "\x00", "A1\x00\x01\x0121260xxxxxxx\x00"},
		{"cut inside the number", smpp.QuerySM, "A1\x00\x01\x01" + number, "A1\x00\x01\x01" + zeros[:12]},
		{"unknown command", 0x111, "\x00" + addresses, zeros + zeros[:len(addresses)+1-20]},
		{"body of a generic_nack", smpp.GenericNack, number, zeros[:12]},
		{"body of enquire_link", smpp.EnquireLink, number, zeros[:12]},
	} {
		in, want := frame(c.command, c.in), frame(c.command, c.want)
		if got := pcap.Mask(in); !bytes.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got[16:], want[16:])
		}
	}
	if got := pcap.Mask([]byte(number)); !bytes.Equal(got, make([]byte, 12)) {
		t.Errorf("less than a header: %q", got)
	}
}

// Wherever in a message a number or words stand, seven characters in a row do
// not come through: in any parameter, known or not, in any address, in a text
// with a header or without, in a header.
func TestNothingPassesTheMask(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.SampledFrom([]string{number, dialled + "99", longText}).Draw(t, "secret")
		m := smpp.ShortMessage{
			Command:     rapid.SampledFrom([]smpp.Command{smpp.SubmitSM, smpp.DeliverSM, smpp.DataSM}).Draw(t, "command"),
			ESMClass:    rapid.Byte().Draw(t, "esm_class"),
			Source:      smpp.Address{Addr: secret},
			Dest:        smpp.Address{Addr: secret},
			Payload:     append(rapid.SliceOfN(rapid.Byte(), 0, 12).Draw(t, "header"), secret...),
			ServiceType: rapid.SampledFrom([]string{"", "USSD"}).Draw(t, "service_type"),
		}
		m.UsePayloadTLV = rapid.Bool().Draw(t, "as message_payload")
		for _, tag := range rapid.SliceOf(rapid.OneOf(rapid.Uint16Range(0, 0x0500), rapid.Uint16())).Draw(t, "tags") {
			if tag := smpp.Tag(tag); tag != smpp.TagMessagePayload && tag != smpp.TagReceiptedMessageID {
				m.TLVs = append(m.TLVs, smpp.TLV{Tag: tag, Value: []byte(secret)})
			}
		}
		raw, err := smpp.AppendMessage(nil, 1, &m)
		if err != nil {
			t.Fatal(err)
		}
		raw = raw[:rapid.IntRange(16, len(raw)).Draw(t, "cut")]
		masked := pcap.Mask(raw)
		for i := range len(secret) - 6 {
			if bytes.Contains(masked, []byte(secret[i:i+7])) {
				t.Fatalf("%q of %q came through: %q", secret[i:i+7], raw, masked)
			}
		}
	})
}

// FuzzMask: any octets keep their length, and every octet shown is the one
// that was there, a zero or an x.
func FuzzMask(f *testing.F) {
	f.Add(frame(smpp.SubmitSM, "\x00\x01\x01"+number+"\x00\x00\x00369\x00\x40\x00\x00\x00\x00\x00\x00\x00\x00\x0a\x05\x00\x03\x07\x02\x01ABCD\x05\x01\x00\x01\x02"))
	f.Add(frame(smpp.SubmitMulti, "\x00\x00\x00\x00\x02\x01\x01\x01"+number+"\x00\x02family\x00"))
	f.Add(frame(smpp.BindTransceiver, "wasl\x00"+secret+"\x00VMS\x00\x34\x01\x01\x00"))
	f.Fuzz(func(t *testing.T, pdu []byte) {
		before := bytes.Clone(pdu)
		got := pcap.Mask(pdu)
		if !bytes.Equal(before, pdu) || len(got) != len(pdu) {
			t.Fatalf("%x became %x", before, got)
		}
		for i, c := range got {
			if c != pdu[i] && c != 0 && c != 'x' {
				t.Fatalf("octet %d of %x is %x, which was nowhere", i, pdu, c)
			}
		}
	})
}
