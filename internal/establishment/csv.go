package establishment

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/wasl-sms/wasl/internal/fault"
)

// record is one line of a file, or several joined by quotes.
type record struct {
	no     int // line where it begins, from 1
	fields []string
	err    error // why it can't be read; the lines after it can
}

// decode takes a byte order mark off and gives UTF-8, whatever a spreadsheet
// has saved: UTF-8 or UTF-16.
func decode(data []byte) (string, error) {
	out, _, err := transform.Bytes(unicode.BOMOverride(unicode.UTF8.NewDecoder()), data)
	return string(out), err
}

// lookahead is how many lines a quoted field may run over. A stray quote costs
// one line, not the rest of the file.
const lookahead = 20

// parseCSV reads records whose fields stand between commas, semicolons or
// tabs, whichever the first line uses, in RFC 4180 quotes or without. A record
// must have as many fields as the first line; one that has not, or that has a
// quote gone astray, is given with its error and costs its first line only. A
// quoted field may run over lines unless one of them is a whole record by
// itself: then the quote was a stray. Empty rows are passed over.
func parseCSV(text string) []record {
	var all []record
	comma, want := rune(0), 0
	for no := 1; text != ""; {
		line, rest := cutLine(text)
		if strings.Trim(line, " ,;\t\u00a0") == "" {
			text, no = rest, no+1
			continue
		}
		if comma == 0 {
			comma = separator(line)
		}
		r := record{no: no}
		fields, after, lines, ok := readRecord(text, comma)
		switch {
		case strings.ContainsRune(line, utf8.RuneError):
			r.err = fault.Invalid("import.encoding", nil)
		case !ok:
			r.err = fault.Invalid("import.quotes", nil)
		case lines > 1 && want != 0 && swallows(rest, lines-1, comma, want):
			r.err = fault.Invalid("import.quotes", nil)
		case want != 0 && len(fields) != want:
			r.err = fault.Invalid("import.columns", fault.Params{"want": want, "got": len(fields)})
		}
		if r.err != nil {
			text, no = rest, no+1
		} else {
			r.fields, text, no = fields, after, no+lines
			want = len(fields)
		}
		all = append(all, r)
	}
	return all
}

// swallows tells whether one of the next lines is a whole record by itself.
func swallows(s string, lines int, comma rune, want int) bool {
	for range lines {
		line, rest := cutLine(s)
		fields, _, _, ok := readRecord(line, comma)
		stray := strings.Contains(strings.Join(fields, ""), `"`)
		if ok && len(fields) == want && !stray {
			return true
		}
		s = rest
	}
	return false
}

// cutLine splits off one line, ended by LF, CRLF or CR.
func cutLine(s string) (line, rest string) {
	i := strings.IndexAny(s, "\r\n")
	if i < 0 {
		return s, ""
	}
	if strings.HasPrefix(s[i:], "\r\n") {
		return s[:i], s[i+2:]
	}
	return s[:i], s[i+1:]
}

// separator finds the sign that stands most often between the header's words.
func separator(header string) rune {
	best, most := ',', 0
	for _, c := range []rune{',', ';', '\t'} {
		if n := strings.Count(header, string(c)); n > most {
			best, most = c, n
		}
	}
	return best
}

// readRecord reads one record from the beginning of s.
func readRecord(s string, comma rune) (fields []string, rest string, lines int, ok bool) {
	for lines = 1; ; {
		if trimmed := strings.TrimLeft(s, " "); strings.HasPrefix(trimmed, `"`) {
			field, after, crossed, closed := readQuoted(trimmed[1:])
			lines += crossed
			if !closed || lines > lookahead {
				return nil, s, 0, false
			}
			fields, s = append(fields, field), strings.TrimLeft(after, " ")
			switch {
			case s == "":
				return fields, "", lines, true
			case strings.HasPrefix(s, string(comma)):
				s = s[1:]
				continue
			case s[0] == '\n' || s[0] == '\r':
				_, rest = cutLine(s)
				return fields, rest, lines, true
			}
			return nil, s, 0, false
		}
		end := strings.IndexAny(s, string(comma)+"\r\n")
		if end < 0 {
			return append(fields, strings.TrimSpace(s)), "", lines, true
		}
		fields = append(fields, strings.TrimSpace(s[:end]))
		if rune(s[end]) != comma {
			_, rest = cutLine(s[end:])
			return fields, rest, lines, true
		}
		s = s[end+1:]
	}
}

// readQuoted reads up to the closing quote; two quotes stand for one.
func readQuoted(s string) (field, rest string, lines int, closed bool) {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '"')
		if i < 0 {
			return "", "", 0, false
		}
		b.WriteString(s[:i])
		lines += strings.Count(s[:i], "\n")
		if lines >= lookahead {
			return "", "", 0, false
		}
		if !strings.HasPrefix(s[i+1:], `"`) {
			return strings.TrimSpace(b.String()), s[i+1:], lines, true
		}
		b.WriteByte('"')
		s = s[i+2:]
	}
}
