package gateway

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wasl-sms/wasl/internal/outbox"
	"github.com/wasl-sms/wasl/internal/private"
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

	// Fallback lists the operators that may take its texts once none of its
	// own binds has been able to for FallbackAfter.
	Fallback      []string      `toml:"fallback"`
	FallbackAfter time.Duration `toml:"fallback_after"` // 30s

	// What goes out. Types left out are judged by the sender itself.
	Sender      string     `toml:"sender"` // the first short code
	SenderTON   *uint8     `toml:"sender_ton"`
	SenderNPI   *uint8     `toml:"sender_npi"`
	DestTON     *uint8     `toml:"dest_ton"`  // 1
	DestNPI     *uint8     `toml:"dest_npi"`  // 1
	DestForm    NumberForm `toml:"dest_form"` // digits
	ServiceType string     `toml:"service_type"`

	LongTexts  outbox.Form `toml:"long_texts"` // udh8
	UCS2       *bool       `toml:"ucs2"`       // true
	Alphabet   Alphabet    `toml:"alphabet"`   // of what is not UCS-2: gsm7
	CodingGSM7 *uint8      `toml:"coding_gsm7"`
	CodingUCS2 *uint8      `toml:"coding_ucs2"` // 0x08

	Validity           Validity `toml:"validity"`            // relative
	RegisteredDelivery *uint8   `toml:"registered_delivery"` // 1
	Priority           bool     `toml:"priority"`            // priority_flag by the class of the text
	// NoReference leaves out user_message_reference, for an operator that
	// refuses it.
	NoReference bool        `toml:"no_reference"`
	Parameters  []Parameter `toml:"parameter"` // with every text
	Statuses

	// How the operator writes message ids: text, dec or hex.
	IDInResponse IDForm `toml:"id_in_response"`
	IDInReceipt  IDForm `toml:"id_in_receipt"`
	// ReceiptsByText takes a text that is written like a receipt for one, though
	// neither esm_class nor a TLV says so.
	ReceiptsByText bool `toml:"receipts_by_text"`
	// InDoubt says what becomes of a part whose answer was lost and of which no
	// receipt tells: resend or hold.
	InDoubt string `toml:"in_doubt"`

	USSD *ussd.Dialect `toml:"-"`
	HTTP *HTTP         `toml:"http"`
}

// complete fills in defaults and checks one operator.
func (o *Operator) complete(dir string) error {
	if o.Region == "" {
		o.Region = "MA"
	}
	if !slices.Contains(private.Regions(), o.Region) {
		return fmt.Errorf("region is %q: write one of %s", o.Region, strings.Join(private.Regions(), ", "))
	}
	if o.HTTP != nil {
		if err := o.HTTP.complete(o, dir); err != nil {
			return fmt.Errorf("http: %w", err)
		}
		if len(o.Binds) == 0 {
			return o.alone()
		}
	}
	if len(o.Binds) == 0 {
		return errors.New("no [[operator.bind]]: without one nothing can be sent or received")
	}
	if len(o.USSDCodes) > 0 && o.USSD == nil && (o.HTTP == nil || o.carriesPages()) {
		d := ussd.Spec()
		o.USSD = &d
	}
	if !o.carriesTexts() {
		if err := o.withoutTexts("a [[operator.bind]] that carries texts"); err != nil {
			return err
		}
		return o.completeBinds(dir)
	}
	if o.Sender == "" && len(o.ShortCodes) > 0 {
		o.Sender = o.ShortCodes[0]
	}
	if o.Sender == "" {
		return errors.New("no sender: give short_codes, or sender")
	}
	if err := o.checkSender(); err != nil {
		return err
	}
	for i, p := range o.Prefixes {
		o.Prefixes[i] = "+" + strings.TrimPrefix(strings.TrimSpace(p), "+")
		if digits := o.Prefixes[i][1:]; digits == "" || strings.Trim(digits, "0123456789") != "" {
			return fmt.Errorf("prefix %q is not the beginning of an international number: write it like +2126", p)
		}
	}
	if err := o.completeTexts(); err != nil {
		return err
	}
	return o.completeBinds(dir)
}

// completeTexts checks what concerns texts going out and their receipts.
func (o *Operator) completeTexts() error {
	for i := range o.Parameters {
		if err := o.Parameters[i].complete(); err != nil {
			return err
		}
	}
	if err := o.check(); err != nil {
		return err
	}
	switch o.LongTexts {
	case "":
		o.LongTexts = outbox.UDH8
	case outbox.UDH8, outbox.UDH16, outbox.SAR, outbox.Payload:
	default:
		return fmt.Errorf("long_texts is %q: write udh8, udh16, sar or payload", o.LongTexts)
	}
	if o.RegisteredDelivery != nil && *o.RegisteredDelivery > 0x1F { // SMPP 3.4 §5.2.17
		return fmt.Errorf("registered_delivery is %d: write 0, 1 or 2, with 16 more for what comes before the end", *o.RegisteredDelivery)
	}
	if o.FallbackAfter == 0 {
		o.FallbackAfter = 30 * time.Second
	}
	if o.FallbackAfter < 0 {
		return fmt.Errorf("fallback_after is %v: write how long, like 30s", o.FallbackAfter)
	}
	if o.InDoubt == "" {
		o.InDoubt = "resend"
	}
	if o.InDoubt != "resend" && o.InDoubt != "hold" {
		return fmt.Errorf("in_doubt is %q: write resend or hold", o.InDoubt)
	}
	return nil
}

// checkSender refuses an address that no text could be sent from.
func (o *Operator) checkSender() error {
	digits := strings.TrimPrefix(o.Sender, "+")
	name := strings.Trim(digits, "0123456789") != ""
	odd := strings.ContainsFunc(o.Sender, func(r rune) bool { return r < ' ' || r > '~' })
	switch {
	case name && (len(o.Sender) > 11 || odd): // TS 23.040 §9.1.2.5
		return fmt.Errorf("sender is %q: a name may have 11 characters, of ASCII", o.Sender)
	case len(digits) > 20: // SMPP 3.4 §5.2.8
		return fmt.Errorf("sender is %q: a number may have 20 digits", o.Sender)
	case len(o.ServiceType) > 5: // SMPP 3.4 §5.2.11
		return fmt.Errorf("service_type is %q: it may have 5 characters", o.ServiceType)
	}
	return nil
}

func (o *Operator) completeBinds(dir string) error {
	names := map[string]bool{}
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
	}
	return o.agreeOnCarrying()
}

// manner is how the operator wants its texts.
func (o *Operator) manner() outbox.Manner {
	return outbox.Manner{Form: o.LongTexts, NoUCS2: o.UCS2 != nil && !*o.UCS2}
}
