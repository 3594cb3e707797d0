package gateway

import (
	"errors"
	"fmt"
	"slices"
)

// Carries is what a bind is for. Many operators have their USSD gateway on a
// host of its own, beside the message centre.
type Carries uint8

// What a bind may carry.
const (
	CarriesAll   Carries = iota
	CarriesTexts         // and receipts
	CarriesUSSD          // and nothing else: whatever comes is USSD
)

// UnmarshalText reads the setting's word.
func (c *Carries) UnmarshalText(b []byte) error {
	switch string(b) {
	case "all":
		*c = CarriesAll
	case "texts":
		*c = CarriesTexts
	case "ussd":
		*c = CarriesUSSD
	default:
		return fmt.Errorf("%q is nothing that a bind carries: write all, texts or ussd", b)
	}
	return nil
}

func (c Carries) texts() bool { return c != CarriesUSSD }
func (c Carries) pages() bool { return c != CarriesTexts }

// sends reports whether texts can go out by this operator at all.
func (o *Operator) sends() bool { return slices.ContainsFunc(o.Binds, Bind.sendsTexts) }

// carriesTexts reports whether the operator is one for texts.
func (o *Operator) carriesTexts() bool {
	return slices.ContainsFunc(o.Binds, func(b Bind) bool { return b.Carries.texts() })
}

func (o *Operator) carriesPages() bool {
	return slices.ContainsFunc(o.Binds, func(b Bind) bool { return b.Carries.pages() })
}

// agreeOnCarrying checks that texts and USSD each have a way out and a way in.
func (o *Operator) agreeOnCarrying() error {
	if o.carriesTexts() && !o.bothWays(Carries.texts) {
		return errors.New("its binds only send or only receive: add a transceiver, or the missing half")
	}
	switch pages := slices.ContainsFunc(o.Binds, func(b Bind) bool { return b.Carries == CarriesUSSD }); {
	case pages && o.USSD == nil:
		return errors.New("a bind carries ussd, and there are no ussd_codes: name the code that people dial")
	case o.USSD != nil && !o.bothWays(Carries.pages):
		return errors.New("its binds for USSD only send or only receive, or there are none: add one that carries ussd, or all")
	}
	return nil
}

func (o *Operator) bothWays(carried func(Carries) bool) bool {
	out := func(b Bind) bool { return b.sends() && carried(b.Carries) }
	in := func(b Bind) bool { return b.receives() && carried(b.Carries) }
	return slices.ContainsFunc(o.Binds, out) && slices.ContainsFunc(o.Binds, in)
}
