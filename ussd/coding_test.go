package ussd_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/warthog618/sms/encoding/gsm7"
	"pgregory.net/rapid"

	"github.com/wasl-sms/wasl/smpp/gsm"
	"github.com/wasl-sms/wasl/ussd"
)

func TestPayload(t *testing.T) {
	t.Parallel()
	d := ussd.Spec()
	d.CodingGSM7, d.CodingUCS2 = 0x0F, 0x48
	packed := d
	packed.Packed = true
	for _, c := range []struct {
		d          ussd.Dialect
		text, want string
	}{
		{d, "1 Fenêtre\n0 €", "0f 312046656e657472650a30201b65"},
		{d, "1 طلب", "48 00310020063706440628"},
		{packed, "hellohello", "0f e8329bfd4697d9ec37"},
		{packed, "1 طلب", "48 00310020063706440628"},
		{packed, "1234567", "0f 31d98c56b3dd1a"},     // seven bits left over
		{packed, "1234567\r", "0f 31d98c56b3dd1a0d"}, // would be taken for them
		{packed, "12345678", "0f 31d98c56b3dd70"},    // none left over
		{packed, "", "0f "},
	} {
		coding, payload := c.d.Payload(c.text)
		if got := fmt.Sprintf("%02x %x", coding, payload); got != c.want {
			t.Errorf("Payload(%q), packed %v: %s, want %s", c.text, c.d.Packed, got, c.want)
		}
	}
}

// Packing agrees with another one of it, and loses nothing.
func TestPackingAgainstAnother(t *testing.T) {
	t.Parallel()
	d := ussd.Spec()
	d.Packed = true
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("1aé€ \n[&0Z")), 1, 182, -1).Draw(t, "text")
		septets, err := gsm.EncodeGSM7(text)
		if err != nil {
			t.Fatal(err)
		}
		coding, got := d.Payload(text)
		if len(septets)%8 == 7 {
			septets = append(septets, '\r') // Pack7BitUSSD adds it at times where six bits are left over
		}
		if diff := cmp.Diff(gsm7.Pack7Bit(septets, 0), got); diff != "" {
			t.Fatal(diff)
		}
		if back, err := d.ReadText(coding, got); err != nil || back != text {
			t.Fatalf("read back as %q, %v", back, err)
		}
	})
}

func TestReadText(t *testing.T) {
	t.Parallel()
	smpp := ussd.Spec()
	cbs := smpp
	cbs.CodingIn = ussd.CodingCBS
	packed := cbs
	packed.Packed = true
	packed.CodingGSM7, packed.CodingUCS2 = 0x0F, 0x48
	other := smpp
	other.CodingUCS2 = 0x19
	for _, c := range []struct {
		name    string
		d       ussd.Dialect
		coding  byte
		payload string
		want    string
	}{
		{"default", smpp, 0x00, "31", "1"},
		{"cell broadcast's default", smpp, 0x0F, "31", "1"},
		{"UCS-2", smpp, 0x08, "0661", "١"},
		{"cell broadcast's UCS-2", smpp, 0x48, "0661", "١"},
		{"Latin-1", smpp, 0x03, "e9", "é"},
		{"IA5", smpp, 0x01, "24", "$"},
		{"binary", smpp, 0x04, "31", "!"},
		{"what we send", other, 0x19, "0661", "١"},
		{"a language", cbs, 0x01, "05", "é"},
		{"Arabic, in the default alphabet", cbs, 0x22, "31", "1"},
		{"language before GSM-7", cbs, 0x10, "61720d31", "1"},
		{"language before UCS-2", cbs, 0x11, "c3b90661", "١"},
		{"general, UCS-2", cbs, 0x58, "0661", "١"},
		{"general, binary", cbs, 0x54, "31", "!"},
		{"coding group", cbs, 0xF1, "31", "1"},
		{"reserved", cbs, 0x95, "31", "!"},
		{"packed", packed, 0x0F, "e8329bfd4697d9ec37", "hellohello"},
		{"packed, one digit", packed, 0x0F, "31", "1"},
		{"packed, seven", packed, 0x0F, "31d98c56b3dd1a", "1234567"},
		{"packed, its own return", packed, 0x0F, "31d98c56b3dd1a0d", "1234567\r"},
		{"packed, UCS-2 is not", packed, 0x48, "0661", "١"},
		{"cut short", cbs, 0x11, "c3", ""},
		{"nothing", packed, 0x0F, "", ""},
	} {
		b, err := hex.DecodeString(c.payload)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.d.ReadText(c.coding, b)
		if err != nil {
			got = "!"
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q (%v)", c.name, got, c.want, err)
		}
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	d := ussd.Spec()
	if got := d.Pages(); got != ussd.DefaultBudget() {
		t.Errorf("without octets: %+v", got)
	}
	d.Octets = ussd.Octets{First: 140, Next: 160}
	if got, want := d.Pages(), (ussd.Budget{First: 140, Next: 160, FirstUCS2: 70, NextUCS2: 80}); got != want {
		t.Errorf("octets: %+v", got)
	}
	d.Packed = true
	if got, want := d.Pages(), (ussd.Budget{First: 160, Next: 182, FirstUCS2: 70, NextUCS2: 80}); got != want {
		t.Errorf("packed: %+v", got)
	}
	// What fits the budget fits the octets.
	for _, text := range []string{strings.Repeat("a", 182), strings.Repeat("ب", 80)} {
		if _, payload := d.Payload(text); len(payload) > 160 {
			t.Errorf("%d octets of %q", len(payload), text[:4])
		}
	}
}

func FuzzReadText(f *testing.F) {
	f.Add(byte(0x11), true, []byte{1})
	f.Fuzz(func(t *testing.T, coding byte, packed bool, payload []byte) {
		for _, in := range []ussd.Coding{ussd.CodingSMPP, ussd.CodingCBS} {
			d := ussd.Spec()
			d.CodingIn, d.Packed = in, packed
			if text, _ := d.ReadText(coding, payload); len(text) > 4*len(payload) {
				t.Fatalf("%d octets of text from %d", len(text), len(payload))
			}
		}
	})
}
