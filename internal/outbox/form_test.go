package outbox_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/outbox"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/run/runtest"
	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/smpp/gsm"
)

func TestFormsOfALongText(t *testing.T) {
	t.Parallel()
	latin, arabic := strings.Repeat("0123456789", 31), strings.Repeat("مرحبا بكم ", 15) // 310 septets, 150 units
	for _, c := range []struct {
		form   outbox.Form
		header int
		latin  []int // octets of each part
		arabic []int
	}{
		{"", 6, []int{153, 153, 4}, []int{134, 134, 30}},
		{outbox.UDH8, 6, []int{153, 153, 4}, []int{134, 134, 30}},
		{outbox.UDH16, 7, []int{152, 152, 6}, []int{132, 132, 34}},
		{outbox.SAR, 0, []int{152, 152, 6}, []int{132, 132, 34}},
		{outbox.Payload, 0, []int{310}, []int{298}},
	} {
		t.Run(fmt.Sprint("form ", c.form), func(t *testing.T) {
			t.Parallel()
			f := setUp(t, nil)
			f.manner.Form = c.form
			one, other := told(1, message.Decision), told(2, message.Information)
			one.Body, other.Body = private.NewBody(latin), private.NewBody(arabic)
			f.enqueue(t, one, other, told(3, message.Campaign))
			f.manner.Form = "" // what was promised keeps its form
			op := &operator{answer: accept}
			f.serve(t, north, op)
			want := append(append([]int{}, c.latin...), append(c.arabic, len("permit.granted fr 3"))...)
			runtest.Eventually(t, "all parts are accepted", func() bool { return f.states(t)["accepted"] == len(want) })
			op.mu.Lock()
			defer op.mu.Unlock()
			for i, p := range op.ledger {
				total := []int{len(c.latin), len(c.arabic), 1}[int(p.Class)-3]
				if len(p.Payload) != want[i] || int(p.Total) != total || total == 1 && p.No != 1 {
					t.Errorf("part %d has %d octets and is %d of %d", i+1, len(p.Payload), p.No, p.Total)
				}
				switch {
				case total == 1 || c.header == 0:
					if p.UDH != nil {
						t.Errorf("part %d has header % x", i+1, p.UDH)
					}
				case len(p.UDH) != c.header || p.UDH[c.header-2] != p.Total || p.UDH[c.header-1] != p.No || p.UDH[c.header-3] != byte(p.Ref):
					t.Errorf("part %d of %d, reference %x, has header % x", p.No, p.Total, p.Ref, p.UDH)
				}
			}
		})
	}
}

// Two parts to one phone whose answers were lost are told apart by what the
// operator echoes.
func TestReferencesDiffer(t *testing.T) {
	t.Parallel()
	f := setUp(t, nil)
	var list []message.Outbound
	for range 40 {
		long := told(1, message.Decision)
		long.Body = private.NewBody(strings.Repeat("0123456789", 100))
		list = append(list, long, told(1, message.Decision))
	}
	f.enqueue(t, list...)
	op := &operator{answer: silent}
	wide := north
	wide.Window = 1000
	f.serve(t, wide, op)
	runtest.Eventually(t, "all parts are written", func() bool { return op.count() == 40*8 })
	seen := map[uint16]bool{}
	op.mu.Lock()
	defer op.mu.Unlock()
	for _, p := range op.ledger {
		if seen[p.Reference] {
			t.Errorf("reference %d of part %d is used twice", p.Reference, p.ID)
		}
		seen[p.Reference] = true
	}
}

// letters writes Arabic in Arabic, and everything else in Latin letters but
// for names.
type letters struct{}

func (letters) Write(l text.Lang, line text.Line) string {
	if l == text.Arabic {
		return "قبل طلبكم"
	}
	return fmt.Sprint(line.Key, " ", l, " ", line.Params["name"])
}

func TestOperatorWithoutUCS2(t *testing.T) {
	t.Parallel()
	f := setUp(t, nil)
	f.manner.NoUCS2 = true
	f.texts = letters{}
	f.Outbox = f.another(nil)
	send := func(l text.Lang, body, name string) message.Outbound {
		return message.Outbound{To: number(1), Lang: l, Line: text.L("granted", text.Params{"name": name}), Body: private.NewBody(body)}
	}
	f.enqueue(t,
		send(text.Arabic, "", "Ali"),
		send(text.Arabic, "", "علي"), // the name has no other letters
		send(text.French, "", "Zoë"),
		send(text.French, "été à 8 h", ""),
		send(text.Arabic, "كلام حر", ""),
	)
	rows, err := f.db.Query(t.Context(), `select m.lang || ' ' || p.state || ' ' || coalesce(p.reason, '')
		from message m join message_part p on p.message_id = m.id order by m.id`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"ary queued ", "ar refused alphabet", "fr queued ", "fr queued ", "ar refused alphabet"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	op := &operator{answer: accept}
	f.serve(t, north, op)
	runtest.Eventually(t, "what can be sent is", func() bool { return f.states(t)["accepted"] == 3 })
	op.mu.Lock()
	defer op.mu.Unlock()
	for _, p := range op.ledger {
		if p.Alphabet != gsm.GSM7 {
			t.Errorf("%q went in %v", p.Payload, p.Alphabet)
		}
	}
	if said := gsm.DecodeGSM7(op.ledger[0].Payload); said != "granted ary Ali" {
		t.Errorf("instead of Arabic: %q", said)
	}
}
