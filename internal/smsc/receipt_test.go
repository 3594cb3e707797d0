package smsc_test

import (
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wasl-sms/wasl/internal/smsc"
	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/smpptest"
)

// receiptOf submits a text and returns the id of its answer and the receipt.
func receiptOf(t *testing.T, a *application) (id string, m smpp.ShortMessage) {
	t.Helper()
	r, err := a.Submit(soon(t), one("x"))
	if err != nil {
		t.Fatal(err)
	}
	return r.MessageID, a.next(t)
}

func TestFormsOfMessageIDs(t *testing.T) {
	t.Parallel()
	read := map[string]func(string) (uint64, error){
		"dec": func(s string) (uint64, error) { return strconv.ParseUint(s, 10, 64) },
		"hex": func(s string) (uint64, error) { return strconv.ParseUint(s, 16, 64) },
	}
	for faults, forms := range map[string][2]string{
		"":                      {"dec", "dec"},
		"receipt-id=hex":        {"dec", "hex"},
		"id=hex receipt-id=dec": {"hex", "dec"},
		"id=hex receipt-id=HEX": {"hex", "hex"},
		"receipt-id=zeros":      {"dec", "dec"},
	} {
		inTime(t, faults, func(t *testing.T, _ *smsc.SMSC, w *smpptest.Wire) {
			id, m := receiptOf(t, bind(t, "", &application{dial: w.Dial}))
			r, ok := smpp.ParseReceipt(m)
			if !ok {
				t.Fatalf("%q: no receipt", faults)
			}
			want, err1 := read[forms[0]](id)
			got, err2 := read[forms[1]](r.ID)
			if err1 != nil || err2 != nil || got != want {
				t.Errorf("%q: answered %s, receipt %s", faults, id, r.ID)
			}
			if same := id == r.ID; same != (faults == "") {
				t.Errorf("%q: answered %s, receipt %s", faults, id, r.ID)
			}
		})
	}
}

func TestFormsOfReceipts(t *testing.T) {
	t.Parallel()
	type form struct{ class, tlvs, text, dates bool }
	for name, want := range map[string]form{
		"both": {class: true, tlvs: true, text: true, dates: true}, "tlv": {class: true, tlvs: true},
		"text": {class: true, text: true, dates: true}, "bare": {class: true, text: true},
		"unmarked": {text: true, dates: true},
	} {
		inTime(t, "receipt-form="+name, func(t *testing.T, _ *smsc.SMSC, w *smpptest.Wire) {
			id, m := receiptOf(t, bind(t, "", &application{dial: w.Dial}))
			tlv, has := m.TLVs.Text(smpp.TagReceiptedMessageID)
			r, read := smpp.ParseReceiptText(string(m.Payload))
			got := form{m.ESMClass == smpp.ESMClassReceipt, has && tlv == id, read && r.ID == id, !r.Done.IsZero()}
			if d := cmp.Diff(want, got, cmp.AllowUnexported(form{})); d != "" {
				t.Errorf("%s:\n%s", name, d)
			}
		})
	}
}

// states lists what n receipts say, in the order they come.
func states(t *testing.T, a *application, n int) (ids, words []string) {
	t.Helper()
	for range n {
		r, ok := smpp.ParseReceipt(a.next(t))
		if !ok {
			t.Fatal("no receipt")
		}
		ids, words = append(ids, r.ID), append(words, r.State.String())
	}
	return ids, words
}

func submitted(t *testing.T, a *application, n int) (ids []string) {
	t.Helper()
	for range n {
		r, err := a.Submit(soon(t), one("x"))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, r.MessageID)
	}
	return ids
}

func TestReceiptsTwiceInReverseAndLate(t *testing.T) {
	t.Parallel()
	inTime(t, "receipt-twice=1", func(t *testing.T, _ *smsc.SMSC, w *smpptest.Wire) {
		a := bind(t, "", &application{dial: w.Dial})
		id := submitted(t, a, 1)[0]
		if got, _ := states(t, a, 2); got[0] != id || got[1] != id {
			t.Errorf("twice: %v of %s", got, id)
		}
	})
	inTime(t, "receipt-reverse=3", func(t *testing.T, s *smsc.SMSC, w *smpptest.Wire) {
		a := bind(t, "", &application{dial: w.Dial})
		want := submitted(t, a, 5)
		got, _ := states(t, a, 3)
		if slices.Reverse(got); !slices.Equal(got, want[:3]) {
			t.Errorf("reverse: %v of %v", got, want)
		}
		s.Behave() // what is still gathered goes out too
		got, _ = states(t, a, 2)
		if slices.Reverse(got); !slices.Equal(got, want[3:]) {
			t.Errorf("the rest: %v of %v", got, want)
		}
	})
	inTime(t, "late-enroute", func(t *testing.T, _ *smsc.SMSC, w *smpptest.Wire) {
		a := bind(t, "", &application{dial: w.Dial})
		submitted(t, a, 1)
		if _, words := states(t, a, 2); words[0] != "DELIVRD" || words[1] != "ENROUTE" {
			t.Errorf("got %v", words)
		}
	})
	inTime(t, "receipt-delay=1h..3h", func(t *testing.T, _ *smsc.SMSC, w *smpptest.Wire) {
		a := bind(t, "", &application{dial: w.Dial})
		begun := time.Now()
		submitted(t, a, 1)
		r := <-a.got
		if took := time.Since(begun); !r.IsReceipt() || took < time.Hour || took > 3*time.Hour {
			t.Errorf("a receipt (%v) after %v", r.IsReceipt(), took)
		}
	})
	inTime(t, "no-receipts", func(t *testing.T, _ *smsc.SMSC, w *smpptest.Wire) {
		a := bind(t, "", &application{dial: w.Dial})
		submitted(t, a, 3)
		synctest.Wait()
		if len(a.got) != 0 {
			t.Errorf("%d receipts", len(a.got))
		}
	})
}

func TestUndelivered(t *testing.T) {
	t.Parallel()
	inTime(t, "undelivered=034:1", func(t *testing.T, s *smsc.SMSC, w *smpptest.Wire) {
		a := bind(t, "", &application{dial: w.Dial})
		_, m := receiptOf(t, a)
		if r, ok := smpp.ParseReceipt(m); !ok || r.State != smpp.MessageUndeliverable || r.Err != "034" {
			t.Errorf("got %v %s", r.State, r.Err)
		}
		if n := len(s.Inbox(sim)); n != 0 {
			t.Errorf("%d messages on the handset", n)
		}
		_, m = receiptOf(t, a)
		if r, ok := smpp.ParseReceipt(m); !ok || r.State != smpp.MessageDelivered || len(s.Inbox(sim)) != 1 {
			t.Errorf("the next: %v, %d messages", r.State, len(s.Inbox(sim)))
		}
	})
}

func TestWhichBindReceiptsTake(t *testing.T) {
	t.Parallel()
	for by, want := range map[string][2]int{"same": {6, 0}, "other": {0, 6}, "any": {3, 3}} {
		inTime(t, "receipt-first receipt-bind="+by, func(t *testing.T, _ *smsc.SMSC, w *smpptest.Wire) {
			a := bind(t, "", &application{dial: w.Dial})
			b := bind(t, "", &application{dial: w.Dial})
			submitted(t, a, 6)
			if got := [2]int{len(a.got), len(b.got)}; got != want {
				t.Errorf("%s: %v receipts on the bind that submitted and on the other, want %v", by, got, want)
			}
		})
	}
	// Where there is no other bind, the same one has to do.
	inTime(t, "receipt-first receipt-bind=other", func(t *testing.T, _ *smsc.SMSC, w *smpptest.Wire) {
		a := bind(t, "", &application{dial: w.Dial})
		submitted(t, a, 1)
		if len(a.got) != 1 {
			t.Errorf("%d receipts", len(a.got))
		}
	})
}

func TestEchoedReference(t *testing.T) {
	t.Parallel()
	inTime(t, "echo-reference", func(t *testing.T, _ *smsc.SMSC, w *smpptest.Wire) {
		a := bind(t, "", &application{dial: w.Dial})
		m := one("x")
		m.TLVs.SetUint16(smpp.TagUserMessageReference, 4711)
		if _, err := a.Submit(soon(t), m); err != nil {
			t.Fatal(err)
		}
		got := a.next(t)
		if ref, ok := got.TLVs.Uint(smpp.TagUserMessageReference); !ok || ref != 4711 {
			t.Errorf("reference %d", ref)
		}
	})
}
