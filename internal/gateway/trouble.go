package gateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/wasl-sms/wasl/smpp"
)

// What each error of a trial means, and what to do about it.

func late(err error) bool {
	var n net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}

func gone(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.Is(err, io.ErrClosedPipe)
}

func nameTrouble(host string, err error) error {
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return wrong([]string{
			"look for a slip in `address`",
			"if the name is known inside the operator's network only, put its IP address there, or this machine on the DNS of the VPN",
		}, "the name %s is not known to DNS", host)
	}
	return wrong([]string{"see whether this machine's DNS works at all: getent hosts " + host}, "DNS does not answer for %s: %v", host, err)
}

func connectTrouble(address string, wait time.Duration, err error) error {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return wrong([]string{
			"look for a slip in the port of `address`; operators often have one for plain SMPP and one for TLS",
			"ask the operator whether its SMSC is up, and whether its firewall rejects this machine",
		}, "%s refuses connections: nobody listens there", address)
	case late(err):
		return wrong([]string{
			"ask the operator to allow the public address that this machine connects from: a firewall that drops packets looks like this",
			"see whether the VPN to the operator is up, and whether a firewall here lets the port out",
		}, "%s does not answer within %v", address, wait)
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return wrong([]string{"see whether the VPN or the route to the operator is up: ip route get " + address}, "there is no way to %s from this machine", address)
	}
	return wrong(nil, "no connection to %s: %v", address, err)
}

func tlsTrouble(b Bind, name string, now time.Time, err error) error {
	var (
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &authority):
		issuer := "an authority"
		if authority.Cert != nil {
			issuer = fmt.Sprintf("%q", authority.Cert.Issuer)
		}
		return wrong([]string{"ask the operator for the certificate of its authority, save it beside the operators file, and name it in `tls_ca`"},
			"the operator's certificate is signed by %s, which this machine does not trust", issuer)
	case errors.As(err, &host):
		names := append([]string{}, host.Certificate.DNSNames...)
		for _, ip := range host.Certificate.IPAddresses {
			names = append(names, ip.String())
		}
		if len(names) == 0 {
			return wrong([]string{"ask the operator for a certificate with its name as subjectAltName"}, "the operator's certificate names nobody")
		}
		return wrong([]string{fmt.Sprintf("if that is the operator, write tls_server_name = %q", names[0])},
			"the operator's certificate is for %s, not for %s", strings.Join(names, ", "), name)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		if invalid.Cert != nil && now.Before(invalid.Cert.NotBefore) {
			return wrong([]string{"see whether this machine's clock is right: it says " + now.Format(time.DateTime)},
				"the operator's certificate holds from %s only", invalid.Cert.NotBefore.Format(time.DateOnly))
		}
		return wrong([]string{"ask the operator to renew it", "see whether this machine's clock is right: it says " + now.Format(time.DateTime)},
			"the operator's certificate has ended: %s", invalid.Detail)
	case errors.As(err, &record):
		return wrong([]string{"set tls = false, or ask the operator for its port with TLS"}, "%s does not speak TLS", b.Address)
	case alerted(err):
		return alertTrouble(b, err)
	case late(err):
		return wrong([]string{"set tls = false if this is its plain port: a plain SMSC waits for the rest of what it takes for a PDU"},
			"%s connects, and says nothing to a TLS handshake", b.Address)
	case gone(err):
		return wrong([]string{"set tls = false if this is its plain port", "ask the operator to allow this machine's address"},
			"%s closes the connection during the TLS handshake", b.Address)
	}
	return wrong(nil, "TLS with %s fails: %v", b.Address, err)
}

// alerted tells a TLS alert of the peer's, as crypto/tls calls it. With TLS 1.3
// one about our certificate comes after the handshake.
func alerted(err error) bool {
	var remote *net.OpError
	return errors.As(err, &remote) && remote.Op == "remote error"
}

func alertTrouble(b Bind, err error) error {
	certificate := "whether it wants a certificate of ours: `tls_cert` and `tls_key`"
	if b.CertFile != "" {
		certificate = "whether it trusts who signed ours (`tls_cert`)"
	}
	return wrong([]string{"ask the operator which TLS versions it speaks (we speak 1.2 and 1.3), and " + certificate},
		"the operator refuses the TLS handshake: %v", err)
}

// bindTrouble judges a bind that got no answer that is SMPP.
func (s *trying) bindTrouble(ctx context.Context, err error) error {
	if s.b.tlsConfig == nil && s.speaksTLS(ctx) {
		return wrong([]string{"set tls = true, and tls_ca where the operator has an authority of its own"}, "%s speaks TLS, and the bind is plain", s.b.Address)
	}
	switch {
	case alerted(err):
		return alertTrouble(s.b, err)
	case errors.Is(err, errUnbound):
		return wrong([]string{"ask the operator why: maintenance, or too many binds of this account"}, "the operator unbinds instead of answering the bind")
	case errors.Is(err, smpp.ErrFrame):
		return wrong([]string{"look for a slip in `address`: this is another kind of server"}, "what %s answers is not SMPP", s.b.Address)
	case late(err):
		return wrong([]string{
			"ask the operator whether it saw the bind: a load balancer may take the connection while nobody is behind it",
			"raise bind_wait if its SMSC is slow",
		}, "%s connects, and does not answer the bind within %v", s.b.Address, s.wait)
	case gone(err):
		return wrong([]string{
			"ask the operator to allow the public address that this machine connects from: many close the connection on others without a word",
			"ask which system_id and mode it expects",
		}, "%s closes the connection instead of answering the bind", s.b.Address)
	}
	return wrong(nil, "the bind is not answered: %v", err)
}

// speaksTLS asks once more, without a login, whether the port is one for TLS.
func (s *trying) speaksTLS(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, s.wait/2)
	defer cancel()
	conn, err := s.Dial(ctx, "tcp", s.b.Address)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	// Nothing is sent over it but the greeting: whose certificate it is does not matter.
	return tls.Client(conn, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}).HandshakeContext(ctx) == nil //nolint:gosec // see above
}

func afterBindTrouble(what string, wait time.Duration, err error) error {
	switch {
	case errors.Is(err, errUnbound):
		return wrong([]string{"ask the operator why: maintenance, or another session of this account"}, "the operator unbinds before it answers %s", what)
	case late(err):
		return wrong([]string{"ask the operator; a link like this is given up and made anew again and again"}, "bound, and %s is not answered within %v", what, wait)
	case gone(err):
		return wrong([]string{"ask the operator whether the account may have another bind, and which rate it may use"}, "the operator cuts the link before it answers %s", what)
	}
	return wrong(nil, "bound, and %s fails: %v", what, err)
}

// lockNote is said where another try would do harm.
const lockNote = "do not try again at once: accounts get locked after a few refusals"

// refusedTrouble judges a bind that was refused. What may lock the account is
// marked as refused.
func refusedTrouble(b Bind, status smpp.Status) *trouble {
	t := refusal(b, status)
	if status.BindFatal() {
		t.refused = status
	}
	return t
}

func refusal(b Bind, status smpp.Status) *trouble {
	switch status {
	case smpp.ErrAlyBnd:
		t := wrong([]string{
			"nothing, while `wasl serve` runs with this file: one bind an account and address is all it allows",
			"otherwise wait until the operator has noticed that the old link is gone, or ask it to allow more binds",
		}, "another process holds this bind (%v)", status)
		t.held = true
		return t
	case smpp.ErrInvPaswd:
		return wrong([]string{"compare `password` or `password_file` with what the operator gave; case counts, and 8 characters are the most", lockNote},
			"the operator knows %q, and the password is wrong (%v)", b.SystemID, status)
	case smpp.ErrInvSysID:
		return wrong([]string{"compare `system_id` with what the operator gave; case counts", "ask whether the account is open on this very host and port", lockNote},
			"the operator does not know the system_id %q (%v)", b.SystemID, status)
	case smpp.ErrBindFail:
		return wrong([]string{
			"ask the operator what it saw: wrong system_id or password, a system_type it wants, a mode the account may not have, an address it does not allow",
			lockNote,
		}, "the operator refuses the bind without saying why (%v)", status)
	case smpp.ErrInvSysTyp:
		return wrong([]string{"ask the operator which `system_type` it wants"}, "the operator does not take the system_type %q (%v)", b.SystemType, status)
	case smpp.ErrInvCmdID, smpp.ErrInvBndSts, smpp.ErrInvCmdLen:
		return wrong([]string{"the operator may know no " + b.Mode + ": ask, and take a transmitter and a receiver instead of a transceiver, or the other way"},
			"the operator does not take this kind of bind (%v)", status)
	case smpp.ErrThrottled, smpp.ErrMsgQueueFull:
		return wrong([]string{"wait some minutes: there were too many binds, or too many at once", "ask the operator how many binds the account may have"},
			"the operator takes no bind just now (%v)", status)
	case smpp.ErrSysErr, smpp.ErrRxTAppn, smpp.ErrUnknown:
		return wrong([]string{"tell the operator: this is on its side", "try again in some minutes"}, "the operator has trouble of its own (%v)", status)
	default:
	}
	if status >= 0x400 && status <= 0x4FF {
		return wrong([]string{"ask the operator what its status means: it is one of its own; often an address it does not allow, or an account that is closed"},
			"the operator refuses the bind: %v", status)
	}
	return wrong([]string{"ask the operator what it saw"}, "the operator refuses the bind: %v", status)
}

func textTrouble(status smpp.Status) error {
	do := []string{"ask the operator what it saw"}
	switch status {
	case smpp.ErrInvSrcAdr, smpp.ErrInvSrcTON, smpp.ErrInvSrcNPI:
		do = []string{"ask which senders the account may use, and with which TON and NPI: `sender`, `sender_ton`, `sender_npi`"}
	case smpp.ErrInvDstAdr, smpp.ErrInvDstTON, smpp.ErrInvDstNPI:
		do = []string{"see whether this operator serves the number", "ask for the form of numbers: `dest_ton`, `dest_npi`"}
	case smpp.ErrThrottled, smpp.ErrMsgQueueFull:
		do = []string{"set `tps` to what the contract says"}
	case smpp.ErrInvSerTyp:
		do = []string{"ask which `service_type` it wants"}
	case smpp.ErrInvExpiry:
		do = []string{"set `validity` to the form it reads"}
	case smpp.ErrOptParNotAllwd, smpp.ErrInvOptParStream, smpp.ErrInvOptParamVal:
		do = []string{"set no_reference = true"}
	default:
	}
	return wrong(do, "bound, and the text is refused: %v", status)
}
