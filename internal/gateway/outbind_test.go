package gateway_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/wasl-sms/wasl/internal/links"
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

// callIn connects as an operator does that wants us to bind, and serves what
// comes of it.
func (f *fixture) callIn(t *testing.T, addr, password string) {
	t.Helper()
	var conn net.Conn
	eventually(t, "somebody listens for the outbind", func() bool {
		var err error
		conn, err = (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
		return err == nil
	})
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
	f.callIn(t, addr, "wrong")
	eventually(t, "the caller is turned away", func() bool { return f.logs.count("caller turned away") == 1 })
	f.callIn(t, addr, "knock")
	f.stands(t, "1", links.Bound)
	f.tell(t, told(1, "x"))
	eventually(t, "it is accepted", func() bool { return f.states(t, "message_part")["accepted"] == 1 })
	if len(f.sessions("one")) != 1 {
		t.Error("bound for a caller with a wrong password")
	}
	f.logs.mu.Lock()
	defer f.logs.mu.Unlock()
	if s := f.logs.b.String(); strings.Contains(s, "knock") || strings.Contains(s, "secret") {
		t.Errorf("a password is in the log:\n%s", s)
	}
}
