package interop_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wasl-sms/wasl/smpp"
)

// nodeScript installs node-smpp, once per user, and returns the script beside
// it.
func nodeScript(t *testing.T, name string) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatalf("node-smpp needs a cache directory: %v", err)
	}
	dir := filepath.Join(cache, "wasl", "interop-node")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"package.json", "package-lock.json"} {
		b, err := os.ReadFile(filepath.Join("testdata", "node", f))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, f), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "smpp", "package.json")); err != nil {
		cmd := exec.Command("npm", "ci", "--no-audit", "--no-fund")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("npm ci, which fetches node-smpp, failed: %v\n%s", err, out)
		}
	}
	script, err := os.ReadFile(filepath.Join("testdata", "node", name))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, script, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestNodeAsSMSC(t *testing.T) {
	lines := program(t, "node", nodeScript(t, "smsc.js"))
	port := strings.TrimSuffix(after(t, <-lines, `{"port":`), "}")
	got := make(received)
	s := bind(t, port, got)
	if s.PeerSystemID() != "node" {
		t.Errorf("system_id %q", s.PeerSystemID())
	}
	expect(t, lines, `{"bind":"wasl","password":"secret","version":52}`)

	r, err := s.Submit(context.Background(), menu(smpp.SubmitSM, "1 Permis"))
	if err != nil || r.MessageID != "A1" {
		t.Fatalf("got %+v, %v", r, err)
	}
	expect(t, lines, `{"submit":"212600000001","text":"1 Permis","dcs":0,"op":2,"session":"1202","reference":4660}`)

	for range 2 {
		m := got.next(t)
		if receipt, ok := smpp.ParseReceipt(m); ok {
			if receipt.ID != "A1" || receipt.State != smpp.MessageDelivered || receipt.Err != "000" {
				t.Errorf("receipt %+v", receipt)
			}
			continue
		}
		op, _ := m.TLVs.Uint(smpp.TagUSSDServiceOp)
		info, _ := m.TLVs.Get(smpp.TagITSSessionInfo)
		if string(m.Payload) != "*369#" || m.ServiceType != "USSD" || op != 1 || string(info) != "\x12\x00" {
			t.Errorf("USSD begin: %q %d %x", m.Payload, op, info)
		}
	}
	expectAll(t, lines, `{"receipt_answer":0}`, `{"ussd_answer":0}`)

	refused := menu(smpp.SubmitSM, "x")
	refused.Dest.Addr = "0000"
	if _, err := s.Submit(context.Background(), refused); !errors.Is(err, smpp.ErrThrottled) {
		t.Errorf("got %v", err)
	}
	if err := s.Close(context.Background()); err != nil {
		t.Error(err)
	}
	expect(t, lines, `{"unbind":true}`)
}

func TestNodeAsESME(t *testing.T) {
	got := make(received)
	port, bound := serve(t, got)
	lines := program(t, "node", nodeScript(t, "esme.js"), port)
	expect(t, lines, `{"bind":0,"system_id":"wasl","version":52}`)
	s := <-bound
	m := got.next(t)
	op, _ := m.TLVs.Uint(smpp.TagUSSDServiceOp)
	reference, _ := m.TLVs.Uint(smpp.TagUserMessageReference)
	if m.Dest.Addr != "212600000001" || op != 2 || reference != 0x1234 {
		t.Errorf("got %v, op %d, reference 0x%x", m, op, reference)
	}
	expectAll(t, lines, `{"enquire":0}`, `{"submit":0,"id":"W1"}`)

	receipt := smpp.ShortMessage{
		Command: smpp.DeliverSM, Source: m.Dest, Dest: m.Source,
		ESMClass: smpp.ESMClassReceipt, Payload: []byte("id:W1 stat:DELIVRD"),
	}
	receipt.TLVs.SetString(smpp.TagReceiptedMessageID, "W1")
	receipt.TLVs.SetUint8(smpp.TagMessageState, uint8(smpp.MessageDelivered))
	if _, err := s.Submit(context.Background(), receipt); err != nil {
		t.Errorf("deliver: %v", err)
	}
	expectAll(t, lines, `{"deliver":"id:W1 stat:DELIVRD","esm":4,"state":2,"id":"W1"}`, `{"unbind":0}`)
	<-s.Done()
	if !errors.Is(s.Err(), smpp.ErrPeerUnbound) {
		t.Errorf("ended with %v", s.Err())
	}
}
