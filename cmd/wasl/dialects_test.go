package main

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/gateway"
	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/ussd"
)

// carrier is how one operator's gateway carries a dialogue: what it puts into
// its messages, and what it looks at in ours. count is the how manieth message
// of the session it is.
type carrier struct {
	dialect string
	fields  func(m *smpp.ShortMessage, session byte, count int)
	begin   func(m *smpp.ShortMessage) // where the code stands
	noOps   bool                       // tells by the text alone what a message is
	unnamed bool                       // names no session, or the same one again
}

func textHoldsCode(m *smpp.ShortMessage) { m.Dest.Addr, m.Payload = "369", []byte("*369#") }

func named(first, second byte) func(*smpp.ShortMessage, byte, int) {
	return func(m *smpp.ShortMessage, session byte, count int) {
		m.TLVs.Set(smpp.TagITSSessionInfo, []byte{first + session, second * byte(count)})
	}
}

func carriers() []carrier {
	reference := func(high byte, each byte) func(*smpp.ShortMessage, byte, int) {
		return func(m *smpp.ShortMessage, session byte, _ int) {
			m.TLVs.Set(smpp.TagUserMessageReference, []byte{high, each * session})
		}
	}
	destHoldsCode := func(m *smpp.ShortMessage) { m.Dest.Addr, m.Payload = "*369#", nil }
	return []carrier{
		{dialect: "spec", fields: named(0x20, 2), begin: textHoldsCode},
		// An operator whose octet 2 is not what the specification says.
		{dialect: "spec", fields: named(0x40, 0xFA), begin: textHoldsCode},
		{dialect: "six-dee", fields: named(0x60, 0), begin: textHoldsCode},
		{dialect: "tata", fields: named(0x80, 0), begin: destHoldsCode},
		{dialect: "mica", fields: reference(0, 1), begin: textHoldsCode},
		{dialect: "mica", fields: reference(0x42, 0), begin: destHoldsCode, unnamed: true},
		{dialect: "huawei-msisdn", fields: func(*smpp.ShortMessage, byte, int) {}, begin: textHoldsCode, noOps: true, unnamed: true},
	}
}

// carried is one phone on one operator of a running program.
type carried struct {
	t *testing.T
	*site
	carrier
	net      *network
	operator string
	number   string
	session  byte
	count    int
}

func (c *carried) message(op ussd.Op, input string) smpp.ShortMessage {
	m := sms(c.number, input)
	m.ServiceType, m.Dest.Addr = "USSD", "369"
	if op == ussd.OpPSSRIndication {
		c.begin(&m)
	}
	if !c.noOps || op == ussd.OpAbort {
		m.TLVs.Set(smpp.TagUSSDServiceOp, []byte{byte(op)})
	}
	c.fields(&m, c.session, c.count)
	return m
}

// twice delivers a message that the operator delivers again, and gives the page
// that came both times; the end is marked by a line below the text.
func (c *carried) twice(op ussd.Op, input string) string {
	c.t.Helper()
	c.clock.forward(5 * time.Second)
	before := len(c.net.seen(c.number))
	seq := c.net.next()
	c.net.write(c.t, c.message(op, input), seq, seq)
	until(c.t, "both copies are answered", func() bool { return len(c.net.seen(c.number)) >= before+2 })
	got := c.net.seen(c.number)[before:]
	if len(got) != 2 || got[0] != got[1] {
		c.t.Fatalf("%q was answered with\n%+v", input, got)
	}
	if got[0].end {
		return got[0].text + "\nend"
	}
	return got[0].text
}

func (c *carried) dial() string {
	c.t.Helper()
	c.session++
	c.count = 0
	return c.twice(ussd.OpPSSRIndication, "")
}

func (c *carried) answer(input string) string {
	c.t.Helper()
	c.count++
	return c.twice(ussd.OpUSSRConfirm, input)
}

// TestDialects runs the conversation of the HTTP formats over every shipped
// dialect: a real link, the whole program, each message delivered twice.
func TestDialects(t *testing.T) { //nolint:tparallel // dialects take turns: accounts are counted, and the clock is one
	t.Parallel()
	w := closedSite(t, "", nil)
	w.s.Limits.Deadline = 15 * time.Second // what is said is tested here, not how soon
	all := carriers()
	for _, d := range ussd.Shipped() {
		if !slices.ContainsFunc(all, func(c carrier) bool { return c.dialect == d.Name }) {
			t.Errorf("no conversation runs over %s", d.Name)
		}
	}
	var phones []*carried
	for i, c := range all {
		n := newNetwork(t)
		ops, err := gateway.ParseOperators(fmt.Sprintf(`
[[operator]]
name = "%s-%d"
prefixes = ["+212612346%d"]
short_codes = ["3690"]
ussd_codes = ["*369#"]
[[operator.bind]]
address = %q
[operator.ussd]
dialect = %[1]q
reply_deadline = "20s"
octets = { first = 100, next = 100 }
`, c.dialect, i, i, n.addr), w.s.DataDir)
		if err != nil {
			t.Fatal(err)
		}
		w.ops = append(w.ops, ops...)
		phones = append(phones, &carried{site: w, carrier: c, net: n, operator: ops[0].Name, number: fmt.Sprintf("212612346%d77", i)})
	}
	w.open(t)
	for i, c := range phones {
		t.Run(fmt.Sprintf("%s-%d", c.dialect, i), func(t *testing.T) {
			c.t = t
			c.converse()
		})
	}
}

func (c *carried) converse() {
	t := c.t
	t.Helper()
	c.registers(t, c, "CE"+c.number[6:])

	expect(t, c.dial(), "Tapez votre code secret")
	c.hangUp()
	expect(t, c.dial(), "Tapez votre code secret")
	c.answer("4826")
	expect(t, c.dial(), "Tapez votre code secret") // the session before was never ended
	if !c.unnamed {
		session, count := c.session, c.count
		c.session, c.count = session-1, 2
		expect(t, c.answer("1"), "Recomposez le code", "end")
		c.session, c.count = session, count
	}
	expect(t, c.answer("4826"), "98")
}

// hangUp is the network's word that the session is over: no page follows, and
// it is counted.
func (c *carried) hangUp() {
	c.t.Helper()
	c.count++
	before, pages := c.dropped(), len(c.net.seen(c.number))
	seq := c.net.next()
	c.net.write(c.t, c.message(ussd.OpAbort, ""), seq, seq)
	until(c.t, "it is acknowledged", func() bool { return len(c.net.acked(seq)) == 2 })
	until(c.t, "it is counted", func() bool { return c.dropped() > before })
	if got := c.dropped(); got != before+1 {
		c.t.Errorf("%v sessions dropped", got-before)
	}
	if got := c.net.seen(c.number)[pages:]; len(got) > 0 {
		c.t.Errorf("a page followed: %+v", got)
	}
}

func (c *carried) dropped() float64 { return c.endings(c.t, c.operator, "dropped") }
