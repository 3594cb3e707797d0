package smpp_test

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// pduCase is one entry of testdata/pdu/*.hex.
type pduCase struct {
	file, name, clause, verdict string
	raw                         []byte
}

var caseLine = regexp.MustCompile(`^= (.+) \[(.+)\] (\S+)$`)

// pdus reads the whole table, which the decoders, the encoders and the fuzz
// targets share.
func pdus(t testing.TB) []pduCase {
	t.Helper()
	files, err := filepath.Glob("testdata/pdu/*.hex")
	if err != nil || len(files) == 0 {
		t.Fatalf("no PDU table: %v", err)
	}
	var cases []pduCase
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(content)) {
			line = strings.TrimSpace(line)
			switch m := caseLine.FindStringSubmatch(line); {
			case line == "" || line[0] == '#':
			case m != nil:
				cases = append(cases, pduCase{file: filepath.Base(file), name: m[1], clause: m[2], verdict: m[3]})
			default:
				octets, err := hex.DecodeString(strings.ReplaceAll(line, " ", ""))
				if err != nil || len(cases) == 0 {
					t.Fatalf("%s: %q: %v", file, line, err)
				}
				c := &cases[len(cases)-1]
				c.raw = append(c.raw, octets...)
			}
		}
	}
	return cases
}

// pdu finds one entry by its name.
func pdu(t testing.TB, name string) []byte {
	t.Helper()
	for _, c := range pdus(t) {
		if c.name == name {
			return c.raw
		}
	}
	t.Fatalf("no PDU %q in the table", name)
	return nil
}
