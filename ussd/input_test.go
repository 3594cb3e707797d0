package ussd_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/wasl-sms/wasl/ussd"
)

func TestParseInput(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in   string
		want ussd.Input
	}{
		{"1", ussd.Input{Text: "1"}},
		{" 1 \r\n", ussd.Input{Text: "1"}},
		{"١٢٣", ussd.Input{Text: "123"}},
		{"۴۵۶", ussd.Input{Text: "456"}},
		{"１２", ussd.Input{Text: "12"}},
		{"\u200f0\u200e", ussd.Input{Text: "0", Move: ussd.MoveBack}},
		{"٠", ussd.Input{Text: "0", Move: ussd.MoveBack}},
		{"00", ussd.Input{Text: "00", Move: ussd.MoveHome}},
		{"98", ussd.Input{Text: "98", Move: ussd.MoveMore}},
		{"٩٨", ussd.Input{Text: "98", Move: ussd.MoveMore}},
		{"99", ussd.Input{Text: "99", Move: ussd.MoveMore}},
		{"#", ussd.Input{Text: "#", Move: ussd.MoveMore}},
		{"＃", ussd.Input{Text: "#", Move: ussd.MoveMore}},
		{"4821307#", ussd.Input{Text: "4821307"}},
		{"0#", ussd.Input{Text: "0", Move: ussd.MoveBack}},
		{"000", ussd.Input{Text: "000"}},
		{"", ussd.Input{}},
		{"ab  12\tc", ussd.Input{Text: "ab 12 c"}},
		{"*369#", ussd.Input{Text: "*369#"}},
		{"\xff1", ussd.Input{Text: "\uFFFD1"}},
		{"👍", ussd.Input{Text: "👍"}},
	}
	for _, tt := range tests {
		if got := ussd.ParseInput(tt.in); got != tt.want {
			t.Errorf("ParseInput(%q) = %+v, want %+v", tt.in, got, tt.want)
		}
	}
}

func TestParseDial(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in, code string
		path     []string
		ok       bool
	}{
		{"*369#", "*369#", nil, true},
		{"*369*1*2#", "*369#", []string{"1", "2"}, true},
		{"#369#", "#369#", nil, true},
		{"*#369#", "*#369#", nil, true},
		{"*٣٦٩#", "*369#", nil, true},
		{"*369**2#", "", nil, false},
		{"*369*a#", "", nil, false},
		{"*#", "", nil, false},
		{"**#", "", nil, false},
		{"369#", "", nil, false},
		{"*369", "", nil, false},
		{"", "", nil, false},
	}
	for _, tt := range tests {
		code, path, ok := ussd.ParseDial(tt.in)
		if code != tt.code || !slices.Equal(path, tt.path) || ok != tt.ok {
			t.Errorf("ParseDial(%q) = %q %v %v", tt.in, code, path, ok)
		}
	}
}

func FuzzParseInput(f *testing.F) {
	for _, s := range []string{"٩٨#", "*369*1#", "\u00a8 1", "ﷺ", "\u0344", "##"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		in := ussd.ParseInput(s)
		if !utf8.ValidString(in.Text) || in.Text != strings.TrimSpace(in.Text) || len(in.Text) > 60*len(s) {
			t.Fatalf("%q gives %q", s, in.Text)
		}
		if again := ussd.ParseInput(in.Text); again != in {
			t.Fatalf("%q gives %+v, and that %+v", s, in, again)
		}
		ussd.ParseDial(s)
	})
}
