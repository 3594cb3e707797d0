package gateway_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wasl-sms/wasl/internal/gateway"
	"github.com/wasl-sms/wasl/internal/links"
	"github.com/wasl-sms/wasl/internal/run/runtest"
	"github.com/wasl-sms/wasl/smpp/smpptest"
)

// certify is for the server of an operator that has an authority of its own.
func certify(t *testing.T, name string, from, until time.Time) smpptest.Certificate {
	t.Helper()
	return smpptest.Certify(t, "North's own authority", name, from, until)
}

func TestTryTLS(t *testing.T) {
	t.Parallel()
	now := time.Now()
	good := certify(t, "localhost", now.Add(-time.Hour), now.AddDate(1, 0, 0))
	secured := newSMSC(t, "", &tls.Config{Certificates: []tls.Certificate{good.Pair}})
	good.WriteCA(t, secured.dir, "north.pem")
	withCA := "tls = true\ntls_ca = \"north.pem\"\ntls_server_name = \"localhost\""
	if f := secured.try(t, gateway.Trial{}, withCA); !f.OK() || !strings.Contains(strings.Join(f.Done, "\n"), "TLS 1.3, with a certificate for localhost until") {
		t.Errorf("%s: %v", f.Wrong, f.Done)
	}
	finds(t, secured.try(t, gateway.Trial{}, "tls = true\ntls_server_name = \"localhost\""), "North's own authority", "does not trust", "`tls_ca`")
	finds(t, secured.try(t, gateway.Trial{}, "tls = true\ntls_ca = \"north.pem\"\ntls_server_name = \"smsc.north.example\""),
		"is for localhost, not for smsc.north.example", `tls_server_name = "localhost"`)
	finds(t, secured.try(t, gateway.Trial{}, ""), "speaks TLS, and the bind is plain", "tls = true")
	later := gateway.Trial{Now: func() time.Time { return now.AddDate(1, 1, 0) }}
	finds(t, secured.try(t, later, withCA), "has ended", "renew", "clock")
	before := gateway.Trial{Now: func() time.Time { return now.AddDate(0, 0, -2) }}
	finds(t, secured.try(t, before, withCA), "holds from", "clock")
	soon := gateway.Trial{Now: func() time.Time { return now.AddDate(1, 0, -10) }}
	if f := secured.try(t, soon, withCA); !f.OK() {
		t.Error(f.Wrong)
	} else {
		finds(t, f, "ends in 10 days")
	}

	plain := newSMSC(t, "", nil)
	finds(t, plain.try(t, gateway.Trial{}, "tls = true"), "does not speak TLS", "tls = false")
	old := certify(t, "localhost", now.Add(-time.Hour), now.AddDate(1, 0, 0))
	p := &tried{dir: t.TempDir()}
	ln := tls.NewListener(p.listen(t), &tls.Config{Certificates: []tls.Certificate{old.Pair}, ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12})
	serve(t, ln, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	old.WriteCA(t, p.dir, "north.pem")
	finds(t, p.try(t, gateway.Trial{}, withCA), "refuses the TLS handshake", "certificate of ours", "`tls_cert`")
}

// An operator that demands a certificate of ours gets it; TLS 1.3 tells its
// refusal after the handshake.
func TestTryWithACertificateOfOurs(t *testing.T) {
	t.Parallel()
	from, until := time.Now().Add(-time.Hour), time.Now().AddDate(1, 0, 0)
	server, ours, strange := certify(t, "localhost", from, until), certify(t, "wasl", from, until), certify(t, "wasl", from, until)
	p := newSMSC(t, "", &tls.Config{Certificates: []tls.Certificate{server.Pair}, ClientCAs: ours.Pool, ClientAuth: tls.RequireAndVerifyClientCert})
	server.WriteCA(t, p.dir, "north.pem")
	ours.Write(t, p.dir, "ours")
	strange.Write(t, p.dir, "strange")
	const settings = "tls = true\ntls_ca = \"north.pem\"\ntls_server_name = \"localhost\"\n"
	if f := p.try(t, gateway.Trial{}, settings+"tls_cert = \"ours.pem\"\ntls_key = \"ours.key\""); !f.OK() {
		t.Errorf("with ours: %s", f.Wrong)
	}
	finds(t, p.try(t, gateway.Trial{}, settings), "refuses the TLS handshake", "`tls_cert`")
	finds(t, p.try(t, gateway.Trial{}, settings+"tls_cert = \"strange.pem\"\ntls_key = \"strange.key\""), "refuses the TLS handshake", "who signed ours")
}

// The gateway's own binds speak TLS as the doctor's do.
func TestABindOverTLS(t *testing.T) {
	t.Parallel()
	now := time.Now()
	good := certify(t, "localhost", now.Add(-time.Hour), now.AddDate(1, 0, 0))
	secured := newSMSC(t, "", &tls.Config{Certificates: []tls.Certificate{good.Pair}})
	file := func(more string) string {
		return fmt.Sprintf("[[operator]]\nname = \"north\"\nshort_codes = [\"3690\"]\n[[operator.bind]]\naddress = %q\nsystem_id = \"wasl\"\npassword = \"secret\"\nmode = \"receiver\"\n%s\n"+
			"[[operator.bind]]\naddress = \"127.0.0.1:1\"\nmode = \"transmitter\"\n", secured.address, more)
	}
	ca := fmt.Sprintf("tls = true\ntls_ca = %q\n", good.WriteCA(t, secured.dir, "north.pem"))
	for settings, want := range map[string]links.State{
		ca + `tls_server_name = "localhost"`:          links.Bound,
		ca + `tls_server_name = "smsc.north.example"`: links.Down,
		"tls = true\ntls_server_name = \"localhost\"": links.Down,
	} {
		g := gatewayOnly(t, file(settings), prometheus.NewRegistry())
		runtest.Eventually(t, fmt.Sprintf("with %s the bind is %s", settings, want), func() bool {
			s := g.Status()
			return len(s) == 2 && s[0].State == want && (want == links.Bound || s[0].Failed.Cause == links.TLS)
		})
	}
}
