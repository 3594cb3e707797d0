package form

import (
	"embed"
	"io/fs"
	"strings"
	"time"

	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/text"
)

//go:embed texts/*.toml
var texts embed.FS

// Texts gives the catalogue files of this package.
func Texts() fs.FS { return texts }

// ParseDate reads DDMMYYYY, or day, month and year set apart by a slash, a dot,
// a dash or a space. An impossible date gives a *Retry that says how to write one.
func ParseDate(s string) (time.Time, error) {
	again := Again("form.date", nil)
	s = strings.TrimSpace(s)
	groups := strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune("/.- ", r) })
	switch {
	case len(groups) == 1 && len(groups[0]) == 8:
		groups = []string{s[:2], s[2:4], s[4:]}
	case len(groups) != 3 || len(groups[0]) > 2 || len(groups[1]) > 2 || len(groups[2]) != 4:
		return time.Time{}, again
	}
	for i, g := range groups {
		if i < 2 && len(g) == 1 {
			groups[i] = "0" + g
		}
	}
	t, err := time.Parse("02012006", strings.Join(groups, ""))
	if err != nil || t.Year() < 1900 {
		return time.Time{}, again
	}
	return t, nil
}

// ParseDigits reads a number of least to most digits, however it is spaced. Anything
// else gives a *Retry that says how many digits are wanted.
func ParseDigits(s string, least, most int) (string, error) {
	var out strings.Builder
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			out.WriteRune(r)
		case !strings.ContainsRune(" ./-", r):
			return "", wantDigits(least, most)
		}
	}
	if out.Len() < least || out.Len() > most {
		return "", wantDigits(least, most)
	}
	return out.String(), nil
}

func wantDigits(least, most int) error {
	if least == most {
		return Again("form.digits", text.Params{"n": most})
	}
	return Again("form.digits_between", text.Params{"least": least, "most": most})
}

// Asked turns an Invalid fault into a Retry with the same text, so that a check
// written for every caller serves a question too. Other errors pass.
func Asked(err error) error {
	if fault.KindOf(err) == fault.KindInvalid {
		return &Retry{Why: fault.LineOf(err)}
	}
	return err
}
