package gateway_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/gateway"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/smsc"
	"github.com/wasl-sms/wasl/internal/smsc/smsctest"
	"github.com/wasl-sms/wasl/smpp"
)

// tried is an operator to try, with the settings that reach it.
type tried struct {
	smsc    *smsc.SMSC
	address string
	dir     string
}

func newSMSC(t *testing.T, faults string, secured *tls.Config) *tried {
	t.Helper()
	s, err := smsc.New(smsc.Config{Accounts: map[string]string{"wasl": "secret"}, SIMs: []string{"+212600000001"}})
	if err != nil {
		t.Fatal(err)
	}
	f, err := smsc.ParseFaults(faults)
	if err != nil {
		t.Fatal(err)
	}
	s.SetFaults(f)
	p := &tried{smsc: s, dir: t.TempDir()}
	ln := p.listen(t)
	if secured != nil {
		ln = tls.NewListener(ln, secured)
	}
	smsctest.Serve(t, s, ln)
	return p
}

func (p *tried) listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.address = ln.Addr().String()
	return ln
}

// try reads an operators file with these settings of its bind, and tries it.
func (p *tried) try(t *testing.T, trial gateway.Trial, settings string) gateway.Finding {
	t.Helper()
	address := p.address
	if strings.Contains(settings, "address =") {
		address = ""
	} else {
		settings += fmt.Sprintf("\naddress = %q", address)
	}
	if !strings.Contains(settings, "password =") {
		settings += "\npassword = \"secret\""
	}
	ops, err := gateway.ParseOperators("[[operator]]\nname = \"north\"\nshort_codes = [\"3690\"]\n[[operator.bind]]\nsystem_id = \"wasl\"\n"+settings, p.dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return trial.Try(ctx, ops[0], ops[0].Binds[0])
}

// finds checks that a finding has these words, in what is wrong or what to do.
func finds(t *testing.T, f gateway.Finding, words ...string) {
	t.Helper()
	all := f.Wrong + "\n" + strings.Join(f.Do, "\n") + "\n" + strings.Join(f.Notes, "\n")
	for _, w := range words {
		if !strings.Contains(all, w) {
			t.Errorf("%q is not in:\n%s", w, all)
		}
	}
}

func TestTryABindThatWorks(t *testing.T) {
	t.Parallel()
	p := newSMSC(t, "no-receipts", nil)
	trial := gateway.Trial{}
	to, err := private.ParseMsisdn("+212600000001", "MA")
	if err != nil {
		t.Fatal(err)
	}
	trial.Send.To, trial.Send.Text = to, "Essai"
	f := p.try(t, trial, "")
	if !f.OK() || len(f.Notes) > 0 {
		t.Fatalf("%s, notes %v", f.Wrong, f.Notes)
	}
	done := strings.Join(f.Done, "\n")
	for _, w := range []string{"connects in", `bound as transceiver; the operator calls itself "smsc"`, "answers enquire_link", "took a text", "unbinds"} {
		if !strings.Contains(done, w) {
			t.Errorf("%q is not in:\n%s", w, done)
		}
	}
	if strings.Contains(done, "600000001") {
		t.Error("the number is printed")
	}
	if l := p.smsc.Ledger(); len(l) != 1 || l[0].Text != "Essai" || l[0].Source != "3690" {
		t.Errorf("the operator has %d messages", len(l))
	}
	if _, total := p.smsc.States(); total.Refused != 0 {
		t.Errorf("%+v", total)
	}
}

func TestTryARefusedBind(t *testing.T) {
	t.Parallel()
	for status, words := range map[string][]string{
		"0x05":  {"another process holds this bind", "`wasl serve` runs"},
		"0x0D":  {"without saying why", "system_type", "accounts get locked"},
		"0x0E":  {"password is wrong", "accounts get locked"},
		"0x0F":  {`does not know the system_id "wasl"`},
		"0x53":  {"system_type"},
		"0x03":  {"does not take this kind of bind", "a transmitter and a receiver"},
		"0x58":  {"no bind just now", "wait some minutes"},
		"0x08":  {"trouble of its own"},
		"0x401": {"one of its own"},
		"0x45":  {"ESME_RSUBMITFAIL"},
	} {
		f := newSMSC(t, "bind-status="+status, nil).try(t, gateway.Trial{}, "")
		if f.Wrong == "" || f.Held != (status == "0x05") {
			t.Errorf("%s: wrong %q, held %v", status, f.Wrong, f.Held)
		}
		finds(t, f, words...)
	}
	finds(t, newSMSC(t, "", nil).try(t, gateway.Trial{}, `password = "wrong"`), "password is wrong")
}

func TestTryALinkThatFails(t *testing.T) {
	t.Parallel()
	quick := `bind_wait = "300ms"`
	finds(t, newSMSC(t, "ignore-binds", nil).try(t, gateway.Trial{}, quick), "does not answer the bind within 300ms", "load balancer")
	// enquire_link before the answer is no trouble.
	if f := newSMSC(t, "early-enquire", nil).try(t, gateway.Trial{}, ""); !f.OK() {
		t.Error(f.Wrong)
	}
	p := newSMSC(t, "", nil)
	p.smsc.SetFaultsOn("wasl", smsc.Faults{HalfOpen: true})
	finds(t, p.try(t, gateway.Trial{}, quick), "does not answer the bind")

	free := &tried{dir: t.TempDir()}
	_ = free.listen(t).Close()
	finds(t, free.try(t, gateway.Trial{}, ""), "refuses connections", "plain SMPP and one for TLS")

	finds(t, free.try(t, gateway.Trial{}, `address = "smsc.north.example"`), "has no port", "2775")
	nowhere := gateway.Trial{Lookup: func(_ context.Context, host string) ([]string, error) {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}}
	finds(t, free.try(t, nowhere, `address = "smsc.north.example:2775"`), "smsc.north.example is not known to DNS", "VPN")
	silent := gateway.Trial{Lookup: func(_ context.Context, host string) ([]string, error) {
		return nil, &net.DNSError{Err: "i/o timeout", Name: host, IsTimeout: true}
	}}
	finds(t, free.try(t, silent, `address = "smsc.north.example:2775"`), "DNS does not answer")
	walled := gateway.Trial{Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	finds(t, free.try(t, walled, quick), "does not answer within 300ms", "firewall", "allow the public address")

	web := scripted(t, func(c net.Conn, _ *smpp.FrameReader) {
		_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
		_, _ = io.Copy(io.Discard, c)
	})
	finds(t, web.try(t, gateway.Trial{}, quick), "is not SMPP", "another kind of server")
}

// A server that takes connections and drops them, as many do with addresses
// that they don't know.
func TestTryAClosedDoor(t *testing.T) {
	t.Parallel()
	p := &tried{dir: t.TempDir()}
	serve(t, p.listen(t), func(c net.Conn) { _, _ = c.Read(make([]byte, 1024)) })
	finds(t, p.try(t, gateway.Trial{}, ""), "closes the connection instead of answering the bind", "allow the public address")
}

// Only the operator can try a bind that waits for its call.
func TestTryWhatListens(t *testing.T) {
	t.Parallel()
	ops, err := gateway.ParseOperators(`
[[operator]]
name = "north"
short_codes = ["3690"]
[[operator.bind]]
listen = "127.0.0.1:2776"
outbind_password = "knock"
`, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f := gateway.Trial{}.Try(t.Context(), ops[0], ops[0].Binds[0])
	if !f.OK() || !strings.Contains(strings.Join(f.Notes, "\n"), "waits for the operator's connection on 127.0.0.1:2776") {
		t.Errorf("%s: %v", f.Wrong, f.Notes)
	}
}

// scripted answers binds as the test says.
func scripted(t *testing.T, f func(c net.Conn, frames *smpp.FrameReader)) *tried {
	t.Helper()
	p := &tried{dir: t.TempDir()}
	serve(t, p.listen(t), func(c net.Conn) { f(c, smpp.NewFrameReader(c, 65536)) })
	return p
}

// serve hands connections to f, one after the other, until the test ends.
func serve(t *testing.T, ln net.Listener, f func(net.Conn)) {
	t.Helper()
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			f(c)
			_ = c.Close()
		}
	})
	t.Cleanup(func() { _ = ln.Close(); serving.Wait() })
}

func TestTryLeavesWhatWaits(t *testing.T) {
	t.Parallel()
	answered := make(chan smpp.Header, 2)
	p := scripted(t, func(c net.Conn, frames *smpp.FrameReader) {
		h, _, _ := frames.Next()
		// An old operator: no version, and messages at once.
		_, _ = c.Write(smpp.AppendHeader(nil, smpp.BindTransceiverResp, smpp.StatusOK, h.Seq))
		b, err := smpp.AppendMessage(nil, 9, &smpp.ShortMessage{Command: smpp.DeliverSM, Payload: []byte("SUIVI")})
		if err != nil {
			t.Error(err)
		}
		_, _ = c.Write(b)
		for {
			h, _, err := frames.Next()
			if err != nil {
				return
			}
			switch {
			case h.Command == smpp.DeliverSMResp:
				answered <- h
			case !h.Command.IsResponse():
				_, _ = c.Write(smpp.AppendHeader(nil, h.Command.Response(), smpp.StatusOK, h.Seq))
			}
		}
	})
	f := p.try(t, gateway.Trial{}, "")
	if !f.OK() {
		t.Error(f.Wrong)
	}
	finds(t, f, "left to the operator, to come again (0x64): 1", "does not tell its SMPP version", "no_reference")
	if h := <-answered; h.Status != smpp.ErrRxTAppn || h.Seq != 9 {
		t.Errorf("the message was answered %v", h.Status)
	}
}

func TestTryALinkThatEndsEarly(t *testing.T) {
	t.Parallel()
	accept := func(c net.Conn, frames *smpp.FrameReader) {
		h, _, _ := frames.Next()
		_, _ = c.Write(smpp.AppendHeader(nil, smpp.BindTransceiverResp, smpp.StatusOK, h.Seq))
	}
	p := scripted(t, accept)
	finds(t, p.try(t, gateway.Trial{}, ""), "cuts the link before it answers enquire_link")
	p = scripted(t, func(c net.Conn, frames *smpp.FrameReader) {
		accept(c, frames)
		_, _ = c.Write(smpp.AppendHeader(nil, smpp.Unbind, smpp.StatusOK, 1))
		_, _ = io.Copy(io.Discard, c)
	})
	finds(t, p.try(t, gateway.Trial{}, ""), "unbinds before it answers enquire_link")
	p = scripted(t, func(c net.Conn, frames *smpp.FrameReader) {
		accept(c, frames)
		_, _ = io.Copy(io.Discard, c)
	})
	finds(t, p.try(t, gateway.Trial{}, `bind_wait = "200ms"`), "bound, and enquire_link is not answered within 200ms")
	p = scripted(t, func(c net.Conn, frames *smpp.FrameReader) {
		h, _, _ := frames.Next()
		_, _ = c.Write(smpp.AppendHeader(nil, smpp.GenericNack, smpp.ErrInvCmdID, h.Seq))
		_, _ = io.Copy(io.Discard, c)
	})
	finds(t, p.try(t, gateway.Trial{}, ""), "does not take this kind of bind")
}

func TestTryATextThatIsRefused(t *testing.T) {
	t.Parallel()
	to, err := private.ParseMsisdn("+212600000001", "MA")
	if err != nil {
		t.Fatal(err)
	}
	trial := gateway.Trial{}
	trial.Send.To, trial.Send.Text = to, "Essai"
	for status, words := range map[string][]string{
		"0x0A": {"the text is refused", "sender_ton"}, "0x0B": {"dest_ton"}, "0x58": {"`tps`"}, "0x15": {"service_type"},
		"0x62": {"validity"}, "0xC1": {"no_reference"}, "0x45": {"what it saw"},
	} {
		finds(t, newSMSC(t, "status="+status, nil).try(t, trial, ""), words...)
	}
	trial.Send.Text = strings.Repeat("Essai ", 40)
	finds(t, newSMSC(t, "", nil).try(t, trial, ""), "needs 2 parts", "shorten")
}
