package private

import (
	"errors"
	"slices"
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"
)

// Why a number is refused.
var (
	ErrNotANumber = errors.New("not a phone number")
	ErrNotMobile  = errors.New("not a mobile number")
	ErrCountry    = errors.New("a number of a country that is not served")
)

// Served lists the country codes that are taken when the caller names none:
// Morocco and Algeria.
func Served() []int { return []int{212, 213} }

// Regions lists the countries of Served by their letters.
func Regions() []string { return []string{"MA", "DZ"} }

// ParseMsisdn reads a mobile number as a person or an operator writes it:
// with +, 00 or the local 0, with spaces or dots, with Arabic-Indic digits.
// region ("MA", "DZ") says whose local form it may be. Only mobile numbers of
// the given country codes are taken.
func ParseMsisdn(s, region string, countries ...int) (Msisdn, error) {
	if len(countries) == 0 {
		countries = Served()
	}
	s = cleaned(s)
	if rest, ok := strings.CutPrefix(s, "00"); ok {
		s = "+" + rest
	}
	n, err := phonenumbers.Parse(s, region)
	if err != nil {
		return Msisdn{}, ErrNotANumber // the library's error repeats the input
	}
	// Operators send international numbers without a plus.
	if !phonenumbers.IsValidNumber(n) && !strings.HasPrefix(s, "+") {
		if m, err := phonenumbers.Parse("+"+s, region); err == nil && phonenumbers.IsValidNumber(m) {
			n = m
		}
	}
	if !phonenumbers.IsValidNumber(n) {
		return Msisdn{}, ErrNotANumber
	}
	if !slices.Contains(countries, int(n.GetCountryCode())) {
		return Msisdn{}, ErrCountry
	}
	switch phonenumbers.GetNumberType(n) {
	case phonenumbers.MOBILE, phonenumbers.FIXED_LINE_OR_MOBILE:
	default:
		return Msisdn{}, ErrNotMobile
	}
	return Msisdn{hide(phonenumbers.Format(n, phonenumbers.E164))}, nil
}

// StoredMsisdn takes back a number that Raw gave, as from a sealed column.
func StoredMsisdn(e164 string) Msisdn { return Msisdn{hide(e164)} }

// cleaned keeps an opening plus and the digits, in ASCII. Letters stay, so
// that they are refused.
func cleaned(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r >= '٠' && r <= '٩':
			b.WriteRune('0' + r - '٠')
		case r >= '۰' && r <= '۹':
			b.WriteRune('0' + r - '۰')
		case r >= '０' && r <= '９':
			b.WriteRune('0' + r - '０')
		case r == '+' || r == '＋':
			b.WriteByte('+')
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(r)
		}
	}
	return b.String()
}
