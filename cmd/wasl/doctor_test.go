package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wasl-sms/wasl/internal/gateway"
	"github.com/wasl-sms/wasl/internal/links"
	"github.com/wasl-sms/wasl/internal/localdb/dbtest"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/smsc"
	"github.com/wasl-sms/wasl/internal/smsc/smsctest"
	"github.com/wasl-sms/wasl/smpp"
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
	err := c.checkOperators(t.Context(), &out, operatorsFile(t, address), gateway.Trial{}, nil)
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

// The operator is asked once; who asks doctor again is told what was said.
func TestDoctorDoesNotRepeatARefusedLogin(t *testing.T) {
	t.Parallel()
	_, address := smsctest.Start(t, smsc.Config{})
	known := links.New(dbtest.DB(t, postgres.Options{}), time.Now)
	file := operatorsFile(t, address)
	refused := links.Name{Operator: "north", Bind: "3"}
	tries := 0
	trial := gateway.Trial{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		tries++
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}
	examine := func(c doctorCmd) string {
		t.Helper()
		tries = 0
		var out strings.Builder
		if err := c.checkOperators(t.Context(), &out, file, trial, known); err == nil || !strings.Contains(err.Error(), "1 of 3 binds") {
			t.Errorf("got %v", err)
		}
		return out.String()
	}
	// The service was refused four minutes ago, and holds off.
	failed := links.Failure{Name: refused, Cause: links.LoginFailed, Code: uint32(smpp.ErrInvPaswd), Count: 1, Last: time.Now().Add(-4 * time.Minute)}
	if _, err := known.Report(t.Context(), links.Report{Failures: []links.Failure{failed}}); err != nil {
		t.Fatal(err)
	}
	said := examine(doctorCmd{})
	for _, want := range []string{"WRONG not tried: refused 4 minutes ago", "the password is wrong", "`wasl doctor --again`", "`wasl serve` tries again by itself"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not said:\n%s", want, said)
		}
	}
	if tries != 2 { // the other binds
		t.Errorf("%d tries", tries)
	}
	// Who insists is obeyed, and doctor's own refusal counts like the service's.
	said = examine(doctorCmd{Again: true})
	if tries != 3 || strings.Contains(said, "not tried") {
		t.Errorf("%d tries; said\n%s", tries, said)
	}
	said = examine(doctorCmd{})
	if tries != 2 || !strings.Contains(said, "seconds ago") {
		t.Errorf("%d tries; said\n%s", tries, said)
	}
}

func TestDoctorWithoutBinds(t *testing.T) {
	t.Parallel()
	s, address := smsctest.Start(t, smsc.Config{})
	var out strings.Builder
	if err := (doctorCmd{NoBind: true}).checkOperators(t.Context(), &out, operatorsFile(t, address), gateway.Trial{}, nil); err != nil {
		t.Error(err)
	}
	if _, total := s.States(); strings.Contains(out.String(), "bind 1") || total.Submitted > 0 {
		t.Errorf("got\n%s", out.String())
	}
	for number, want := range map[string]string{"12": "write the number like", "+33600000001": "write the number like"} {
		err := doctorCmd{Send: number}.checkOperators(t.Context(), &out, operatorsFile(t, address), gateway.Trial{}, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", number, err)
		}
	}
}
