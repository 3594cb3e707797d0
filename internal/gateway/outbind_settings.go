package gateway

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/wasl-sms/wasl/internal/aggregator"
	"github.com/wasl-sms/wasl/smpp"
)

// Outbind are the settings of a bind that is made on the operator's own
// connection, once it has asked for it. [SMPP 3.4 §2.2.1, §4.1.7]
type Outbind struct {
	Listen             string   `toml:"listen"`       // host:port to wait on, instead of an address
	Callers            []string `toml:"listen_allow"` // addresses that may call
	CallerSystemID     string   `toml:"outbind_system_id"`
	CallerPassword     string   `toml:"outbind_password"`
	CallerPasswordFile string   `toml:"outbind_password_file"`

	callers aggregator.Networks
}

// complete checks the settings of a bind that listens; our own password goes to
// whoever is let in.
func (o *Outbind) complete(dir string) (err error) {
	if o.Listen == "" {
		if o.CallerSystemID != "" || o.CallerPassword != "" || o.CallerPasswordFile != "" || len(o.Callers) > 0 {
			return errors.New("listen_allow and outbind_… have no effect without listen: set it, or remove them")
		}
		return nil
	}
	if _, _, err := net.SplitHostPort(o.Listen); err != nil {
		return fmt.Errorf("listen is %q: write it like 0.0.0.0:2776", o.Listen)
	}
	if o.CallerPassword, err = secretOf(o.CallerPassword, o.CallerPasswordFile, "outbind_password", dir); err != nil {
		return err
	}
	if o.callers, err = aggregator.ParseNetworks(o.Callers); err != nil {
		return fmt.Errorf("listen_allow: %w", err)
	}
	if len(o.callers) == 0 && o.CallerPassword == "" {
		return errors.New("anyone who connects would be sent our password: set listen_allow or outbind_password, better both")
	}
	return nil
}

// outbind is nil for a bind that connects. With an authority to trust, callers
// need a certificate of it.
func (b *Bind) outbind(refused func(net.Addr, error)) *smpp.OutbindConfig {
	if b.Listen == "" {
		return nil
	}
	c := &smpp.OutbindConfig{Addr: b.Listen, SystemID: b.CallerSystemID, Password: b.CallerPassword, Refused: refused}
	if b.TLS {
		c.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: b.tlsConfig.Certificates}
		if b.ca != "" {
			c.TLS.ClientCAs, c.TLS.ClientAuth = b.tlsConfig.RootCAs, tls.RequireAndVerifyClientCert
		}
	}
	if len(b.callers) > 0 {
		c.Allow = b.admits
	}
	return c
}

func (o *Outbind) admits(addr net.Addr) bool {
	from, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return false
	}
	return o.callers.Hold(from.Addr())
}

// secretOf reads a password from one of two settings.
func secretOf(value, file, name, dir string) (string, error) {
	if file == "" {
		return value, nil
	}
	if value != "" {
		return "", fmt.Errorf("both %s and %s_file: keep one", name, name)
	}
	text, err := os.ReadFile(beside(dir, file))
	if err != nil {
		return "", fmt.Errorf("%s_file: %w", name, err)
	}
	return strings.TrimSpace(string(text)), nil
}
