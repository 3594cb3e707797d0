package gateway

import "testing"

func TestMessageIDsMeet(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		response, receipt IDForm
		id, written       string
	}{
		{IDText, IDText, "ABC-1", "abc-1"},
		{IDText, IDText, "0000123", "123"},
		{IDText, IDText, "123\x00", " 123"},
		{IDText, IDText, "0", "000"},
		{IDHex, IDDec, "1f", "31"},
		{IDHex, IDDec, "00001F", "0000000031"},
		{IDDec, IDHex, "4294967296", "100000000"},
		{IDHex, IDHex, "6E1C5A0B", "6e1c5a0b"},
		{IDHex, IDDec, "9f1c-uuid", "9F1C-UUID"}, // neither: taken as text
	} {
		if a, b := c.response.normal(c.id), c.receipt.normal(c.written); a != b {
			t.Errorf("%q is %q, and %q is %q", c.id, a, c.written, b)
		}
	}
	if a, b := IDText.normal("12"), IDText.normal("13"); a == b {
		t.Error("two ids are one")
	}
}

func FuzzMessageID(f *testing.F) {
	f.Add("00A1", uint8(2))
	f.Add("\xff\x00é", uint8(0))
	f.Fuzz(func(t *testing.T, id string, form uint8) {
		n := IDForm(form % 3).normal(id)
		if len(n) > maxID {
			t.Errorf("%d characters", len(n))
		}
		for _, c := range []byte(n) {
			if c <= ' ' || c > '~' {
				t.Errorf("%q holds %q", n, c)
			}
		}
	})
}
