package gateway

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"time"

	"github.com/wasl-sms/wasl/smpp"
)

// Bind is one SMPP connection.
type Bind struct {
	Name         string        `toml:"name"` // "1", "2"… in order
	Address      string        `toml:"address"`
	Mode         string        `toml:"mode"` // transceiver, transmitter, receiver
	SystemID     string        `toml:"system_id"`
	Password     string        `toml:"password"`
	PasswordFile string        `toml:"password_file"`
	SystemType   string        `toml:"system_type"`
	AddrTON      uint8         `toml:"addr_ton"`
	AddrNPI      uint8         `toml:"addr_npi"`
	AddressRange string        `toml:"address_range"`
	Version      uint8         `toml:"interface_version"` // 0x34
	Carries      Carries       `toml:"carries"`           // all, texts, ussd
	Window       int           `toml:"window"`            // 10
	TPS          float64       `toml:"tps"`               // parts per second; 0 is no limit
	TLS          bool          `toml:"tls"`
	ServerName   string        `toml:"tls_server_name"`
	CAFile       string        `toml:"tls_ca"`
	CertFile     string        `toml:"tls_cert"` // ours
	KeyFile      string        `toml:"tls_key"`
	BindWait     time.Duration `toml:"bind_wait"`     // 10s: for the connection, TLS and the bind, each
	EnquireEvery time.Duration `toml:"enquire_every"` // 15s of silence before enquire_link
	EnquireWait  time.Duration `toml:"enquire_wait"`  // 10s for its answer
	ResponseWait time.Duration `toml:"response_wait"` // 30s for the answer to a submit_sm
	WriteWait    time.Duration `toml:"write_wait"`    // 10s for a write to be taken
	Inactivity   time.Duration `toml:"inactivity"`    // without messages, before the bind is made anew; 0: never

	Outbind

	mode      smpp.Mode
	ca        string // what CAFile holds
	cert      tls.Certificate
	tlsConfig *tls.Config
}

// same reports whether a session made by one of the two is as good for the
// other: what the files beside the operators file hold counts too.
func (b Bind) same(other Bind) bool {
	b.tlsConfig, other.tlsConfig = nil, nil // made of ServerName and ca
	b.cert.Leaf, other.cert.Leaf = nil, nil
	return reflect.DeepEqual(b, other)
}

// String leaves the password out.
func (b Bind) String() string { return fmt.Sprintf("%s to %s as %q", b.Mode, b.where(), b.SystemID) }

// where is the address of the bind's far or near end.
func (b Bind) where() string {
	if b.Listen != "" {
		return "outbind on " + b.Listen
	}
	return b.Address
}

// Format keeps every verb safe to log.
func (b Bind) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, b.String()) }

func (b Bind) sends() bool    { return b.mode != smpp.Receiver }
func (b Bind) receives() bool { return b.mode != smpp.Transmitter }

func (b Bind) sendsTexts() bool { return b.sends() && b.Carries.texts() }
func (b Bind) sendsPages() bool { return b.sends() && b.Carries.pages() }

// login is what the bind presents to the operator.
func (b Bind) login() smpp.BindRequest {
	return smpp.BindRequest{
		Mode: b.mode, SystemID: b.SystemID, Password: b.Password, SystemType: b.SystemType,
		InterfaceVersion: b.Version, AddrTON: b.AddrTON, AddrNPI: b.AddrNPI, AddressRange: b.AddressRange,
	}
}

func (b *Bind) complete(dir string) error {
	switch b.Mode {
	case "transceiver", "":
		b.Mode, b.mode = "transceiver", smpp.Transceiver
	case "transmitter":
		b.mode = smpp.Transmitter
	case "receiver":
		b.mode = smpp.Receiver
	default:
		return fmt.Errorf("mode is %q: write transceiver, transmitter or receiver", b.Mode)
	}
	if (b.Address == "") == (b.Listen == "") {
		return errors.New("no address, or address and listen: write address = \"host:port\" to connect, or listen to wait for the operator's outbind")
	}
	var err error
	if b.Password, err = secretOf(b.Password, b.PasswordFile, "password", dir); err != nil {
		return err
	}
	if err := b.Outbind.complete(dir); err != nil {
		return err
	}
	if len(b.SystemID) > 15 || len(b.Password) > 8 { // SMPP 3.4 §5.2.1, §5.2.2
		return errors.New("system_id may have 15 characters and the password 8")
	}
	if len(b.SystemType) > 12 || len(b.AddressRange) > 40 { // SMPP 3.4 §5.2.3, §5.2.7
		return errors.New("system_type may have 12 characters and address_range 40")
	}
	if b.Version == 0 {
		b.Version = 0x34
	}
	if b.Window == 0 {
		b.Window = 10
	}
	if b.Window < 1 || b.Window > 10_000 {
		return fmt.Errorf("window is %d: write 1 to 10000", b.Window)
	}
	if math.IsNaN(b.TPS) || math.IsInf(b.TPS, 0) || b.TPS < 0 {
		return fmt.Errorf("tps is %g: write 0 for no limit, or parts per second", b.TPS)
	}
	for name, d := range map[string]time.Duration{
		"bind_wait": b.BindWait, "enquire_every": b.EnquireEvery, "enquire_wait": b.EnquireWait,
		"response_wait": b.ResponseWait, "write_wait": b.WriteWait, "inactivity": b.Inactivity,
	} {
		if d < 0 {
			return fmt.Errorf("%s is %v: write how long, like 10s", name, d)
		}
	}
	return b.secure(dir)
}

// secure reads the settings of TLS.
func (b *Bind) secure(dir string) (err error) {
	switch {
	case b.Listen != "" && b.ServerName != "":
		return errors.New("tls_server_name has no effect on a bind that listens: remove it")
	case !b.TLS && (b.ServerName != "" || b.CAFile != "" || b.CertFile != "" || b.KeyFile != ""):
		return errors.New("tls_server_name, tls_ca, tls_cert and tls_key have no effect without tls = true: set it, or remove them")
	case !b.TLS:
		return nil
	case (b.CertFile == "") != (b.KeyFile == ""):
		return errors.New("tls_cert and tls_key go together: set both, or remove them")
	case b.Listen != "" && b.CertFile == "":
		return errors.New("tls of a bind that listens needs tls_cert and tls_key")
	}
	b.tlsConfig = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: b.ServerName}
	if b.CertFile != "" {
		if b.cert, err = tls.LoadX509KeyPair(beside(dir, b.CertFile), beside(dir, b.KeyFile)); err != nil {
			return fmt.Errorf("tls_cert: %w", err)
		}
		b.tlsConfig.Certificates = []tls.Certificate{b.cert}
	}
	if b.CAFile == "" {
		return nil
	}
	pem, err := os.ReadFile(beside(dir, b.CAFile))
	if err != nil {
		return fmt.Errorf("tls_ca: %w", err)
	}
	b.ca = string(pem)
	b.tlsConfig.RootCAs = x509.NewCertPool()
	if !b.tlsConfig.RootCAs.AppendCertsFromPEM(pem) {
		return fmt.Errorf("tls_ca: %s holds no certificate", b.CAFile)
	}
	return nil
}

func beside(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
