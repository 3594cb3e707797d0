package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/gsm"
)

// untouched is a database in which nobody did anything.
func untouched() map[string]int {
	return map[string]int{"account": 0, "permit": 0, "permit_request": 0}
}

// TestWrongAnswersAreExplained in each language: what is keyed wrongly brings a
// sentence that says what to key, the question again, and changes nothing.
func TestWrongAnswersAreExplained(t *testing.T) {
	t.Parallel()
	w := newSite(t, "", nil)
	for i, lang := range text.Citizen() {
		number := fmt.Sprintf("21260000000%d", i)
		says := func(input string, key text.Key) {
			t.Helper()
			want := gsm.Fold(w.app.texts.Write(lang, text.L(key, nil)))
			if got := w.ask(t, number, input); !strings.Contains(got.text, want) || got.end {
				t.Errorf("%s: %.20q brings %q, want %q in it", lang, input, got.text, want)
			}
		}
		w.ask(t, number, dialCode)
		w.ask(t, number, fmt.Sprint(i+1))
		says("register", "form.choose")
		w.asks(t, number, "1", "1", "1")
		says("AB12", "id_shape.cin")
		says(strings.Repeat("A1", 1000), "account.ask_id")
		w.ask(t, number, "AB123456")
		says("31021985", "form.date")
		says("😀", "form.date")
		w.ask(t, number, "05031985")
		says("abcd", "pin.length")
		says("1234", "pin.too_simple")
		w.ask(t, number, pin)
		says("9137", "pin.differs")
	}
	w.settled(t)
	w.holds(t, untouched())
}

// TestThreeWrongAnswers end the dialogue with help by text.
func TestThreeWrongAnswers(t *testing.T) {
	t.Parallel()
	w := newSite(t, "", nil)
	const number = "212600000001"
	w.asks(t, number, dialCode, "2")
	if got := w.asks(t, number, "x", "y", "z"); !got.end {
		t.Errorf("after three wrong answers the dialogue shows %q", got.text)
	}
	until(t, "help comes by text", func() bool { return len(w.heard(number)) == 1 })
}

// TestWrongPINLocks: three tries, then even the right one has to wait.
func TestWrongPINLocks(t *testing.T) {
	t.Parallel()
	w := newSite(t, "", nil)
	const number = "212600000001"
	w.world().family(t, "+"+number, text.French, "AB123456")
	menu := w.asks(t, number, dialCode, pin).text
	if got := w.asks(t, number, dialCode, "1357", "2468", "8642"); !got.end {
		t.Errorf("after three wrong PINs: %q", got.text)
	}
	if got := w.asks(t, number, dialCode, pin); got.text == menu {
		t.Error("the right PIN was taken while the account is locked")
	}
	w.clock.forward(2 * time.Minute)
	if got := w.asks(t, number, dialCode, pin); got.text != menu {
		t.Errorf("after the lock the right PIN brings %q", got.text)
	}
	w.holds(t, map[string]int{"account": 1, "permit": 0, "permit_request": 0})
}

// TestOddTexts: whatever is written, one answer comes that says what to write.
func TestOddTexts(t *testing.T) {
	t.Parallel()
	w := newSite(t, "", nil)
	for i, body := range []string{
		"😀", "Добрый день, помогите пожалуйста", "x", "!!!", "00000000000000000000", "PERMIS 99999999",
		"'; drop table account; --", "مرحبا", strings.Repeat("trop long ", 200),
	} {
		number := fmt.Sprintf("21260000000%d", i)
		parts, alphabet := gsm.Split(body, gsm.Options{Ref: uint16(i + 1)})
		for _, p := range parts {
			m := sms(number, "")
			m.DataCoding, m.Payload = alphabet.DataCoding(), append(append([]byte(nil), p.UDH...), p.Payload...)
			if len(p.UDH) > 0 {
				m.ESMClass = smpp.ESMClassUDHI
			}
			w.write(t, m, w.next())
		}
		until(t, fmt.Sprintf("%.10q is answered", body), func() bool { return len(w.heard(number)) > 0 })
	}
	w.settled(t)
	for i := range 9 {
		if got := w.heard(fmt.Sprintf("21260000000%d", i)); len(got) != 1 || got[0] == "" {
			t.Errorf("text %d was answered with %q", i, got)
		}
	}
	if n := w.count(t, `select count(*) from inbox where state <> 'done'`); n != 0 {
		t.Errorf("%d texts are not done", n)
	}
	w.holds(t, untouched())
}

// TestPDUCutShort: what can't be read is refused, and the link goes on.
func TestPDUCutShort(t *testing.T) {
	t.Parallel()
	w := newSite(t, "", nil)
	const number = "212600000001"
	whole, err := smpp.AppendMessage(nil, w.next(), new(sms(number, "AIDE")))
	if err != nil {
		t.Fatal(err)
	}
	link := w.link()
	for _, n := range []int{16, 17, 25, len(whole) - 3} {
		cut := append([]byte(nil), whole[:n]...)
		binary.BigEndian.PutUint32(cut, uint32(n))
		seq := w.next()
		binary.BigEndian.PutUint32(cut[12:], seq)
		if _, err := link.Write(cut); err != nil {
			t.Fatal(err)
		}
		until(t, "the cut PDU is refused", func() bool { return len(w.acked(seq)) == 1 })
		if got := w.acked(seq)[0]; got == smpp.StatusOK {
			t.Errorf("a deliver_sm of %d octets was accepted", n)
		}
	}
	w.write(t, sms(number, "AIDE"), w.next())
	until(t, "the text after them is answered", func() bool { return len(w.heard(number)) == 1 })
	if w.link() != link {
		t.Error("the link was dropped")
	}
	if n := w.count(t, `select count(*) from inbox`); n != 1 {
		t.Errorf("%d texts are stored", n)
	}
}

// TestBadLineOfCSV: it is named with its number, the others are taken.
func TestBadLineOfCSV(t *testing.T) {
	t.Parallel()
	w := newSite(t, "", nil)
	before := w.count(t, `select count(*) from detainee`)
	const file = `source_key,event,at,detention_no,name_latin,name_ar,birth_date,sex,establishment,sector,category,legal_status
k-1,admitted,2027-02-01T09:00:00Z,49001,Adil Sample,عادل,1990-01-01,m,AINS,B1,A,convicted
k-2,admitted,2027-02-30T09:00:00Z,49002,Omar Sample,عمر,1990-01-01,m,AINS,B1,A,convicted
k-3,admitted,2027-02-01T09:00:00Z,49003,Said Sample,سعيد,1990-01-01,m,NOWHERE,B1,A,convicted
k-4,admitted,"2027-02-01T09:00:00Z,49004
k-5,admitted,2027-02-01T09:00:00Z,49005,Hadi Sample,هادي,1990-01-01,m,AINS,B1,A,convicted
`
	cmd := casework.Command{Actor: casework.Actor{Kind: casework.System, Role: "import"}, Channel: "system", Key: "import/bad", Verb: "register.import"}
	report, err := w.app.register.Import(t.Context(), cmd, establishment.Source{Name: "test", Country: "MA"}, strings.NewReader(file), nil)
	if err != nil {
		t.Fatal(err)
	}
	var lines []int
	for _, l := range report.Refused {
		lines = append(lines, l.No)
		for _, lang := range text.Staff() {
			if w.app.texts.Write(lang, l.Why) == string(l.Why.Key) {
				t.Errorf("line %d: no sentence in %s for %s", l.No, lang, l.Why.Key)
			}
		}
	}
	if report.Accepted != 2 || fmt.Sprint(lines) != "[3 4 5]" {
		t.Errorf("%d lines taken, refused %v", report.Accepted, lines)
	}
	if n := w.count(t, `select count(*) from detainee`) - before; n != 2 {
		t.Errorf("%d more people in the register", n)
	}
}

// TestTakenAddress: whoever starts a second process on one machine is told
// which setting to change.
func TestTakenAddress(t *testing.T) {
	t.Parallel()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	for _, setting := range []string{"WASL_HTTP_ADDR", "WASL_METRICS_ADDR"} {
		l := &listener{name: "test", addr: ln.Addr().String(), setting: setting, log: logOf(t)}
		if err := l.start(t.Context()); err == nil || !strings.Contains(err.Error(), "set "+setting+" to an address that is free") {
			t.Errorf("%s: %v", setting, err)
		}
	}
}

// TestSettingsThatContradict stop the start with a sentence that says what to change.
func TestSettingsThatContradict(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "cert.pem")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	good := Settings{HTTPAddr: "localhost:8080", KeepTexts: 13}
	if err := good.check(); err != nil {
		t.Errorf("settings that agree: %v", err)
	}
	for want, change := range map[string]func(*Settings){
		"set both, or neither":              func(s *Settings) { s.TLSCert = file },
		"write it as host:port":             func(s *Settings) { s.HTTPAddr = "8080" },
		"WASL_METRICS_ADDR is":              func(s *Settings) { s.MetricsAddr = "9090" },
		"give the metrics another port":     func(s *Settings) { s.MetricsAddr = s.HTTPAddr },
		"must begin with postgres://":       func(s *Settings) { s.DatabaseURL = "mysql://db/wasl" },
		"must begin with redis://":          func(s *Settings) { s.RedisURL = "redis://a:6379,cache:6379" },
		"WASL_OPERATORS names /no/such":     func(s *Settings) { s.Operators = "/no/such/operators.toml" },
		"WASL_KEYS names /no/such/keys.txt": func(s *Settings) { s.Keys = "/no/such/keys.txt" },
	} {
		s := good
		change(&s)
		if err := s.check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q in %v", want, err)
		}
	}
	for _, args := range [][]string{
		{"serve", "--no-such-setting"},
		{"bench", "ussd", "--database-url", "postgres://db/wasl"},
		{"serve", "--roles", "gateway"},
		{"serve", "--roles", "chef"},
	} {
		if err := execute(context.Background(), args); err == nil {
			t.Errorf("%v was taken", args)
		}
	}
}
