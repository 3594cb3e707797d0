package gateway_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/run/runtest"
	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/gsm"
)

// raw is a text of person n as octets.
func raw(n int, coding byte, payload ...byte) smpp.ShortMessage {
	m := says(n, "")
	m.DataCoding, m.Payload = coding, payload
	return m
}

// headed puts a user data header in front.
func headed(m smpp.ShortMessage, header ...byte) smpp.ShortMessage {
	m.ESMClass |= smpp.ESMClassUDHI
	m.Payload = append(header, m.Payload...)
	return m
}

func TestAlphabetsOfTextsIn(t *testing.T) {
	t.Parallel()
	long := says(9, strings.Repeat("Je demande une autorisation de visite. ", 130)) // 5 KB
	long.UsePayloadTLV = true
	for settings, cases := range map[string]map[string]struct {
		m    smpp.ShortMessage
		want string
	}{
		"": {
			"GSM-7":                        {raw(1, 0, 0x05, 'a', 0x00), "éa@"},
			"GSM-7 extension":              {raw(2, 0, 0x1B, 0x65, 0x1B, 0x3C, '1', 0x1B, 0x3E), "€[1]"},
			"GSM-7 unknown escape":         {raw(3, 0, 'A', 0x1B, 0x01, 'B'), "A B"},
			"GSM-7 that ends in an escape": {raw(4, 0, 'A', 'B', 0x1B), "AB"},
			"GSM-7 in a general group":     {raw(5, 0x11, 'A', 0x05), "Aé"},
			"Latin-1":                      {raw(6, 3, 'd', 0xE9, 'j', 0xE0), "déjà"},
			"Latin-1 under GSM-7":          {raw(7, 0, 'd', 0xE9, 'j', 0xE0), "déjà"},
			"UCS-2 with surrogates":        {raw(8, 8, 0x06, 0x46, 0xD8, 0x3D, 0xDE, 0x4F), "ن🙏"},
			"message_payload of 5 KB":      {long, strings.TrimSpace(string(long.Payload))},
			"UCS-2, half a surrogate":      {raw(10, 8, 0x06, 0x46, 0xD8, 0x3D), "ن\uFFFD"},
			"UCS-2 of odd length":          {raw(11, 8, 0x06, 0x46, 0x06), "ن\uFFFD"},
			"Turkish, single shift":        {headed(raw(12, 0, 0x1B, 'g'), 3, 0x24, 1, 1), "ğ"},
			"Urdu, locking shift":          {headed(raw(13, 0, 0x00), 3, 0x25, 1, 13), "ا"},
			"unknown header element":       {headed(raw(14, 0, 'O', 'K'), 3, 0x70, 1, 9), "OK"},
		},
		"alphabet = \"latin1\"\ncoding_gsm7 = 0": {
			"default alphabet is Latin-1": {raw(1, 0, 0xE9, '@', '_'), "é@_"},
			"UCS-2 all the same":          {raw(2, 8, 0x06, 0x46), "ن"},
		},
		"alphabet = \"ascii\"": {
			"ASCII":        {raw(1, 1, '@', '_'), "@_"},
			"GSM-7 beside": {raw(2, 0, 0x00, 0x11), "@_"},
		},
	} {
		t.Run(settings, func(t *testing.T) {
			t.Parallel()
			f := setUp(t, withBinds(settings, "one"))
			for name, c := range cases {
				if s := f.deliver(t, c.m); s != smpp.StatusOK {
					t.Errorf("%s: answered with %v", name, s)
				}
			}
			runtest.Eventually(t, "all are handed on", func() bool { return len(f.service.bodies()) == len(cases) })
			got := map[string]string{}
			for _, in := range f.service.got {
				got[in.From.Raw()] = strings.TrimSpace(in.Body.Raw())
			}
			for name, c := range cases {
				if g := got["+"+c.m.Source.Addr]; g != c.want {
					t.Errorf("%s: handed on %.60q, want %.60q", name, g, c.want)
				}
			}
		})
	}
}

// Parts are joined for each sender apart, on their number, and what can't be a
// part stands alone.
func TestHostileParts(t *testing.T) {
	t.Parallel()
	f := setUp(t, oneBind)
	part := func(n int, text string, header ...byte) smpp.ShortMessage {
		return headed(raw(n, 0, []byte(text)...), header...)
	}
	for i, m := range []smpp.ShortMessage{
		part(1, "one 2", 5, 0, 3, 9, 2, 2), part(2, "two 1", 5, 0, 3, 9, 2, 1), // the same reference
		part(2, "two 2", 5, 0, 3, 9, 2, 2), part(1, "one 1", 5, 0, 3, 9, 2, 1),
		part(3, "three 1", 6, 8, 4, 1, 9, 2, 1), part(3, "three 1", 6, 8, 4, 1, 9, 2, 1), // twice, 16-bit reference
		part(3, "never", 6, 8, 4, 2, 9, 2, 2), // another reference
		part(3, "three 2", 6, 8, 4, 1, 9, 2, 2),
		part(4, "beyond", 5, 0, 3, 9, 2, 3), part(5, "zero", 5, 0, 3, 9, 2, 0), part(6, "of none", 5, 0, 3, 9, 0, 1),
		part(7, "both", 10, 0, 3, 9, 1, 1, 0x24, 3, 1, 1, 1),
		headed(raw(8, 0), 200, 0, 3), // a header longer than the message
	} {
		if s := f.deliver(t, m); s != smpp.StatusOK {
			t.Errorf("message %d answered with %v", i, s)
		}
	}
	_ = f.deliver(t, says(20, "last"))
	wanted := []string{"one 1one 2", "two 1two 2", "three 1three 2", "beyond", "zero", "of none", "both", "last"}
	runtest.Eventually(t, "all are handed on", func() bool {
		got := f.service.bodies()
		return !slices.ContainsFunc(wanted, func(s string) bool { return !slices.Contains(got, s) })
	})
	got := f.service.bodies()
	for _, want := range wanted {
		if n := len(slices.DeleteFunc(slices.Clone(got), func(s string) bool { return s != want })); n != 1 {
			t.Errorf("%q handed on %d times", want, n)
		}
	}
	if slices.Contains(got, "never") {
		t.Error("half a text was handed on at once")
	}
}

func TestInboundTextIsAckedOnceCommitted(t *testing.T) {
	t.Parallel()
	f := setUp(t, oneBind)
	if s := f.deliver(t, says(1, "SUIVI 48213377")); s != smpp.StatusOK {
		t.Fatalf("answered with %v", s)
	}
	var n int
	if err := f.db.QueryRow(t.Context(), `select count(*) from inbox`).Scan(&n); err != nil || n != 1 {
		t.Fatalf("acknowledged with %d rows, %v", n, err)
	}
	if s := f.deliver(t, says(1, "SUIVI 48213377")); s != smpp.StatusOK {
		t.Fatalf("the repeat was answered with %v", s)
	}
	runtest.Eventually(t, "it is handed on", func() bool { return len(f.service.bodies()) == 1 })
	in := f.service.got[0]
	if in.From != number(1) || in.To != "3690" || in.Operator != "north" || in.Body.Raw() != "SUIVI 48213377" {
		t.Errorf("handed on %+v", in)
	}
}

func TestWaysOfALongTextIn(t *testing.T) {
	t.Parallel()
	body := strings.Repeat("Je demande une autorisation. ", 8)
	cut := func(wide, tlvs bool) []smpp.ShortMessage {
		parts, a := gsm.Split(body, gsm.Options{Ref: 300, Ref16: wide})
		var list []smpp.ShortMessage
		for i, p := range parts {
			m := says(1, "")
			m.DataCoding = a.DataCoding()
			m.Payload = p.Payload
			if tlvs {
				m.TLVs.SetSAR(300, uint8(len(parts)), uint8(i+1))
			} else {
				m.ESMClass = smpp.ESMClassUDHI
				m.Payload = append(p.UDH, p.Payload...)
			}
			list = append(list, m)
		}
		slices.Reverse(list)
		return list
	}
	whole := says(1, body)
	whole.UsePayloadTLV = true
	for name, list := range map[string][]smpp.ShortMessage{
		"8 bit header": cut(false, false), "16 bit header": cut(true, false), "sar parameters": cut(true, true),
		"message_payload": {whole},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setUp(t, oneBind)
			for _, m := range list {
				if s := f.deliver(t, m); s != smpp.StatusOK {
					t.Fatalf("answered with %v", s)
				}
			}
			runtest.Eventually(t, "it is handed on", func() bool { return len(f.service.bodies()) == 1 })
			if got := f.service.bodies()[0]; got != body {
				t.Errorf("handed on %q", got)
			}
		})
	}
}

func TestOddMessagesDoNoHarm(t *testing.T) {
	t.Parallel()
	f := setUp(t, oneBind)
	part0 := says(1, "")
	part0.ESMClass, part0.Payload = smpp.ESMClassUDHI, append([]byte{5, 0, 3, 9, 2, 0}, "part none"...)
	short := says(1, "")
	short.ESMClass, short.Payload = smpp.ESMClassUDHI, []byte{9, 0, 3}
	machine := says(1, "auto-reply")
	machine.Source = smpp.Address{TON: 5, Addr: "BANK"}
	binary := says(1, "")
	binary.DataCoding, binary.Payload = 0x04, []byte{1, 2, 3}
	unreadable := receiptFor(says(1, ""), "", "")
	unreadable.Payload = []byte("nothing of use")
	orphan := receiptFor(says(1, ""), "999", "DELIVRD")
	empty := says(1, "")
	empty.Payload = nil
	for i, m := range []smpp.ShortMessage{part0, short, machine, binary, unreadable, orphan, empty} {
		if s := f.deliver(t, m); s != smpp.StatusOK {
			t.Errorf("message %d answered with %v", i, s)
		}
	}
	_ = f.deliver(t, says(2, "RDV"))
	runtest.Eventually(t, "the next text is handed on", func() bool { return slices.Contains(f.service.bodies(), "RDV") })
	if !slices.Contains(f.service.bodies(), "part none") || slices.Contains(f.service.bodies(), "auto-reply") {
		t.Errorf("handed on %q", f.service.bodies())
	}
}

// With the inbox locked, texts are refused for now and the link lives on.
func TestASlowDatabaseRefusesForNow(t *testing.T) {
	t.Parallel()
	f := setUp(t, oneBind)
	err := f.db.InTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `lock table inbox, receipt, message_part in access exclusive mode`); err != nil {
			return err
		}
		f.mu.Lock()
		s := f.links[0]
		f.mu.Unlock()
		late := make(chan error, 1)
		m := says(1, "RDV")
		m.Command = smpp.DeliverSM
		if err := s.SubmitAsync(ctx, m, func(_ smpp.SubmitResult, err error) { late <- err }); err != nil {
			return err
		}
		f.mu.Lock()
		f.seen = nil
		f.mu.Unlock()
		enquire(t, f)
		if err := <-late; !errors.Is(err, smpp.ErrRxTAppn) {
			t.Errorf("answered with %v", err)
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		if i, j := slices.Index(f.seen, smpp.EnquireLinkResp), slices.Index(f.seen, smpp.DeliverSMResp); i < 0 || j < i {
			t.Errorf("answers came as %v", f.seen)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if s := f.deliver(t, says(1, "RDV")); s != smpp.StatusOK { // the operator tries again
		t.Fatalf("answered with %v", s)
	}
	runtest.Eventually(t, "it is handed on once", func() bool { return cmp.Equal(f.service.bodies(), []string{"RDV"}) })
}
