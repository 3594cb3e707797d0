package interop_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wasl-sms/wasl/smpp"
)

// samples are PDUs of ours, of every kind that carries a message or binds.
func samples(t *testing.T) [][]byte {
	t.Helper()
	var all [][]byte
	add := func(b []byte, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	for _, mode := range []smpp.Mode{smpp.Transceiver, smpp.Transmitter, smpp.Receiver} {
		req := smpp.BindRequest{Mode: mode, SystemID: "wasl", Password: "secret", InterfaceVersion: 0x34}
		add(smpp.AppendBind(nil, 1, req))
		add(smpp.AppendBindResp(nil, 1, req, "smsc", smpp.StatusOK))
	}
	for _, command := range []smpp.Command{smpp.SubmitSM, smpp.DeliverSM} {
		m := menu(command, "1 Permis")
		add(smpp.AppendMessage(nil, 2, &m))
		if command == smpp.SubmitSM {
			m.ScheduleDelivery, m.ValidityPeriod = "000000010000000R", "000002000000000R"
		}
		m.TLVs, m.ESMClass, m.Payload = nil, smpp.ESMClassUDHI, []byte("\x05\x00\x03\x2a\x02\x01hello")
		add(smpp.AppendMessage(nil, 3, &m))
		m.ESMClass, m.UsePayloadTLV, m.Payload = 0, true, bytes.Repeat([]byte("b"), 300)
		add(smpp.AppendMessage(nil, 4, &m))
		add(smpp.AppendResponse(nil, command, smpp.StatusOK, 5, smpp.Reply{MessageID: "W1"}))
	}
	m := menu(smpp.DataSM, "by data_sm")
	add(smpp.AppendMessage(nil, 6, &m))
	add(smpp.AppendResponse(nil, smpp.DataSM, smpp.StatusOK, 6, smpp.Reply{MessageID: "W2"}))
	for _, c := range []smpp.Command{smpp.EnquireLink, smpp.EnquireLinkResp, smpp.Unbind, smpp.UnbindResp, smpp.GenericNack} {
		add(smpp.AppendHeader(nil, c, smpp.StatusOK, 7), nil)
	}
	return all
}

func TestLibsmpp34ReadsAndRepeatsOurOctets(t *testing.T) {
	helper := filepath.Join(t.TempDir(), "repack")
	if out, err := exec.Command("gcc", "-o", helper, "testdata/repack.c", "-lsmpp34").CombinedOutput(); err != nil {
		t.Fatalf("gcc and libsmpp34-dev are needed for this test; `make test` installs them: %v\n%s", err, out)
	}
	for _, raw := range samples(t) {
		// It packs parameters in reverse, so twice restores their order.
		once := repack(t, helper, raw)
		if twice := repack(t, helper, once); len(once) != len(raw) || !bytes.Equal(twice, raw) {
			t.Errorf("\n ours %x\ntheirs %x", raw, twice)
		}
	}
}

func repack(t *testing.T, helper string, raw []byte) []byte {
	t.Helper()
	cmd := exec.Command(helper)
	cmd.Stdin = bytes.NewReader(raw)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%v: %s\n%x", err, complaint.String(), raw)
	}
	return out
}

// dissect has tshark read PDUs from a capture made of them, one packet each,
// and returns the fields of each packet.
func dissect(t *testing.T, pdus [][]byte, fields ...string) [][]string {
	t.Helper()
	for _, tool := range []string{"text2pcap", "tshark"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%s is needed for this test; `make test` installs it: %v", tool, err)
		}
	}
	var dump strings.Builder
	for _, raw := range pdus {
		for at := 0; at < len(raw); at += 16 {
			fmt.Fprintf(&dump, "%06x  % x\n", at, raw[at:min(at+16, len(raw))])
		}
		dump.WriteString("\n")
	}
	dir := t.TempDir()
	text, capture := filepath.Join(dir, "pdus.txt"), filepath.Join(dir, "pdus.pcap")
	if err := os.WriteFile(text, []byte(dump.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("text2pcap", "-q", "-T", "40000,2775", text, capture).CombinedOutput(); err != nil {
		t.Fatalf("text2pcap: %v\n%s", err, out)
	}
	args := []string{"-r", capture, "-d", "tcp.port==2775,smpp", "-T", "fields", "-E", "separator=|", "-E", "occurrence=a"}
	for _, f := range append([]string{"_ws.malformed", "_ws.expert.severity"}, fields...) {
		args = append(args, "-e", f)
	}
	out, err := exec.Command("tshark", args...).Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) != len(pdus) {
		t.Fatalf("tshark saw %d packets of %d:\n%s", len(lines), len(pdus), out)
	}
	packets := make([][]string, len(lines))
	for i, line := range lines {
		columns := strings.Split(line, "|")
		if columns[0] != "" {
			t.Errorf("tshark calls this malformed: %x", pdus[i])
		}
		packets[i] = columns[2:]
	}
	return packets
}

func TestTsharkReadsOurOctets(t *testing.T) {
	all := samples(t)
	for i, packet := range dissect(t, all, "smpp.command_id", "smpp.command_length", "smpp.sequence_number") {
		want := []string{fmt.Sprintf("0x%x", all[i][4:8]), fmt.Sprint(len(all[i])), fmt.Sprint(all[i][15])}
		if strings.Join(packet, " ") != strings.Join(want, " ") {
			t.Errorf("tshark read %v, want %v", packet, want)
		}
	}
	m := menu(smpp.DeliverSM, "1 Permis")
	raw, err := smpp.AppendMessage(nil, 9, &m)
	if err != nil {
		t.Fatal(err)
	}
	got := dissect(t, [][]byte{raw}, "smpp.source_addr", "smpp.destination_addr", "smpp.dest_addr_ton", "smpp.sm_length",
		"smpp.ussd_service_op", "smpp.its_session.number", "smpp.its_session.sequence", "smpp.its_session.ind",
		"smpp.user_message_reference")[0]
	want := []string{"369", "212600000001", "0x01", "8", "2", "18", "0x01", "0x00", "0x1234"}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("tshark read %q, want %q", got, want)
	}
}
