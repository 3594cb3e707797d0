package interop_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/smpp"
)

// Kannel as ESME: it binds, submits what its HTTP side is asked to, in parts
// where needed, takes a receipt, and answers a message with another.
func TestKannelAsESME(t *testing.T) {
	got := make(received)
	port, bound := serve(t, got)
	conf, api := kannelConf(t, port)
	program(t, "bearerbox", conf)
	var s *smpp.Session
	select {
	case s = <-bound:
	case <-time.After(patience):
		t.Fatal("bearerbox did not bind")
	}
	if s.PeerSystemID() != "kannel" || s.Mode() != smpp.Transceiver {
		t.Errorf("bound as %q, %v", s.PeerSystemID(), s.Mode())
	}
	program(t, "smsbox", conf)

	reports := make(chan string, 8)
	web := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		reports <- r.URL.Query().Get("status")
	}))
	t.Cleanup(web.Close)
	api += "&dlr-url=" + url.QueryEscape(web.URL+"/?status=%d")

	send(t, api, "212600000001", "Votre demande est recue")
	m := got.next(t)
	if string(m.Payload) != "Votre demande est recue" || m.Dest.Addr != "212600000001" || m.RegisteredDelivery&smpp.RegisteredFinal == 0 {
		t.Errorf("got %v with %q, registered %d", m, m.Payload, m.RegisteredDelivery)
	}
	// 8 is "accepted by the SMSC", 1 "delivered". Kannel forgets a receipt that
	// overtakes the answer to its submit_sm, so we wait for the first.
	report := func(want string) {
		t.Helper()
		select {
		case got := <-reports:
			if got != want {
				t.Errorf("Kannel reported %s, want %s", got, want)
			}
		case <-time.After(patience):
			t.Fatalf("Kannel did not report %s", want)
		}
	}
	report("8")
	receipt := smpp.ShortMessage{
		Command: smpp.DeliverSM, Source: m.Dest, Dest: m.Source, ESMClass: smpp.ESMClassReceipt,
		Payload: []byte("id:W1 sub:001 dlvrd:001 submit date:2611211200 done date:2611211201 stat:DELIVRD err:000 text:"),
	}
	receipt.TLVs.SetString(smpp.TagReceiptedMessageID, "W1")
	receipt.TLVs.SetUint8(smpp.TagMessageState, uint8(smpp.MessageDelivered))
	if _, err := s.Submit(context.Background(), receipt); err != nil {
		t.Errorf("receipt: %v", err)
	}
	report("1")

	long := strings.Repeat("0123456789", 20)
	send(t, api, "212600000001", long)
	parts := map[byte]string{} // handlers run at once: either part may come first
	for range 2 {
		udh, text, err := got.next(t).SplitUDH()
		if err != nil || len(udh) != 6 || udh[4] != 2 {
			t.Fatalf("header %x, %v", udh, err)
		}
		parts[udh[5]] = string(text)
	}
	if parts[1]+parts[2] != long {
		t.Errorf("joined %q", parts)
	}

	in := smpp.ShortMessage{
		Command: smpp.DeliverSM, Payload: []byte("SUIVI 12345678"),
		Source: smpp.Address{TON: 1, NPI: 1, Addr: "212600000002"}, Dest: smpp.Address{TON: 3, Addr: "369"},
	}
	if _, err := s.Submit(context.Background(), in); err != nil {
		t.Errorf("deliver: %v", err)
	}
	if m := got.next(t); string(m.Payload) != "Merci" || m.Dest.Addr != "+212600000002" && m.Dest.Addr != "212600000002" {
		t.Errorf("the answer to it: %v with %q", m, m.Payload)
	}
}

// kannelConf writes the configuration and names the address of the HTTP side.
func kannelConf(t *testing.T, smppPort string) (path, api string) {
	t.Helper()
	template, err := os.ReadFile("testdata/kannel.conf")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	httpPort := freePort(t)
	conf := strings.NewReplacer("ADMINPORT", freePort(t), "BOXPORT", freePort(t), "HTTPPORT", httpPort,
		"SMPPPORT", smppPort, "DIR", dir).Replace(string(template))
	path = filepath.Join(dir, "kannel.conf")
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, "http://127.0.0.1:" + httpPort + "/cgi-bin/sendsms?username=user&password=pass"
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
}

// send asks smsbox to submit a text, as soon as it listens.
func send(t *testing.T, api, to, text string) {
	t.Helper()
	q := url.Values{"from": {"369"}, "to": {to}, "text": {text}, "dlr-mask": {"31"}}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for deadline := time.Now().Add(patience); ; {
		r, err := client.Get(api + "&" + q.Encode())
		if err == nil {
			body, _ := io.ReadAll(r.Body)
			_ = r.Body.Close()
			if r.StatusCode == http.StatusAccepted {
				return
			}
			t.Fatalf("sendsms: %s %s", r.Status, body)
		}
		if time.Now().After(deadline) {
			t.Fatalf("smsbox does not listen: %v", err)
		}
		<-time.After(50 * time.Millisecond)
	}
}
