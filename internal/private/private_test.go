package private_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/wasl-sms/wasl/internal/private"
)

func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	number, err := private.ParseMsisdn("+212612345678", "MA")
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{"61234567", "363132333", "Fatima", "46617469", "AB123456", "41423132", "rendez", "72656e64"}
	type inside struct {
		Number private.Msisdn
		Name   private.Name
		ID     private.NationalID
		Body   private.Body
	}
	all := inside{number, private.NewName("Fatima"), private.NewNationalID("ab 123456"), private.NewBody("rendez-vous")}
	type hidden struct {
		number private.Msisdn
		body   struct{ body private.Body }
	}
	values := []any{
		hidden{number, struct{ body private.Body }{all.Body}},
		&hidden{number: number},
		all, &all, all.Number, &all.Number, all.Name, &all.Name, all.ID, &all.ID, all.Body, &all.Body,
		[]private.Msisdn{number},
		map[string]any{"k": all.Body},
		[]any{all},
		fmt.Errorf("told %v", all.Body),
	}
	var out bytes.Buffer
	for _, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "%o", "%t", "%T", "%p", "%c", "%U", "%10.3s"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(b)
		for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			log := slog.New(h).With("bound", v)
			log.Info("text", "attr", v, slog.Group("g", "in", v))
		}
	}
	fmt.Fprintln(&out, values...)
	for _, s := range secrets {
		if i := strings.Index(out.String(), s); i >= 0 {
			t.Errorf("%q leaked: %.120s", s, out.String()[max(0, i-40):])
		}
	}
}

func TestRawGivesBackWhatWasWrapped(t *testing.T) {
	t.Parallel()
	if got := private.NewName("  Fatima   Zahra ").Raw(); got != "Fatima Zahra" {
		t.Errorf("name is %q", got)
	}
	if got := private.NewNationalID("ab 123 456").Raw(); got != "AB123456" {
		t.Errorf("id is %q", got)
	}
	if got := private.NewBody(" x\n").Raw(); got != " x\n" {
		t.Errorf("body is %q", got)
	}
	if !(private.Msisdn{}).IsZero() || !private.NewName(" ").IsZero() || !private.NewNationalID("").IsZero() || !private.NewBody("").IsZero() {
		t.Error("empty values are not zero")
	}
}

func TestParseMsisdn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in, region, want string
		err              error
	}{
		{"+212612345678", "MA", "+212612345678", nil},
		{"00212612345678", "MA", "+212612345678", nil},
		{"212612345678", "MA", "+212612345678", nil},
		{"0612345678", "MA", "+212612345678", nil},
		{"06 12.34-56 78", "MA", "+212612345678", nil},
		{"٠٦١٢٣٤٥٦٧٨", "MA", "+212612345678", nil},
		{"۰۶۱۲۳۴۵۶۷۸", "MA", "+212612345678", nil},
		{"+٢١٢٦١٢٣٤٥٦٧٨", "DZ", "+212612345678", nil},
		{"0551234567", "DZ", "+213551234567", nil},
		{"213551234567", "DZ", "+213551234567", nil},
		{"213551234567", "MA", "+213551234567", nil},
		{"\u200f+212612345678\u202c", "MA", "+212612345678", nil},
		{"0522123456", "MA", "", private.ErrNotMobile},
		{"+33612345678", "MA", "", private.ErrCountry},
		{"+9647701234567", "MA", "", private.ErrCountry},
		{"369", "MA", "", private.ErrNotANumber},
		{"", "MA", "", private.ErrNotANumber},
		{"+", "MA", "", private.ErrNotANumber},
		{"call me", "MA", "", private.ErrNotANumber},
		{"06123456789999", "MA", "", private.ErrNotANumber},
		{strings.Repeat("6", 2000), "MA", "", private.ErrNotANumber},
	} {
		got, err := private.ParseMsisdn(c.in, c.region)
		if got.Raw() != c.want || !errors.Is(err, c.err) {
			t.Errorf("ParseMsisdn(%.30q, %s) = %q, %v; want %q, %v", c.in, c.region, got.Raw(), err, c.want, c.err)
		}
	}
	if m, err := private.ParseMsisdn("07701234567", "IQ", 964); err != nil || m.Raw() != "+9647701234567" {
		t.Errorf("a country named by the caller: %v", err)
	}
}

func FuzzParseMsisdn(f *testing.F) {
	for _, s := range []string{"+212612345678", "٠٦١٢٣٤٥٦٧٨", "00", "+", "06 12 34 56 78", "1-800-FLOWERS"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := private.ParseMsisdn(s, "MA")
		if err != nil {
			return
		}
		again, err := private.ParseMsisdn(m.Raw(), "DZ")
		if err != nil || again != m {
			t.Errorf("%q gave a number that does not read back: %v", s, err)
		}
	})
}
