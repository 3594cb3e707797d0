package gsm_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"pgregory.net/rapid"

	"github.com/wasl-sms/wasl/smpp/gsm"
)

func TestUnitsAndParts(t *testing.T) {
	t.Parallel()
	a := func(n int) string { return strings.Repeat("a", n) }
	alef := func(n int) string { return strings.Repeat("ا", n) }
	tests := []struct {
		name, text string
		units      int
		alphabet   gsm.Alphabet
		parts      int
	}{
		{"empty", "", 0, gsm.GSM7, 1},
		{"french letters that stay", "à é è ù É Ç", 11, gsm.GSM7, 1},
		{"euro is two", "10 €", 5, gsm.GSM7, 1},
		{"all of the extension table", "^{}\\[~]|€\f", 20, gsm.GSM7, 1},
		{"circumflex", "fenêtre", 7, gsm.UCS2, 1},
		{"arabic", "سلام", 4, gsm.UCS2, 1},
		{"emoji is a pair", "👍", 2, gsm.UCS2, 1},
		{"escape is no character", "\x1be", 2, gsm.UCS2, 1},
		{"160", a(160), 160, gsm.GSM7, 1},
		{"161", a(161), 161, gsm.GSM7, 2},
		{"306", a(306), 306, gsm.GSM7, 2},
		{"307", a(307), 307, gsm.GSM7, 3},
		{"escape on the edge of the first part", a(152) + "€" + a(152), 306, gsm.GSM7, 3},
		{"70", alef(70), 70, gsm.UCS2, 1},
		{"71", alef(71), 71, gsm.UCS2, 2},
		{"134", alef(134), 134, gsm.UCS2, 2},
		{"135", alef(135), 135, gsm.UCS2, 3},
		{"pair on the edge of the first part", alef(66) + "👍" + alef(66), 134, gsm.UCS2, 3},
	}
	for _, tt := range tests {
		units, alphabet := gsm.Units(tt.text)
		if units != tt.units || alphabet != tt.alphabet || gsm.Choose(tt.text) != tt.alphabet {
			t.Errorf("%s: Units = %d %v, want %d %v", tt.name, units, alphabet, tt.units, tt.alphabet)
		}
		if got := gsm.Parts(tt.text); got != tt.parts {
			t.Errorf("%s: Parts = %d, want %d", tt.name, got, tt.parts)
		}
	}
}

func TestFold(t *testing.T) {
	t.Parallel()
	tests := []struct{ in, want string }{
		{"Réf. à é è ù É", "Réf. à é è ù É"},
		{"l’établissement fenêtre « reçu » … œuvre – N° 5", `l'établissement fenetre " recu " ... oeuvre - No 5`},
		{"À Âge Êtes Ëve Îles Ôter Œil ÿ", "A Age Etes Eve Iles Oter OEil y"},
		{"Ḥmed yeǧǧa tɣiṭ ɛli č ḍ ṛ ṣ ẓ", "Hmed yegga tghit eli c d r s z"},
		{"e\u0301te\u0301", "été"},
		{"mille\u202fdh\u00a050", "mille dh 50"},
		{"a\u200bb\u00adc\u200e", "abc"},
		{"a\r\nb\tc", "a\nb c"},
		{"مرحبا « à l’heure »", "مرحبا « à l’heure »"},
		{"fenêtre 👍", "fenêtre 👍"},
		{"3ndek maw3id ghedda m3a 10:30", "3ndek maw3id ghedda m3a 10:30"},
	}
	for _, tt := range tests {
		if got := gsm.Fold(tt.in); got != tt.want {
			t.Errorf("Fold(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestFoldIsFinal(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := textGen().Draw(t, "text")
		folded := gsm.Fold(s)
		if gsm.Fold(folded) != folded {
			t.Fatalf("folded twice: %q, once: %q", gsm.Fold(folded), folded)
		}
		if folded != s && gsm.Choose(folded) != gsm.GSM7 {
			t.Fatalf("%q was changed to %q for nothing", s, folded)
		}
	})
}

func TestDecodeOddOctets(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		coding  byte
		payload string // hex
		want    string
	}{
		{"escape to euro", 0, "1b65", "€"},
		{"escape that leads nowhere", 0, "311b4132", "1 2"},
		{"escape at the end", 0, "311b", "1 "},
		{"escape twice", 0, "1b1b31", " 1"},
		{"at sign", 0, "00", "@"},
		{"latin-1 in the default alphabet", 0, "e9e0", "éà"},
		{"control range", 0, "8590", "  "},
		{"cell broadcast default", 0x0F, "32", "2"},
		{"latin-1", 3, "e9a0", "é\u00a0"},
		{"ia5", 1, "5b5d", "[]"},
		{"ucs-2", 8, "06330644", "سل"},
		{"cell broadcast ucs-2", 0x48, "0633", "س"},
		{"flash ucs-2", 0x18, "0633", "س"},
		{"message waiting", 0xC8, "32", "2"},
		{"message waiting in ucs-2", 0xE0, "0633", "س"},
		{"message class", 0xF1, "32", "2"},
		{"surrogate pair", 8, "d83ddc4d", "👍"},
		{"half a pair, then a letter", 8, "d83d0041", "\uFFFDA"},
		{"low half alone", 8, "dc4d0041", "\uFFFDA"},
		{"odd octet", 8, "004100", "A\uFFFD"},
		{"byte order mark", 8, "feff0041", "A"},
		{"little endian", 8, "fffe4100", "A"},
		{"nothing", 8, "", ""},
	}
	for _, tt := range tests {
		payload, _ := hex.DecodeString(tt.payload)
		if got, err := gsm.Decode(tt.coding, payload); err != nil || got != tt.want {
			t.Errorf("%s: Decode = %q, %v; want %q", tt.name, got, err, tt.want)
		}
	}
	for _, coding := range []byte{2, 4, 5, 6, 7, 9, 0x0E, 0x14, 0x80, 0xBF, 0xF4} {
		if _, err := gsm.Decode(coding, []byte{0x41}); !errors.Is(err, gsm.ErrBinary) {
			t.Errorf("data_coding 0x%02X: error %v, want ErrBinary", coding, err)
		}
		if got := gsm.AlphabetOf(coding); got != "binary" {
			t.Errorf("data_coding 0x%02X is called %s", coding, got)
		}
	}
	for coding, want := range map[byte]string{
		0: "GSM-7", 0x0F: "GSM-7", 0xC8: "GSM-7", 0xF1: "GSM-7", 8: "UCS-2", 0x18: "UCS-2", 0x48: "UCS-2", 0xE0: "UCS-2", 1: "Latin-1", 3: "Latin-1",
	} {
		if got := gsm.AlphabetOf(coding); got != want {
			t.Errorf("data_coding 0x%02X is called %s, want %s", coding, got, want)
		}
	}
}

func TestNationalTables(t *testing.T) {
	t.Parallel()
	// Turkish single shift (table 1): escape 63 is ç (TS 23.038 §A.2.1).
	_, l, err := gsm.ParseHeader([]byte{3, 0x24, 1, 1})
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := gsm.DecodeLanguage(0, l, []byte{0x1B, 0x63}); got != "ç" {
		t.Errorf("Turkish single shift: %q", got)
	}
	if got, _ := gsm.DecodeLanguage(0, gsm.Language{Locking: 200, Single: 200}, []byte{0x41, 0x1B, 0x65}); got != "A€" {
		t.Errorf("unknown tables: %q, want the default ones", got)
	}
}

func TestEncodeAgainstPerl(t *testing.T) {
	t.Parallel()
	// Perl's Encode has its own GSM 03.38 and UTF-16BE tables.
	script := `use strict; use warnings; use Encode qw(decode encode);
binmode STDIN, ':raw';
while (my $line = <STDIN>) { chomp $line; my ($name, $hex) = split / /, $line, 2;
  my $text = decode('UTF-8', pack('H*', $hex // ''));
  print unpack('H*', encode($name, $text)), "\n"; }`
	var texts []string
	for r := rune(1); r < 0x3000; r++ {
		if r != '\r' && r != 0x1B {
			texts = append(texts, string(r), "a"+string(r)+"b")
		}
	}
	texts = append(texts, "👍 طلب", "Votre visite : 12/05 à 10:30 {1} [2] ~ | \\ ^ €", "موعدك 12/05 على 10:30")

	var in bytes.Buffer
	for _, s := range texts {
		name := "gsm0338"
		if gsm.Choose(s) == gsm.UCS2 {
			name = "UTF-16BE"
		}
		in.WriteString(name + " " + hex.EncodeToString([]byte(s)) + "\n")
	}
	cmd := exec.CommandContext(t.Context(), "perl", "-e", script)
	cmd.Stdin = &in
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("perl with its Encode module is needed to check our octets: %v", err)
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) != len(texts) {
		t.Fatalf("perl answered %d lines for %d texts", len(lines), len(texts))
	}
	for i, s := range texts {
		if b, a := gsm.Encode(s); hex.EncodeToString(b) != lines[i] {
			t.Errorf("%q (%v): %x, perl has %s", s, a, b, lines[i])
		}
	}
}

// textGen draws texts of the kinds that meet in one message.
func textGen() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		pieces := rapid.SliceOfN(rapid.SampledFrom([]string{
			"visite ", "é", "ê", "€", "[", "œ", "’", "a", "1", "\n", "طلب ", "زيارة", "لَّ", "👍", "👨‍👩‍👧", "e\u0301", " ", "\u200f", "🇲🇦", "ṭ",
		}), rapid.SampledFrom([]int{0, 60}).Draw(t, "least"), 120).Draw(t, "pieces")
		return strings.Join(pieces, "")
	})
}

func TestSplitProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := textGen().Draw(t, "text")
		if rapid.Bool().Draw(t, "fold") {
			s = gsm.Fold(s)
		}
		wide := rapid.Bool().Draw(t, "ref16")
		parts, a := gsm.Split(s, gsm.Options{Ref: 0x1234, Ref16: wide})
		if !wide && len(parts) != gsm.Parts(s) {
			t.Fatalf("%d parts, Parts says %d", len(parts), gsm.Parts(s))
		}
		boundaries := graphemeEnds(s)
		var joined strings.Builder
		var segments []gsm.Segment
		for i, p := range parts {
			septets := len(p.Payload)
			if a == gsm.GSM7 {
				septets = (septets*7 + 7) / 8
			}
			if header := len(p.UDH); header+septets > 140 {
				t.Fatalf("part %d has %d octets", i, header+septets)
			}
			text, err := gsm.Decode(a.DataCoding(), p.Payload)
			if err != nil {
				t.Fatal(err)
			}
			joined.WriteString(text)
			if !boundaries[joined.Len()] {
				t.Fatalf("part %d ends inside a letter", i)
			}
			c, err := gsm.ParseUDH(p.UDH)
			if err != nil {
				t.Fatal(err)
			}
			if len(parts) > 1 && (int(c.Total) != len(parts) || int(c.Seq) != i+1 || c.Wide != wide) {
				t.Fatalf("part %d of %d says %+v", i+1, len(parts), c)
			}
			segments = append(segments, gsm.Segment{Concat: c, DataCoding: a.DataCoding(), Payload: p.Payload})
		}
		if joined.String() != s {
			t.Fatalf("parts say %q, sent %q", joined.String(), s)
		}
		order := rapid.Permutation(segments).Draw(t, "order")
		if text, complete, err := gsm.Join(append(order, order...)); text != s || !complete || err != nil {
			t.Fatalf("Join = %q, %v, %v; want %q", text, complete, err, s)
		}
	})
}

func graphemeEnds(s string) map[int]bool {
	ends, at := map[int]bool{0: true}, 0
	for g := uniseg.NewGraphemes(s); g.Next(); {
		at += len(g.Str())
		ends[at] = true
	}
	return ends
}

func TestSplitKeepsLettersWhole(t *testing.T) {
	t.Parallel()
	for _, letter := range []string{"👨‍👩‍👧", "بَّ", "🇲🇦", "ẹ́"} {
		for offset := range 12 {
			s := strings.Repeat("ا", offset) + strings.Repeat(letter, 40)
			boundaries, at := graphemeEnds(s), 0
			parts, _ := gsm.Split(s, gsm.Options{})
			for i, p := range parts {
				if at += len(gsm.DecodeUCS2(p.Payload)); !boundaries[at] {
					t.Errorf("%q after %d letters: part %d ends inside one", letter, offset, i)
				}
			}
			if at != len(s) {
				t.Errorf("%q after %d letters: %d of %d octets sent", letter, offset, at, len(s))
			}
		}
	}
}

func TestSplitLongLetterAndLongText(t *testing.T) {
	t.Parallel()
	marks := "ا" + strings.Repeat("\u064e", 200)
	parts, _ := gsm.Split(marks, gsm.Options{})
	var out string
	for _, p := range parts {
		if len(p.Payload) > 134 {
			t.Errorf("part of %d octets", len(p.Payload))
		}
		out += gsm.DecodeUCS2(p.Payload)
	}
	if out != marks {
		t.Error("a letter longer than a part does not survive")
	}
	if parts, _ := gsm.Split(strings.Repeat("a", 255*153+1), gsm.Options{}); parts != nil {
		t.Errorf("%d parts for a text that needs 256", len(parts))
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(byte(0), byte(0), byte(0), []byte("\x1b\x65hello\x1b"))
	f.Add(byte(8), byte(0), byte(0), []byte{0xD8, 0x3D, 0xDC})
	f.Add(byte(0), byte(1), byte(13), []byte{0x1B, 0x41, 0xFF})
	f.Fuzz(func(t *testing.T, coding, locking, single byte, payload []byte) {
		text, err := gsm.DecodeLanguage(coding, gsm.Language{Locking: locking, Single: single}, payload)
		if err != nil {
			return
		}
		if !utf8.ValidString(text) || len(text) > 3*len(payload)+3 {
			t.Fatalf("%q from %x", text, payload)
		}
		b, a := gsm.Encode(text)
		if again, _ := gsm.Decode(a.DataCoding(), b); again != strings.TrimPrefix(text, "\uFEFF") && !strings.HasPrefix(text, "\uFFFE") {
			t.Fatalf("%q came back as %q", text, again)
		}
	})
}

func FuzzSplit(f *testing.F) {
	f.Add(strings.Repeat("a", 152)+"€ fin", true)
	f.Add(strings.Repeat("ا", 66)+"👍", false)
	f.Fuzz(func(t *testing.T, s string, wide bool) {
		s = strings.ToValidUTF8(gsm.Fold(s), "?")
		parts, a := gsm.Split(s, gsm.Options{Ref16: wide})
		var all []byte
		for _, p := range parts {
			all = append(all, p.Payload...)
		}
		if whole, _ := gsm.Encode(s); parts != nil && !bytes.Equal(all, whole) {
			t.Fatalf("%v parts hold %x, want %x", a, all, whole)
		}
	})
}

func BenchmarkSplit(b *testing.B) {
	s := strings.Repeat("Votre visite est confirmée le 12/05 à 10:30. ", 6)
	b.ReportAllocs()
	for b.Loop() {
		gsm.Split(s, gsm.Options{Ref: 7})
	}
}
