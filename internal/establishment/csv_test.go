package establishment

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/wasl-sms/wasl/internal/fault"
)

// brief writes records as "3: a|b" or "3! key".
func brief(all []record) []string {
	var out []string
	for _, r := range all {
		if r.err != nil {
			out = append(out, string(rune('0'+r.no))+"! "+string(fault.KeyOf(r.err)))
			continue
		}
		out = append(out, string(rune('0'+r.no))+": "+strings.Join(r.fields, "|"))
	}
	return out
}

func TestParseCSV(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   string
		want []string
	}{
		"plain":                      {"a,b\n1,2\n", []string{"1: a|b", "2: 1|2"}},
		"no newline at the end":      {"a,b\n1,2", []string{"1: a|b", "2: 1|2"}},
		"Windows":                    {"a;b\r\n1;2\r\n", []string{"1: a|b", "2: 1|2"}},
		"an old Macintosh":           {"a\tb\r1\t2\r", []string{"1: a|b", "2: 1|2"}},
		"blank lines":                {"\n\na,b\n\n1,2\n  \n", []string{"3: a|b", "5: 1|2"}},
		"quotes":                     {`a,b` + "\n" + `"x, ""y""", "z"` + "\n", []string{"1: a|b", `2: x, "y"|z`}},
		"a quoted line break":        {"a,b\n\"x\ny\",2\n3,4\n", []string{"1: a|b", "2: x\ny|2", "4: 3|4"}},
		"empty fields":               {"a,b,c\n,x,\n", []string{"1: a|b|c", "2: |x|"}},
		"empty rows":                 {"a,b,c\n,,\n;;\nx,,\n", []string{"1: a|b|c", "4: x||"}},
		"Arabic":                     {"a;b\nمحمد العلوي;٢٠٢٦\n", []string{"1: a|b", "2: محمد العلوي|٢٠٢٦"}},
		"too few fields":             {"a,b\n1\n3,4\n", []string{"1: a|b", "2! import.columns", "3: 3|4"}},
		"too many fields":            {"a,b\n1,2,3\n3,4\n", []string{"1: a|b", "2! import.columns", "3: 3|4"}},
		"a stray quote":              {"a,b\n\"x,2\n3,4\n5,6\n", []string{"1: a|b", "2! import.quotes", "3: 3|4", "4: 5|6"}},
		"two stray quotes":           {"a,b\n\"x,2\n3,4\n\"5,6\n7,8\n", []string{"1: a|b", "2! import.quotes", "3: 3|4", "4! import.quotes", "5: 7|8"}},
		"a quote closed in a word":   {"a,b\n\"x\"y,2\n3,4\n", []string{"1: a|b", "2! import.quotes", "3: 3|4"}},
		"a quote inside a word":      {"a,b\nO\"Brien,2\n3,4\n", []string{"1: a|b", "2: O\"Brien|2", "3: 3|4"}},
		"bytes of another alphabet":  {"a,b\nMa\xefssa,2\n3,4\n", []string{"1: a|b", "2! import.encoding", "3: 3|4"}},
		"nothing":                    {"", nil},
		"a byte order mark":          {"\xef\xbb\xbfa,b\n1,2\n", []string{"1: a|b", "2: 1|2"}},
		"a quoted field with commas": {"a;b\n\"1;2\";3\n", []string{"1: a|b", "2: 1;2|3"}},
	} {
		text, err := decode([]byte(c.in))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(c.want, brief(parseCSV(text))); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

func TestSpreadsheetUnicode(t *testing.T) {
	t.Parallel()
	data := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune("name\tno\nفاطمة\t7\n")) {
		data = append(data, byte(u), byte(u>>8))
	}
	text, err := decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"1: name|no", "2: فاطمة|7"}, brief(parseCSV(text))); diff != "" {
		t.Error(diff)
	}
}

// Whatever the standard library writes is read back, with LF or CRLF, with
// any of the three separators.
func TestReadsBackWhatIsWritten(t *testing.T) {
	t.Parallel()
	field := rapid.OneOf(rapid.StringMatching(`[a-zé ,;"'\t0-9اب]{0,12}`), rapid.StringMatching(`[a-zé "'\n0-9اب]{0,12}`))
	rapid.Check(t, func(t *rapid.T) {
		columns := rapid.IntRange(2, 5).Draw(t, "columns")
		rows := rapid.SliceOfN(rapid.SliceOfN(field, columns, columns), 1, 12).Draw(t, "rows")
		for _, row := range rows {
			if strings.Trim(strings.Join(row, ""), " ,;\t\n") == "" {
				row[0] = "x" // an empty row is passed over
			}
		}
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		w.Comma = rapid.SampledFrom([]rune{',', ';', '\t'}).Draw(t, "comma")
		w.UseCRLF = rapid.Bool().Draw(t, "crlf")
		header := make([]string, columns)
		for i := range header {
			header[i] = "h"
		}
		if err := w.WriteAll(append([][]string{header}, rows...)); err != nil {
			t.Fatal(err)
		}
		got := parseCSV(b.String())[1:]
		var want [][]string
		for _, row := range rows {
			trimmed := make([]string, columns)
			for i := range row {
				f := row[i]
				if w.UseCRLF {
					f = strings.ReplaceAll(f, "\n", "\r\n")
				}
				trimmed[i] = strings.TrimSpace(f)
			}
			want = append(want, trimmed)
		}
		var fields [][]string
		for _, r := range got {
			if r.err != nil {
				t.Fatalf("line %d: %v in\n%s", r.no, r.err, b.String())
			}
			fields = append(fields, r.fields)
		}
		if diff := cmp.Diff(want, fields); diff != "" {
			t.Fatalf("%s\n%q", diff, b.String())
		}
	})
}

// A bad line put anywhere costs no other line.
func TestABadLineLosesNoGoodOne(t *testing.T) {
	t.Parallel()
	bad := []string{`"`, `"open,2,3`, `1,2`, `1,2,3,4`, `"x"y,2,3`, "a\xff,2,3", `,"`, `1,"2,3`, `"",""`, `1,2,"3`, `","`, `"1","2`}
	rapid.Check(t, func(t *rapid.T) {
		lines := []string{"a,b,c"}
		want := 0
		for range rapid.IntRange(1, 30).Draw(t, "lines") {
			if rapid.IntRange(0, 3).Draw(t, "which") == 0 {
				lines = append(lines, rapid.SampledFrom(bad).Draw(t, "bad"))
				continue
			}
			lines = append(lines, "good,2,3")
			want++
		}
		text, err := decode([]byte(strings.Join(lines, "\n")))
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for _, r := range parseCSV(text)[1:] {
			if r.err == nil && r.fields[0] == "good" {
				got++
			}
			if r.err != nil && lines[r.no-1] == "good,2,3" {
				t.Fatalf("line %d was good: %v", r.no, r.err)
			}
		}
		if got != want {
			t.Fatalf("%d good lines of %d in\n%s", got, want, strings.Join(lines, "\n"))
		}
	})
}

func FuzzParseCSV(f *testing.F) {
	for _, s := range []string{"a,b\n1,2", "\"", "a;b\r\n\"x\r\ny\";2", "\xff\xfea\x00", "a\tb\n\t\n", ",\"\"\"\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		text, err := decode(data)
		if err != nil {
			return
		}
		last := 0
		for _, r := range parseCSV(text) {
			if r.no <= last {
				t.Fatalf("line %d comes after line %d", r.no, last)
			}
			last = r.no
		}
		if lines := strings.Count(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text), "\n") + 1; last > lines {
			t.Fatalf("line %d of %d", last, lines)
		}
	})
}

func TestFoldName(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{
		{"El Alaoui Réda", "reda ALAOUI"}, {"أحمد العلوي", "احمد علوي"}, {"فاطِمَة", "فاطمه"}, {"Ben-Saïd", "ben said"}, {"يحيى", "يحيي"},
	} {
		a, b := foldName(c[0]), foldName(c[1])
		seen := map[string]bool{}
		for _, w := range a {
			seen[w] = true
		}
		for _, w := range b {
			if !seen[w] {
				t.Errorf("%q has no %q: %q", c[0], w, a)
			}
		}
		if len(a) != len(b) {
			t.Errorf("%q and %q fold to %q and %q", c[0], c[1], a, b)
		}
	}
	if a, b := normalNumber(" 00١٢3-ab "), "123AB"; a != b {
		t.Errorf("number %q, want %q", a, b)
	}
}
