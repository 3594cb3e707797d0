package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wasl-sms/wasl/internal/gateway"
	"github.com/wasl-sms/wasl/internal/smsc"
	"github.com/wasl-sms/wasl/internal/smsc/smsctest"
)

// operatorsFile describes two binds of one operator, the second with a wrong
// password, and an aggregator.
func operatorsFile(t *testing.T, address string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "operators.toml")
	text := fmt.Sprintf(`
[[operator]]
name = "north"
short_codes = ["3690"]
[[operator.bind]]
address = %[1]q
mode = "receiver"
system_id = "wasl"
password = "secret"
[[operator.bind]]
address = %[1]q
mode = "transmitter"
system_id = "wasl"
password = "secret"
[[operator.bind]]
address = %[1]q
system_id = "wasl"
password = "wrong"

[[operator]]
name = "beem"
ussd_codes = ["*369#"]
[operator.http]
format = "africastalking"
secret = "a long secret"
`, address)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDoctorTriesBinds(t *testing.T) {
	t.Parallel()
	s, address := smsctest.Start(t, smsc.Config{SIMs: []string{"+212600000001"}})
	s.SetFaults(smsc.Faults{NoReceipts: true})
	var out strings.Builder
	c := doctorCmd{Send: "+212600000001", Text: []string{"Essai", "1"}}
	err := c.checkOperators(t.Context(), &out, operatorsFile(t, address), gateway.Trial{})
	if err == nil || !strings.Contains(err.Error(), "1 of 3 binds") {
		t.Errorf("got %v", err)
	}
	// The first words of each line; what follows differs from run to run.
	var got []string
	for line := range strings.SplitSeq(strings.TrimSpace(out.String()), "\n") {
		words := strings.Fields(line)
		got = append(got, strings.Join(words[:min(3, len(words))], " "))
	}
	want := []string{
		"operator north: 3",
		"bind 1, receiver", "ok connects in", "ok bound as", "ok answers enquire_link", "ok unbinds",
		"bind 2, transmitter", "ok connects in", "ok bound as", "ok answers enquire_link", "ok took a", "ok unbinds",
		"bind 3, transceiver", "ok connects in", "WRONG the operator", "- compare `password`", "- do not",
		"operator beem: 0", "aggregator: give the", "aggregator: the secret", "aggregator: allow is",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s\nof\n%s", d, out.String())
	}
	if !strings.Contains(out.String(), "https://YOUR-HOST/ussd/beem") || strings.Contains(out.String(), "a long secret") {
		t.Errorf("got\n%s", out.String())
	}
	if l := s.Ledger(); len(l) != 1 || l[0].Text != "Essai 1" {
		t.Errorf("%d messages", len(l))
	}
}

func TestDoctorWithoutBinds(t *testing.T) {
	t.Parallel()
	s, address := smsctest.Start(t, smsc.Config{})
	var out strings.Builder
	if err := (doctorCmd{NoBind: true}).checkOperators(t.Context(), &out, operatorsFile(t, address), gateway.Trial{}); err != nil {
		t.Error(err)
	}
	if _, total := s.States(); strings.Contains(out.String(), "bind 1") || total.Submitted > 0 {
		t.Errorf("got\n%s", out.String())
	}
	for number, want := range map[string]string{"12": "write the number like", "+33600000001": "write the number like"} {
		err := doctorCmd{Send: number}.checkOperators(t.Context(), &out, operatorsFile(t, address), gateway.Trial{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", number, err)
		}
	}
}
