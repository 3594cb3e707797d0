package gateway

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/outbox"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/gsm"
)

// octets is a submit_sm as it goes on the wire, without its header.
func octets(t *testing.T, m smpp.ShortMessage) string {
	t.Helper()
	pdu, err := smpp.AppendMessage(nil, 1, &m)
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(pdu[16:])
}

func one(settings string) (Operator, error) {
	ops, err := ParseOperators("[[operator]]\nname = \"n\"\nsender = \"3690\"\n"+settings+"\n[[operator.bind]]\naddress = \"a:1\"\n", "")
	if err != nil {
		return Operator{}, err
	}
	return ops[0], nil
}

// Each form of a part, octet by octet: service_type, addresses, then from
// esm_class on. "212612000001" and "3690" are the addresses.
func TestPartsOnTheWire(t *testing.T) {
	t.Parallel()
	const head = "00" + "0300" + "33363930" + "00" + "0101" + "323132363132303030303031" + "00"
	const valid = "30303030303030303031303030303052" + "00" // one minute
	second := outbox.Part{To: private.StoredMsisdn("+212612000001"), Class: message.Decision, Total: 3, No: 2, Ref: 0x1234, Payload: []byte("Bon"), Reference: 0x0A0B}
	whole := second
	whole.Total, whole.No = 1, 1
	arabic := second
	arabic.Alphabet, arabic.Payload = gsm.UCS2, gsm.EncodeUCS2("نعم")
	septets, err := gsm.EncodeGSM7("déjà €[Ω")
	if err != nil {
		t.Fatal(err)
	}
	accents := whole
	accents.Payload = septets
	with := func(p outbox.Part, f outbox.Form, udh ...byte) outbox.Part {
		p.Form, p.UDH = f, udh
		return p
	}
	long := whole
	long.Payload = bytes.Repeat([]byte("a"), 200)
	for name, c := range map[string]struct {
		settings string
		part     outbox.Part
		from     string // esm_class on
	}{
		"one part":  {"", with(whole, outbox.UDH8), "000000" + "00" + valid + "01000000" + "03426f6e" + "020400020a0b"},
		"udh8":      {"", with(second, outbox.UDH8, 5, 0, 3, 0x34, 3, 2), "400000" + "00" + valid + "01000000" + "09050003340302426f6e" + "020400020a0b"},
		"udh16":     {`long_texts = "udh16"`, with(second, outbox.UDH16, 6, 8, 4, 0x12, 0x34, 3, 2), "400000" + "00" + valid + "01000000" + "0a06080412340302426f6e" + "020400020a0b"},
		"sar":       {`long_texts = "sar"`, with(second, outbox.SAR), "000000" + "00" + valid + "01000000" + "03426f6e" + "020c00021234" + "020e000103" + "020f000102" + "020400020a0b"},
		"payload":   {`long_texts = "payload"`, with(long, outbox.Payload), "000000" + "00" + valid + "01000000" + "00" + "042400c8" + strings.Repeat("61", 200) + "020400020a0b"},
		"short":     {`long_texts = "payload"`, with(whole, outbox.Payload), "000000" + "00" + valid + "01000000" + "03426f6e" + "020400020a0b"},
		"ucs2":      {"", with(arabic, outbox.UDH8, 5, 0, 3, 0x34, 3, 2), "400000" + "00" + valid + "01000800" + "0c" + "050003340302" + "064606390645" + "020400020a0b"},
		"numbers":   {"coding_ucs2 = 0x18\nno_reference = true", with(arabic, outbox.UDH8, 5, 0, 3, 0x34, 3, 2), "400000" + "00" + valid + "01001800" + "0c" + "050003340302" + "064606390645"},
		"gsm7":      {"no_reference = true", with(accents, outbox.UDH8), "000000" + "00" + valid + "01000000" + "0a" + "64056a7f201b651b3c15"},
		"latin1":    {"no_reference = true\nalphabet = \"latin1\"", with(accents, outbox.UDH8), "000000" + "00" + valid + "01000300" + "08" + "64e96ae020455b4f"},
		"ascii":     {"no_reference = true\nalphabet = \"ascii\"", with(accents, outbox.UDH8), "000000" + "00" + valid + "01000100" + "08" + "64656a6120455b4f"},
		"default 0": {"no_reference = true\nalphabet = \"latin1\"\ncoding_gsm7 = 0", with(accents, outbox.UDH8), "000000" + "00" + valid + "01000000" + "08" + "64e96ae020455b4f"},
		"absolute":  {"no_reference = true\nvalidity = \"absolute\"", with(whole, outbox.UDH8), "000000" + "00" + hex.EncodeToString([]byte("261120093100000+")) + "00" + "01000000" + "03426f6e"},
		"its own": {
			"no_reference = true\nparameter = [{ tag = 0x1400, text = \"1101\" }, { tag = 0x1FFF, hex = \"00ff\" }]", with(whole, outbox.UDH8),
			"000000" + "00" + valid + "01000000" + "03426f6e" + "1400000431313031" + "1fff000200ff",
		},
		"none":  {"no_reference = true\nvalidity = \"none\"", with(whole, outbox.UDH8), "000000" + "00" + "00" + "01000000" + "03426f6e"},
		"flags": {"no_reference = true\npriority = true\nregistered_delivery = 17", with(whole, outbox.UDH8), "000001" + "00" + valid + "11000000" + "03426f6e"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, err := one(c.settings)
			if err != nil {
				t.Fatal(err)
			}
			m := o.shortMessage(c.part, time.Date(2026, 11, 20, 9, 30, 0, 0, time.UTC))
			if got, want := octets(t, m), head+c.from; got != want {
				t.Errorf("wrote\n%s, want\n%s", got, want)
			}
		})
	}
}

// Where a text comes from and goes to, and how urgent it is said to be.
func TestAddressesAndPriority(t *testing.T) {
	t.Parallel()
	to := private.StoredMsisdn("+212612000001")
	for name, c := range map[string]struct {
		settings     string
		class        message.Class
		source, dest smpp.Address
		priority     uint8
	}{
		"a short code":  {"", message.Code, smpp.Address{TON: 3, Addr: "3690"}, smpp.Address{TON: 1, NPI: 1, Addr: "212612000001"}, 0},
		"a name":        {`sender = "Wasl"`, message.Code, smpp.Address{TON: 5, Addr: "Wasl"}, smpp.Address{TON: 1, NPI: 1, Addr: "212612000001"}, 0},
		"a long number": {`sender = "+212520000000"`, message.Code, smpp.Address{TON: 1, NPI: 1, Addr: "212520000000"}, smpp.Address{TON: 1, NPI: 1, Addr: "212612000001"}, 0},
		"as they want": {
			"sender = \"Wasl\"\nsender_ton = 0\nsender_npi = 1\ndest_ton = 2\ndest_npi = 8", message.Code,
			smpp.Address{NPI: 1, Addr: "Wasl"},
			smpp.Address{TON: 2, NPI: 8, Addr: "212612000001"},
			0,
		},
		"with a plus": {`dest_form = "plus"`, message.Code, smpp.Address{TON: 3, Addr: "3690"}, smpp.Address{TON: 1, NPI: 1, Addr: "+212612000001"}, 0},
		"with zeros":  {`dest_form = "zeros"`, message.Code, smpp.Address{TON: 3, Addr: "3690"}, smpp.Address{TON: 1, NPI: 1, Addr: "00212612000001"}, 0},
		"a code":      {"priority = true", message.Code, smpp.Address{TON: 3, Addr: "3690"}, smpp.Address{TON: 1, NPI: 1, Addr: "212612000001"}, 3},
		"at the gate": {"priority = true", message.Gate, smpp.Address{TON: 3, Addr: "3690"}, smpp.Address{TON: 1, NPI: 1, Addr: "212612000001"}, 2},
		"a decision":  {"priority = true", message.Decision, smpp.Address{TON: 3, Addr: "3690"}, smpp.Address{TON: 1, NPI: 1, Addr: "212612000001"}, 1},
		"information": {"priority = true", message.Information, smpp.Address{TON: 3, Addr: "3690"}, smpp.Address{TON: 1, NPI: 1, Addr: "212612000001"}, 0},
		"a campaign":  {"priority = true", message.Campaign, smpp.Address{TON: 3, Addr: "3690"}, smpp.Address{TON: 1, NPI: 1, Addr: "212612000001"}, 0},
	} {
		ops, err := ParseOperators("[[operator]]\nname = \"n\"\nshort_codes = [\"3690\"]\n"+c.settings+"\n[[operator.bind]]\naddress = \"a:1\"\n", "")
		if err != nil {
			t.Fatal(err)
		}
		m := ops[0].shortMessage(outbox.Part{To: to, Class: c.class, Form: outbox.UDH8, Total: 1, No: 1}, time.Time{})
		if m.Source != c.source || m.Dest != c.dest || m.PriorityFlag != c.priority {
			t.Errorf("%s: from %d/%d %s to %d/%d %s, priority %d", name,
				m.Source.TON, m.Source.NPI, m.Source.Addr, m.Dest.TON, m.Dest.NPI, m.Dest.Addr, m.PriorityFlag)
		}
	}
}

func TestValidityIsKeptWithinBounds(t *testing.T) {
	t.Parallel()
	for left, want := range map[time.Duration]string{
		-time.Hour:                     "000000000100000R",
		time.Second:                    "000000000100000R",
		90 * time.Minute:               "000000013000000R",
		26*time.Hour + 3*time.Second:   "000001020003000R",
		400 * 24 * time.Hour:           "000030000000000R",
		10*time.Minute + 9*time.Second: "000000001009000R",
	} {
		if got := Relative.write(left, time.Time{}); got != want {
			t.Errorf("%v left is written %s, want %s", left, got, want)
		}
	}
}

func TestEveryCharacterHasANearOne(t *testing.T) {
	t.Parallel()
	for octet := range 128 {
		if octet == 0x1B {
			continue
		}
		for _, septets := range [][]byte{{byte(octet)}, {0x1B, byte(octet)}} {
			for a, last := range map[Alphabet]byte{Latin1: 0xFF, ASCII: 0x7F} {
				out := a.recode(septets)
				if len(out) != 1 || out[0] > last || out[0] == '?' && !strings.ContainsAny(gsm.DecodeGSM7(septets), "?¿") {
					t.Errorf("%x is %x in alphabet %d", septets, out, a)
				}
			}
		}
	}
}
