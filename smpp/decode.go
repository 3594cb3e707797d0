package smpp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// decoder makes room for the strings and optional parameters of many PDUs at
// a time, so that none needs an allocation of its own beyond its text. What it
// has handed out it never touches again; a string that is kept keeps its block.
type decoder struct {
	octets, atOnce int // to make room for at a time
	text           strings.Builder
	tlvs           TLVs
}

// forOne has room for the short strings of one PDU.
func forOne() *decoder { return &decoder{octets: 64} }

// forMany has room for those of some hundred.
func forMany() *decoder { return &decoder{octets: 4096, atOnce: 64} }

func (d *decoder) string(b []byte) string {
	if d.text.Cap()-d.text.Len() < len(b) {
		d.text.Reset()
		d.text.Grow(max(d.octets, len(b)))
	}
	start := d.text.Len()
	_, _ = d.text.Write(b)
	return d.text.String()[start:]
}

// list is empty and has room for n.
func (d *decoder) list(n int) TLVs {
	if len(d.tlvs) < n {
		d.tlvs = make(TLVs, max(d.atOnce, n))
	}
	l := d.tlvs[:0:n]
	d.tlvs = d.tlvs[n:]
	return l
}

// cursor reads the fields of a body; after the first error it yields zeros.
type cursor struct {
	d   *decoder
	b   []byte
	pos int
	err error
}

func newCursor(body []byte) cursor { return cursor{d: forOne(), b: body} }

func (c *cursor) octet(name string) uint8 {
	if c.err != nil {
		return 0
	}
	if c.pos >= len(c.b) {
		c.err = &FieldError{name, "is missing", ErrInvCmdLen}
		return 0
	}
	c.pos++
	return c.b[c.pos-1]
}

func (c *cursor) cstring(f field) string {
	if c.err != nil {
		return ""
	}
	rest := c.b[c.pos:]
	n := bytes.IndexByte(rest[:min(f.max, len(rest))], 0)
	switch {
	case n >= 0:
		c.pos += n + 1
		return c.d.string(rest[:n])
	case len(rest) >= f.max:
		c.err = &FieldError{f.name, fmt.Sprintf("is longer than %d octets", f.max-1), f.status}
	default:
		c.err = &FieldError{f.name, "is cut short", ErrInvCmdLen}
	}
	return ""
}

func (c *cursor) address(f field) Address {
	f.max = dataSMAddrMax
	return Address{TON: c.octet(f.name), NPI: c.octet(f.name), Addr: c.cstring(f)}
}

// DecodeMessage reads the body of submit_sm, deliver_sm or data_sm. The
// message shares no memory with body. The error wraps the status to answer.
func DecodeMessage(command Command, body []byte) (ShortMessage, error) {
	return forOne().message(command, body)
}

func (d *decoder) message(command Command, body []byte) (ShortMessage, error) {
	m := ShortMessage{Command: command}
	if !command.isMessage() {
		return m, &FieldError{"command", command.String() + " carries no short message", ErrInvCmdID}
	}
	c := cursor{d: d, b: body}
	m.ServiceType = c.cstring(serviceTypeIn)
	m.Source = c.address(sourceAddr)
	m.Dest = c.address(destinationAddr)
	m.ESMClass = c.octet("esm_class")
	smLength := 0
	if command == DataSM {
		m.RegisteredDelivery = c.octet("registered_delivery")
		m.DataCoding = c.octet("data_coding")
	} else {
		m.ProtocolID = c.octet("protocol_id")
		m.PriorityFlag = c.octet("priority_flag")
		m.ScheduleDelivery = c.cstring(scheduleTime)
		m.ValidityPeriod = c.cstring(validityPeriod)
		m.RegisteredDelivery = c.octet("registered_delivery")
		m.ReplaceIfPresent = c.octet("replace_if_present_flag")
		m.DataCoding = c.octet("data_coding")
		m.DefaultMsgID = c.octet("sm_default_msg_id")
		smLength = int(c.octet("sm_length"))
	}
	if c.err != nil {
		return m, c.err
	}
	if smLength > len(body)-c.pos {
		return m, &FieldError{"short_message", "is shorter than sm_length", ErrInvMsgLen}
	}
	rest := bytes.Clone(body[c.pos:])
	m.Payload = rest[:smLength:smLength]
	tlvs, err := d.params(rest[smLength:])
	if err != nil {
		return m, err
	}
	m.takePayload(tlvs)
	return m, nil
}

// takePayload moves message_payload out of the optional parameters; it stands
// for short_message. [SMPP 3.4 §5.3.2.32]
func (m *ShortMessage) takePayload(tlvs TLVs) {
	m.TLVs = tlvs
	for i, t := range tlvs {
		if t.Tag == TagMessagePayload {
			m.Payload, m.UsePayloadTLV = t.Value, true
			m.TLVs = slices.Delete(tlvs, i, i+1)
			break
		}
	}
	if len(m.TLVs) == 0 {
		m.TLVs = nil
	}
}

// decodeTLVs reads optional parameters, which share memory with b. Fewer
// than four NULs after the last one are padding that some peers send.
func decodeTLVs(b []byte) (TLVs, error) { return forOne().params(b) }

func (d *decoder) params(b []byte) (TLVs, error) {
	n := 0
	for rest := b; len(rest) >= 4; n++ {
		size := int(binary.BigEndian.Uint16(rest[2:])) + 4
		if size > len(rest) {
			return nil, &FieldError{
				fmt.Sprintf("tlv 0x%04x", binary.BigEndian.Uint16(rest)),
				"is longer than the PDU", ErrInvOptParStream,
			}
		}
		rest = rest[size:]
	}
	if n == 0 && len(b) == 0 {
		return nil, nil
	}
	tlvs := d.list(n)
	for len(b) >= 4 {
		size := int(binary.BigEndian.Uint16(b[2:])) + 4
		tlvs = append(tlvs, TLV{Tag(binary.BigEndian.Uint16(b)), b[4:size:size]})
		b = b[size:]
	}
	for _, o := range b {
		if o != 0 {
			return nil, &FieldError{"optional part", "ends inside a parameter", ErrInvOptParStream}
		}
	}
	return tlvs, nil
}

// DecodeReply reads the body of a response to a message. It never fails: a
// peer's malformed answer must not cost the message id.
func DecodeReply(body []byte) Reply { return forOne().reply(body) }

func (d *decoder) reply(body []byte) Reply {
	id, rest, _ := bytes.Cut(body, []byte{0})
	r := Reply{MessageID: d.string(id)}
	if len(rest) > 0 {
		if tlvs, err := d.params(bytes.Clone(rest)); err == nil && len(tlvs) > 0 {
			r.TLVs = tlvs
		}
	}
	return r
}
