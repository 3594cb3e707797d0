package interop_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/pcap"
	"github.com/wasl-sms/wasl/smpp/smpptest"
)

// capture is a tracer that writes what it sees, and remembers which PDUs.
type capture struct {
	mu  sync.Mutex
	w   *pcap.Writer
	saw []string
	err error
}

func (c *capture) PDU(*smpp.Session, smpp.Direction, smpp.Header) {}
func (c *capture) Problem(*smpp.Session, error)                   {}

func (c *capture) Frame(s *smpp.Session, dir smpp.Direction, h smpp.Header, body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.saw = append(c.saw, fmt.Sprintf("0x%08x %d", uint32(h.Command), h.Length))
	if err := c.w.Frame(time.Now(), s, dir, h, body); err != nil {
		c.err = err
	}
}

// What a trace of a session holds can be read with tshark, and tells nobody a
// number, a text or a password.
func TestTsharkReadsATrace(t *testing.T) {
	const number, password, words = "212600000001", "hunter22", "Votre permis est accorde"
	var file bytes.Buffer
	trace := &capture{w: pcap.NewWriter(&file)}

	server := &smpp.Server{
		SystemID: "smsc", Handler: smpptest.Accept, Session: smpp.SessionConfig{Tracer: trace},
		Auth: func(context.Context, smpp.BindRequest) smpp.Status { return smpp.StatusOK },
	}
	for range 2 { // two sessions in one file
		peer := smpptest.ESME(t, server)
		b, err := smpp.AppendBind(nil, 1, smpp.BindRequest{SystemID: "wasl", Password: password, InterfaceVersion: 0x34})
		if err != nil {
			t.Fatal(err)
		}
		peer.Raw(b)
		peer.ExpectStatus(smpp.BindTransceiverResp, smpp.StatusOK)
		m := menu(smpp.SubmitSM, words)
		peer.Message(2, m)
		peer.ExpectStatus(smpp.SubmitSMResp, smpp.StatusOK)
		m.TLVs, m.ESMClass, m.Payload = nil, smpp.ESMClassUDHI, []byte("\x05\x00\x03\x2a\x02\x01"+words)
		peer.Message(3, m)
		peer.ExpectStatus(smpp.SubmitSMResp, smpp.StatusOK)
		m.ESMClass, m.UsePayloadTLV, m.Payload = 0, true, []byte(strings.Repeat(words, 2700)) // 64 KB
		peer.Message(4, m)
		peer.ExpectStatus(smpp.SubmitSMResp, smpp.StatusOK)
		m = menu(smpp.DataSM, words)
		m.TLVs.Set(smpp.TagCallbackNum, []byte("\x01\x01\x01"+number))
		m.TLVs.Set(0x1400, []byte(number))
		peer.Message(5, m)
		peer.ExpectStatus(smpp.DataSMResp, smpp.StatusOK)
		peer.Header(smpp.EnquireLink, 0, 6)
		peer.ExpectStatus(smpp.EnquireLinkResp, smpp.StatusOK)
		peer.Header(smpp.SubmitSM, 0, 7) // without its body
		peer.ExpectStatus(smpp.SubmitSMResp, smpp.ErrInvCmdLen)
		for _, s := range server.Sessions() {
			got := make(chan error, 1)
			receipt := menu(smpp.DeliverSM, "id:A1 stat:DELIVRD text:"+words)
			receipt.Source.Addr, receipt.ESMClass = number, smpp.ESMClassReceipt
			if err := s.SubmitAsync(context.Background(), receipt, func(_ smpp.SubmitResult, err error) { got <- err }); err != nil {
				t.Fatal(err)
			}
			asked, _ := peer.Expect(smpp.DeliverSM)
			peer.Answer(asked, smpp.StatusOK, "")
			if err := <-got; err != nil {
				t.Error(err)
			}
		}
		peer.Header(smpp.Unbind, 0, 9)
		peer.ExpectStatus(smpp.UnbindResp, smpp.StatusOK)
		peer.Close()
		server.Shutdown(context.Background())
		server = &smpp.Server{SystemID: "smsc", Handler: server.Handler, Session: server.Session, Auth: server.Auth}
	}
	trace.mu.Lock()
	defer trace.mu.Unlock()
	if trace.err != nil || trace.w.Size() != int64(file.Len()) {
		t.Fatalf("%d octets written of %d: %v", file.Len(), trace.w.Size(), trace.err)
	}
	for _, secret := range []string{number, number[5:], password, words, words[:6], words[10:]} {
		if bytes.Contains(file.Bytes(), []byte(secret)) {
			t.Errorf("the trace holds %q", secret)
		}
	}

	path := filepath.Join(t.TempDir(), "trace.pcap")
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Fatalf("tshark is needed for this test; `make test` installs it: %v", err)
	}
	args := []string{"-r", path, "-Y", "smpp", "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-T", "fields", "-E", "separator=|"}
	for _, f := range []string{"smpp.command_id", "smpp.command_length", "_ws.malformed", "tcp.checksum.status", "ip.checksum.status", "tcp.analysis.flags", "tcp.stream"} {
		args = append(args, "-e", f)
	}
	out, err := exec.Command("tshark", args...).Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	var read []string
	for line := range strings.Lines(strings.TrimSpace(string(out))) {
		f := strings.Split(strings.TrimSpace(line), "|")
		read = append(read, f[0]+" "+f[1])
		cutShort := f[0] == "0x00000004" && f[1] == "16"
		if stream := fmt.Sprint(2 * (len(read) - 1) / len(trace.saw)); (f[2] != "") != cutShort || f[3] != "1" || f[4] != "1" || f[5] != "" || f[6] != stream {
			t.Errorf("tshark finds fault with PDU %d: %v", len(read), f)
		}
	}
	if strings.Join(read, "\n") != strings.Join(trace.saw, "\n") {
		t.Errorf("tshark read\n%s\nthe session saw\n%s", strings.Join(read, "\n"), strings.Join(trace.saw, "\n"))
	}
}

// Masked, each kind of PDU still reads as what it is.
func TestTsharkReadsEveryMaskedPDU(t *testing.T) {
	const (
		source, dest = "\x03\x00369\x00", "\x01\x01212600000001\x00"
		flags        = "\x00\x00\x00\x00\x00\x01\x00\x00\x00\x05hello"
	)
	all := samples(t)
	for c, body := range map[smpp.Command]string{
		smpp.Outbind:           "smsc\x00theirs\x00",
		smpp.QuerySM:           "A1\x00" + source,
		smpp.QuerySMResp:       "A1\x00261121120000000+\x00\x02\x00",
		smpp.CancelSM:          "\x00A1\x00" + source + dest,
		smpp.CancelSMResp:      "",
		smpp.ReplaceSM:         "A1\x00" + source + "\x00\x00\x01\x00\x05hello",
		smpp.ReplaceSMResp:     "",
		smpp.SubmitMulti:       "\x00" + source + "\x02\x01" + dest + "\x02families\x00" + flags,
		smpp.SubmitMultiResp:   "M1\x00\x01" + dest + "\x00\x00\x00\x0b",
		smpp.AlertNotification: dest + source + "\x04\x22\x00\x01\x00",
	} {
		raw := append(smpp.AppendHeader(nil, c, smpp.StatusOK, 7), body...)
		raw[3] = byte(len(raw))
		all = append(all, raw)
	}
	masked := make([][]byte, len(all))
	for i, raw := range all {
		masked[i] = pcap.Mask(raw)
		if bytes.Contains(masked[i], []byte("600000001")) || bytes.Contains(masked[i], []byte("hello")) || bytes.Contains(masked[i], []byte("theirs")) {
			t.Errorf("%q", masked[i])
		}
	}
	fields := []string{"smpp.command_id", "smpp.source_addr_ton", "smpp.dest_addr_ton", "smpp.message_id", "smpp.esm.submit.features", "smpp.sm_length", "smpp.message_state", "smpp.dl_name"}
	before, after := dissect(t, all, fields...), dissect(t, masked, fields...)
	for i := range all {
		if a, b := strings.Join(before[i][:7], "|"), strings.Join(after[i][:7], "|"); a != b {
			t.Errorf("tshark read %s, masked %s", a, b)
		}
	}
}
