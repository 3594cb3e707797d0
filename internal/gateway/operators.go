package gateway

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/ussd"
)

// Operators are the telecom operators that this Wasl is connected to.
type Operators []Operator

// Operator is one telecom operator, as the operators file describes it.
type Operator struct {
	Name       string   `toml:"name"`
	Prefixes   []string `toml:"prefixes"`    // "+2126": numbers it serves; none: all that no other does
	ShortCodes []string `toml:"short_codes"` // "3690"
	USSDCodes  []string `toml:"ussd_codes"`  // "*369#"
	Region     string   `toml:"region"`      // whose local form its numbers may have; MA
	Binds      []Bind   `toml:"bind"`

	// What goes out. Types left out are judged by the sender itself.
	Sender      string `toml:"sender"` // the first short code
	SenderTON   *uint8 `toml:"sender_ton"`
	SenderNPI   *uint8 `toml:"sender_npi"`
	DestTON     *uint8 `toml:"dest_ton"` // 1
	DestNPI     *uint8 `toml:"dest_npi"` // 1
	ServiceType string `toml:"service_type"`
	CodingGSM7  *uint8 `toml:"coding_gsm7"` // 0x00
	CodingUCS2  *uint8 `toml:"coding_ucs2"` // 0x08
	// NoReference leaves out user_message_reference, for an operator that
	// refuses it.
	NoReference bool `toml:"no_reference"`

	// How the operator writes message ids: text, dec or hex.
	IDInResponse IDForm `toml:"id_in_response"`
	IDInReceipt  IDForm `toml:"id_in_receipt"`
	// InDoubt says what becomes of a part whose answer was lost and of which no
	// receipt tells: resend or hold.
	InDoubt string `toml:"in_doubt"`

	USSD *ussd.Dialect `toml:"-"`
	HTTP *HTTP         `toml:"http"`
}

// HTTP describes an aggregator that calls us over HTTP.
type HTTP struct {
	Format string   `toml:"format"`
	Secret string   `toml:"secret"`
	Allow  []string `toml:"allow"`
}

// Bind is one SMPP connection.
type Bind struct {
	Name         string        `toml:"name"` // "1", "2"… in order
	Address      string        `toml:"address"`
	Mode         string        `toml:"mode"` // transceiver, transmitter, receiver
	SystemID     string        `toml:"system_id"`
	Password     string        `toml:"password"`
	PasswordFile string        `toml:"password_file"`
	SystemType   string        `toml:"system_type"`
	AddressRange string        `toml:"address_range"`
	Window       int           `toml:"window"` // 10
	TPS          float64       `toml:"tps"`    // parts per second; 0 is no limit
	TLS          bool          `toml:"tls"`
	ServerName   string        `toml:"tls_server_name"`
	CAFile       string        `toml:"tls_ca"`
	EnquireEvery time.Duration `toml:"enquire_every"` // 15s
	ResponseWait time.Duration `toml:"response_wait"` // 30s

	mode      smpp.Mode
	tlsConfig *tls.Config
}

// String leaves the password out.
func (b Bind) String() string { return fmt.Sprintf("%s to %s as %q", b.Mode, b.Address, b.SystemID) }

// Format keeps every verb safe to log.
func (b Bind) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, b.String()) }

func (b Bind) sends() bool    { return b.mode != smpp.Receiver }
func (b Bind) receives() bool { return b.mode != smpp.Transmitter }

// LoadOperators reads an operators file. Password and CA files are looked for
// beside it.
func LoadOperators(path string) (Operators, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("operators file: %w", err)
	}
	ops, err := ParseOperators(string(text), filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("operators file %s: %w", path, err)
	}
	return ops, nil
}

// ParseOperators reads the text of an operators file, and checks it: an error
// says which operator and what to change.
func ParseOperators(text, dir string) (Operators, error) {
	// The dialect starts from a shipped one, whose name is read first.
	type withUSSD struct {
		Operator
		USSD *toml.Primitive `toml:"ussd"`
	}
	var file struct {
		Operator []withUSSD `toml:"operator"`
	}
	meta, err := toml.Decode(text, &file)
	if err != nil {
		return nil, err
	}
	var ops Operators
	for i, o := range file.Operator {
		op := o.Operator
		if o.USSD != nil {
			if op.USSD, err = readDialect(meta, *o.USSD); err != nil {
				return nil, fmt.Errorf("operator %q: ussd: %w", op.Name, err)
			}
		}
		if op.Name == "" {
			return nil, fmt.Errorf("operator %d has no name: give it one", i+1)
		}
		if err := op.complete(dir); err != nil {
			return nil, fmt.Errorf("operator %q: %w", op.Name, err)
		}
		ops = append(ops, op)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return nil, fmt.Errorf("unknown setting %q: correct or remove it", unknown[0])
	}
	return ops, ops.agree()
}

func readDialect(meta toml.MetaData, p toml.Primitive) (*ussd.Dialect, error) {
	var base struct {
		Dialect string `toml:"dialect"`
	}
	if err := meta.PrimitiveDecode(p, &base); err != nil {
		return nil, err
	}
	if base.Dialect == "" {
		base.Dialect = "spec"
	}
	d, ok := ussd.Lookup(base.Dialect)
	if !ok {
		var names []string
		for _, d := range ussd.Shipped() {
			names = append(names, d.Name)
		}
		return nil, fmt.Errorf("no dialect %q: take one of %s", base.Dialect, strings.Join(names, ", "))
	}
	if err := meta.PrimitiveDecode(p, &d); err != nil {
		return nil, err
	}
	return &d, d.Validate()
}

// complete fills in defaults and checks one operator.
func (o *Operator) complete(dir string) error {
	if o.HTTP != nil {
		return errors.New("HTTP aggregators are not served by this version: remove [operator.http]")
	}
	if len(o.Binds) == 0 {
		return errors.New("no [[operator.bind]]: without one nothing can be sent or received")
	}
	if len(o.USSDCodes) > 0 && o.USSD == nil {
		d := ussd.Spec()
		o.USSD = &d
	}
	if o.Region == "" {
		o.Region = "MA"
	}
	if o.Sender == "" && len(o.ShortCodes) > 0 {
		o.Sender = o.ShortCodes[0]
	}
	if o.Sender == "" {
		return errors.New("no sender: give short_codes, or sender")
	}
	for i, p := range o.Prefixes {
		o.Prefixes[i] = "+" + strings.TrimPrefix(strings.TrimSpace(p), "+")
		if digits := o.Prefixes[i][1:]; digits == "" || strings.Trim(digits, "0123456789") != "" {
			return fmt.Errorf("prefix %q is not the beginning of an international number: write it like +2126", p)
		}
	}
	if o.InDoubt == "" {
		o.InDoubt = "resend"
	}
	if o.InDoubt != "resend" && o.InDoubt != "hold" {
		return fmt.Errorf("in_doubt is %q: write resend or hold", o.InDoubt)
	}
	names := map[string]bool{}
	sends, receives := false, false
	for i := range o.Binds {
		b := &o.Binds[i]
		if b.Name == "" {
			b.Name = strconv.Itoa(i + 1)
		}
		if names[b.Name] {
			return fmt.Errorf("two binds named %q: rename one", b.Name)
		}
		names[b.Name] = true
		if err := b.complete(dir); err != nil {
			return fmt.Errorf("bind %s: %w", b.Name, err)
		}
		sends, receives = sends || b.sends(), receives || b.receives()
	}
	if !sends || !receives {
		return errors.New("its binds only send or only receive: add a transceiver, or the missing half")
	}
	return nil
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
	if b.Address == "" {
		return errors.New("no address: write host:port")
	}
	if b.Password != "" && b.PasswordFile != "" {
		return errors.New("both password and password_file: keep one")
	}
	if b.PasswordFile != "" {
		text, err := os.ReadFile(beside(dir, b.PasswordFile))
		if err != nil {
			return fmt.Errorf("password_file: %w", err)
		}
		b.Password = strings.TrimSpace(string(text))
	}
	if len(b.SystemID) > 15 || len(b.Password) > 8 { // SMPP 3.4 §5.2.1, §5.2.2
		return errors.New("system_id may have 15 characters and the password 8")
	}
	if b.Window == 0 {
		b.Window = 10
	}
	if b.Window < 1 || b.Window > 10_000 {
		return fmt.Errorf("window is %d: write 1 to 10000", b.Window)
	}
	if b.TPS < 0 {
		return fmt.Errorf("tps is %g: write 0 for no limit, or parts per second", b.TPS)
	}
	if !b.TLS && (b.ServerName != "" || b.CAFile != "") {
		return errors.New("tls_server_name and tls_ca have no effect without tls = true: set it, or remove them")
	}
	if b.TLS {
		b.tlsConfig = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: b.ServerName}
		if b.CAFile != "" {
			pem, err := os.ReadFile(beside(dir, b.CAFile))
			if err != nil {
				return fmt.Errorf("tls_ca: %w", err)
			}
			b.tlsConfig.RootCAs = x509.NewCertPool()
			if !b.tlsConfig.RootCAs.AppendCertsFromPEM(pem) {
				return fmt.Errorf("tls_ca: %s holds no certificate", b.CAFile)
			}
		}
	}
	return nil
}

func beside(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// agree checks the operators against each other.
func (ops Operators) agree() error {
	owner := map[string]string{}
	for _, o := range ops {
		if other, taken := owner["name "+o.Name]; taken {
			return fmt.Errorf("two operators named %q: rename one", other)
		}
		owner["name "+o.Name] = o.Name
		prefixes := o.Prefixes
		if len(prefixes) == 0 {
			prefixes = []string{"+"}
		}
		for _, p := range prefixes {
			if other, taken := owner[p]; taken && p == "+" {
				return fmt.Errorf("operators %q and %q both have no prefixes: only one can serve all other numbers", other, o.Name)
			} else if taken {
				return fmt.Errorf("operators %q and %q both claim prefix %s: leave it to one", other, o.Name, p)
			}
			owner[p] = o.Name
		}
	}
	return nil
}

// Route names the operator that serves a number: the one with the longest
// prefix of it. It is "" when there is none.
func (ops Operators) Route(n private.Msisdn) string {
	best, length := "", -1
	for _, o := range ops {
		if len(o.Prefixes) == 0 && length < 0 {
			best, length = o.Name, 0
		}
		for _, p := range o.Prefixes {
			if len(p) > length && strings.HasPrefix(n.Raw(), p) {
				best, length = o.Name, len(p)
			}
		}
	}
	return best
}

// Holding lists the operators whose parts in doubt are given up rather than
// sent again.
func (ops Operators) Holding() []string {
	names := []string{}
	for _, o := range ops {
		if o.InDoubt == "hold" {
			names = append(names, o.Name)
		}
	}
	slices.Sort(names)
	return names
}
