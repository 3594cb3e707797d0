package main

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/ussd"
)

// repeat is how an operator sends a message twice: at once or a second later,
// under the sequence number of the first time or another.
type repeat struct {
	name      string
	later     bool
	otherSeqs bool
}

func repeats() []repeat {
	return []repeat{
		{"same number at once", false, false},
		{"other number at once", false, true},
		{"same number later", true, false},
		{"other number later", true, true},
	}
}

// caller is a person whose operator sends everything twice.
type caller struct {
	*site
	repeat
	number string
}

// twice sends a message and its copy, and waits until both are answered for.
func (c caller) twice(t *testing.T, m smpp.ShortMessage, answered func(n int) bool) {
	t.Helper()
	first := c.next()
	second := first
	if c.otherSeqs {
		second = c.next()
	}
	if c.later {
		c.write(t, m, first)
		until(t, "the first copy is answered", func() bool { return answered(1) })
		c.clock.forward(time.Second)
		c.write(t, m, second)
	} else {
		c.write(t, m, first, second)
	}
	until(t, "both copies are answered", func() bool { return answered(2) })
	want := map[uint32]int{first: 1}
	want[second]++
	for seq, n := range want {
		until(t, "the operator is told", func() bool { return len(c.acked(seq)) == n })
		if got := c.acked(seq); slices.Max(got) != smpp.StatusOK {
			t.Errorf("a copy was refused: %v", got)
		}
	}
	c.clock.forward(4 * time.Second) // a person takes that long to read
}

// key takes one step of a dialogue and gives the page that came, twice.
func (c caller) key(t *testing.T, input string) string {
	t.Helper()
	m := c.step(c.number, ussd.OpUSSRConfirm, input)
	if input == dialCode {
		m = c.dial(c.number, dialCode)
	}
	before := len(c.seen(c.number))
	c.twice(t, m, func(n int) bool { return len(c.seen(c.number)) >= before+n })
	got := c.seen(c.number)[before:]
	if len(got) != 2 || got[0] != got[1] {
		t.Fatalf("%q was answered with\n%+v", input, got)
	}
	return got[0].text
}

// keys takes the steps of a whole dialogue, which must then be over.
func (c caller) keys(t *testing.T, inputs ...string) {
	t.Helper()
	for _, in := range inputs {
		t.Logf("> %s\n%s", in, c.key(t, in))
	}
	if all := c.seen(c.number); !all[len(all)-1].end {
		t.Fatalf("the dialogue goes on after %q", inputs)
	}
}

// say sends texts, each of which brings one.
func (c caller) say(t *testing.T, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		before := len(c.heard(c.number))
		c.twice(t, sms(c.number, body), func(int) bool { return len(c.heard(c.number)) > before })
		got := c.heard(c.number)[before:]
		t.Logf("> %s\n%s", body, got)
		if len(got) != 1 {
			t.Fatalf("%q was answered %d times", body, len(got))
		}
	}
}

// TestEverythingTwiceByUSSD goes through a family's whole errand while the
// operator sends each step twice: every copy gets the same page, and every act
// is done once.
func TestEverythingTwiceByUSSD(t *testing.T) { //nolint:tparallel // the sums below count what every way of repeating left
	t.Parallel()
	w := newSite(t, "", nil)
	for i, r := range repeats() {
		c := caller{w, r, fmt.Sprintf("21260000000%d", i)}
		t.Run(r.name, func(t *testing.T) {
			c.keys(t, dialCode, "2", "1", "1", "1", fmt.Sprintf("AB12345%d", i), "05031985", pin, pin)
			c.keys(t, dialCode, pin, "3", "41207", "1", "1", "9", "2", "9")
			w.world().decide(t, c.newest(t, "permit_request"), true)
			c.keys(t, dialCode, pin, "1", "1", "1")
			c.keys(t, dialCode, pin, "2", "1", "2", "1")
			c.keys(t, dialCode, pin, "2", "2", "1")
		})
	}
	n := len(repeats())
	w.settled(t)
	w.holds(t, map[string]int{
		"account": n, "permit_request": n, "permit": n, "visit SUPERSEDED": n, "visit CANCELLED_FAMILY": n,
		"sms account.registered": n, "sms permit.received": n, "sms permit.granted": n, "sms visit.sms.booked": n,
		"sms visit.sms.moved": n, "sms visit.sms.cancelled": n,
	})
	sound(t, w.st.db)
}

// TestEverythingTwiceByText is the same by text: one answer to each pair.
func TestEverythingTwiceByText(t *testing.T) { //nolint:tparallel // the sums below count what every way of repeating left
	t.Parallel()
	w := newSite(t, "", nil)
	for i, r := range repeats() {
		c := caller{w, r, fmt.Sprintf("21260000000%d", i)}
		t.Run(r.name, func(t *testing.T) {
			w.world().family(t, "+"+c.number, text.French, fmt.Sprintf("AB12345%d", i))
			c.say(t, "PERMIS 41207", pin, "1", "2", "9", "2", "9")
			w.world().decide(t, c.newest(t, "permit_request"), true)
			until(t, "the permit is told", func() bool { return len(c.heard(c.number)) == 8 })
			c.say(t, "RDV", pin, "1", "1")
			c.say(t, "ANNULER "+w.world().newest(t, "visit"), "1")
		})
	}
	n := len(repeats())
	w.settled(t)
	w.holds(t, map[string]int{
		"account": n, "permit_request": n, "permit": n, "visit CANCELLED_FAMILY": n,
		"sms permit.received": n, "sms permit.granted": n, "sms visit.sms.booked": n, "sms visit.sms.cancelled": n,
	})
	sound(t, w.st.db)
}

// newest gives the id of a table's last row.
func (c caller) newest(t *testing.T, table string) int64 {
	t.Helper()
	return int64(c.count(t, "select max(id) from "+table))
}

// settled waits until nothing is on its way in or out.
func (w *site) settled(t *testing.T) {
	t.Helper()
	until(t, "nothing is on its way", func() bool {
		return w.count(t, `select (select count(*) from inbox where state in ('waiting', 'claimed')) +
			(select count(*) from message_part where state in ('queued', 'in_doubt'))`) == 0
	})
}

// holds compares what the database has come to hold: cases by their state,
// and texts by their key, but for questions.
func (w *site) holds(t *testing.T, want map[string]int) {
	t.Helper()
	rows, err := w.st.db.Query(t.Context(), `
		select 'account', count(*) from account union all
		select 'permit_request', count(*) from permit_request union all
		select 'permit', count(*) from permit union all
		select 'visit ' || state, count(*) from case_file where machine = 'visit' group by state union all
		select 'sms ' || text_key, count(*) from message
			where text_key !~ 'ask|^dialog' group by text_key`)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	var what string
	var n int
	if _, err := pgx.ForEachRow(rows, []any{&what, &n}, func() error { got[what] = n; return nil }); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
