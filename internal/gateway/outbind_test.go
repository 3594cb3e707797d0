package gateway_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/gateway"
	"github.com/wasl-sms/wasl/internal/links"
	"github.com/wasl-sms/wasl/internal/run/runtest"
	"github.com/wasl-sms/wasl/smpp"
)

// freePort is an address that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// callIn connects as an operator does that wants us to bind, over TLS where it
// is given, and serves what comes of it.
func (f *fixture) callIn(t *testing.T, addr, password string, over *tls.Config) {
	t.Helper()
	var conn net.Conn
	runtest.Eventually(t, "somebody listens for the outbind", func() bool {
		var err error
		conn, err = (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
		return err == nil
	})
	if over != nil {
		conn = tls.Client(conn, over)
	}
	done := make(chan error, 1)
	go func() {
		done <- f.server.Outbind(context.Background(), conn, smpp.OutbindRequest{SystemID: "smsc", Password: password})
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestTheOperatorCallsAndWeBind(t *testing.T) {
	t.Parallel()
	addr := freePort(t)
	f := prepare(t, fmt.Sprintf(`
[[operator]]
name = "north"
short_codes = ["3690"]
[[operator.bind]]
system_id = "one"
password = "secret"
listen = %q
listen_allow = ["127.0.0.0/8"]
outbind_system_id = "smsc"
outbind_password = "knock"
`, addr))
	f.start(t)
	f.callIn(t, addr, "wrong", nil)
	runtest.Eventually(t, "the caller is turned away", func() bool { return f.logs.count("caller turned away") == 1 })
	f.callIn(t, addr, "knock", nil)
	f.stands(t, "1", links.Bound)
	f.tell(t, told(1, "x"))
	runtest.Eventually(t, "it is accepted", func() bool { return f.states(t, "message_part")["accepted"] == 1 })
	if len(f.sessions("one")) != 1 {
		t.Error("bound for a caller with a wrong password")
	}
	if f.logs.count("caller turned away") != 1 {
		t.Error("one who may call was turned away")
	}
	f.logs.mu.Lock()
	defer f.logs.mu.Unlock()
	if s := f.logs.b.String(); strings.Contains(s, "knock") || strings.Contains(s, "secret") {
		t.Errorf("a password is in the log:\n%s", s)
	}
}

// With tls_ca, who calls needs a certificate of that authority: an address and
// a password that others know are not enough.
func TestCallersNeedACertificate(t *testing.T) {
	t.Parallel()
	addr := freePort(t)
	f := prepare(t, oneBind)
	from, until := time.Now().Add(-time.Hour), time.Now().AddDate(1, 0, 0)
	ours, theirs, strange := certify(t, "wasl.example", from, until), certify(t, "smsc.north.example", from, until), certify(t, "smsc.north.example", from, until)
	dir := filepath.Dir(f.path)
	ours.Write(t, dir, "ours")
	theirs.WriteCA(t, dir, "north.pem")
	f.write(t, fmt.Sprintf(`
[[operator]]
name = "north"
short_codes = ["3690"]
[[operator.bind]]
system_id = "one"
password = "secret"
listen = %q
listen_allow = ["127.0.0.0/8"]
outbind_system_id = "smsc"
outbind_password = "knock"
tls = true
tls_cert = "ours.pem"
tls_key = "ours.key"
tls_ca = "north.pem"
`, addr))
	var err error
	if f.live, err = gateway.OpenLive(f.path); err != nil {
		t.Fatal(err)
	}
	f.start(t)
	config := func(pairs ...tls.Certificate) *tls.Config {
		return &tls.Config{RootCAs: ours.Pool, ServerName: "wasl.example", Certificates: pairs}
	}
	for i, refused := range []*tls.Config{config(), config(strange.Pair)} {
		f.callIn(t, addr, "knock", refused)
		runtest.Eventually(t, "the caller is turned away", func() bool { return f.logs.count("caller turned away") == i+1 })
	}
	if len(f.sessions("one")) != 0 {
		t.Error("bound for a caller without a certificate")
	}
	f.callIn(t, addr, "knock", config(theirs.Pair))
	f.stands(t, "1", links.Bound)
}

// Nobody else's address is listened to, whatever it knows.
func TestACallerFromElsewhereIsTurnedAway(t *testing.T) {
	t.Parallel()
	addr := freePort(t)
	file := withBinds("", fmt.Sprintf("one listen = %q\nlisten_allow = [\"192.0.2.0/24\"]", addr))
	f := prepare(t, strings.Replace(file, "address = \"ADDRESS\"\n", "", 1))
	f.start(t)
	f.callIn(t, addr, "", nil)
	runtest.Eventually(t, "the caller is turned away", func() bool { return f.logs.count("caller turned away") == 1 })
	if len(f.sessions("one")) != 0 {
		t.Error("bound for a caller from elsewhere")
	}
}
