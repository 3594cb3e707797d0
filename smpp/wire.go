package smpp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// headerLen is the size of command_length, command_id, command_status and
// sequence_number. [SMPP 3.4 §3.2]
const headerLen = 16

// maxShortMessage is the longest short_message. [SMPP 3.4 §5.2.21]
const maxShortMessage = 254

// mandatoryPrefix is longer than everything that precedes short_message, at
// the limits this decoder accepts.
const mandatoryPrefix = 256

// Header is the fixed beginning of a PDU.
type Header struct {
	Length  uint32
	Command Command
	Status  Status
	Seq     uint32
}

// FieldError says which field cannot be encoded or decoded, and the status
// that tells the peer so.
type FieldError struct {
	Field  string
	Reason string
	Status Status
}

func (e *FieldError) Error() string { return "smpp: " + e.Field + " " + e.Reason }

// Unwrap yields the status.
func (e *FieldError) Unwrap() error { return e.Status }

// field is one C-octet string of a PDU: its name, its greatest size with the
// NUL, and the status for a wrong one.
type field struct {
	name   string
	max    int
	status Status
}

var (
	serviceType      = field{"service_type", 6, ErrInvSerTyp}
	sourceAddr       = field{"source_addr", 21, ErrInvSrcAdr}
	destinationAddr  = field{"destination_addr", 21, ErrInvDstAdr}
	scheduleTime     = field{"schedule_delivery_time", 17, ErrInvSched}
	validityPeriod   = field{"validity_period", 17, ErrInvExpiry}
	messageID        = field{"message_id", 65, ErrInvMsgID}
	systemIDField    = field{"system_id", 16, ErrInvSysID}
	passwordField    = field{"password", 9, ErrInvPaswd}
	esmeAddr         = field{"esme_addr", 65, ErrInvDstAdr}
	dataSMAddrMax    = 65 // [SMPP 3.4 §4.7.1]
	acceptedTypeSize = 21 // peers send longer service types than they may
)

// AppendHeader appends a PDU without a body.
func AppendHeader(b []byte, c Command, status Status, seq uint32) []byte {
	b = binary.BigEndian.AppendUint32(b, headerLen)
	b = binary.BigEndian.AppendUint32(b, uint32(c))
	b = binary.BigEndian.AppendUint32(b, uint32(status))
	return binary.BigEndian.AppendUint32(b, seq)
}

// finish writes the length of the PDU that begins at start.
func finish(b []byte, start int) []byte {
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start))
	return b
}

func appendCString(b []byte, f field, s string) ([]byte, error) {
	if len(s) >= f.max {
		return b, &FieldError{f.name, fmt.Sprintf("is longer than %d octets", f.max-1), f.status}
	}
	if strings.IndexByte(s, 0) >= 0 {
		return b, &FieldError{f.name, "contains a NUL", f.status}
	}
	return append(append(b, s...), 0), nil
}

func appendTLVs(b []byte, tlvs TLVs) ([]byte, error) {
	for _, t := range tlvs {
		if t.Tag == TagMessagePayload {
			return b, &FieldError{"message_payload", "belongs in Payload", ErrOptParNotAllwd}
		}
		var err error
		if b, err = appendTLV(b, t.Tag, t.Value); err != nil {
			return b, err
		}
	}
	return b, nil
}

func appendTLV(b []byte, tag Tag, value []byte) ([]byte, error) {
	if len(value) > 0xFFFF {
		return b, &FieldError{fmt.Sprintf("tlv 0x%04x", uint16(tag)), "is longer than 65535 octets", ErrInvParLen}
	}
	b = binary.BigEndian.AppendUint16(b, uint16(tag))
	b = binary.BigEndian.AppendUint16(b, uint16(len(value)))
	return append(b, value...), nil
}

// AppendMessage appends m as a PDU. On an error b is returned unchanged.
func AppendMessage(b []byte, seq uint32, m *ShortMessage) ([]byte, error) {
	start := len(b)
	var err error
	switch m.Command {
	case SubmitSM, DeliverSM:
		b, err = appendShortMessage(AppendHeader(b, m.Command, StatusOK, seq), m)
	case DataSM:
		b, err = appendDataSM(AppendHeader(b, m.Command, StatusOK, seq), m)
	default:
		err = &FieldError{"command", m.Command.String() + " carries no short message", ErrInvCmdID}
	}
	if err == nil {
		b, err = appendTLVs(b, m.TLVs)
	}
	if err != nil {
		return b[:start], err
	}
	return finish(b, start), nil
}

func appendAddresses(b []byte, m *ShortMessage, source, dest field) ([]byte, error) {
	b, err := appendCString(b, serviceType, m.ServiceType)
	if err != nil {
		return b, err
	}
	if b, err = appendCString(append(b, m.Source.TON, m.Source.NPI), source, m.Source.Addr); err != nil {
		return b, err
	}
	return appendCString(append(b, m.Dest.TON, m.Dest.NPI), dest, m.Dest.Addr)
}

// appendShortMessage writes the body that submit_sm and deliver_sm share.
// [SMPP 3.4 §4.4.1, §4.6.1]
func appendShortMessage(b []byte, m *ShortMessage) ([]byte, error) {
	if !m.UsePayloadTLV && len(m.Payload) > maxShortMessage {
		return b, &FieldError{"short_message", "is longer than 254 octets", ErrInvMsgLen}
	}
	b, err := appendAddresses(b, m, sourceAddr, destinationAddr)
	if err != nil {
		return b, err
	}
	b = append(b, m.ESMClass, m.ProtocolID, m.PriorityFlag)
	for _, t := range []struct {
		f field
		v string
	}{{scheduleTime, m.ScheduleDelivery}, {validityPeriod, m.ValidityPeriod}} {
		if t.v != "" && m.Command == DeliverSM { // [SMPP 3.4 §4.6.1]
			return b, &FieldError{t.f.name, "is not for deliver_sm", t.f.status}
		}
		if t.v != "" && len(t.v) != t.f.max-1 {
			return b, &FieldError{t.f.name, "is neither empty nor 16 octets", t.f.status}
		}
		if b, err = appendCString(b, t.f, t.v); err != nil {
			return b, err
		}
	}
	b = append(b, m.RegisteredDelivery, m.ReplaceIfPresent, m.DataCoding, m.DefaultMsgID)
	if m.UsePayloadTLV {
		return appendTLV(append(b, 0), TagMessagePayload, m.Payload)
	}
	return append(append(b, uint8(len(m.Payload))), m.Payload...), nil
}

// appendDataSM writes the body of data_sm. [SMPP 3.4 §4.7.1]
func appendDataSM(b []byte, m *ShortMessage) ([]byte, error) {
	source, dest := sourceAddr, destinationAddr
	source.max, dest.max = dataSMAddrMax, dataSMAddrMax
	b, err := appendAddresses(b, m, source, dest)
	if err != nil {
		return b, err
	}
	b = append(b, m.ESMClass, m.RegisteredDelivery, m.DataCoding)
	if len(m.Payload) == 0 && !m.UsePayloadTLV {
		return b, nil
	}
	return appendTLV(b, TagMessagePayload, m.Payload)
}

// AppendResponse appends the answer to a request. A refusal has no body,
// except that deliver_sm_resp always carries its unused message_id.
// [SMPP 3.4 §4.4.2, §4.6.2, §4.7.2]
func AppendResponse(b []byte, request Command, status Status, seq uint32, r Reply) ([]byte, error) {
	start := len(b)
	b = AppendHeader(b, request.Response(), status, seq)
	var err error
	switch {
	case request == DeliverSM:
		b = append(b, 0)
	case request.isMessage() && status == StatusOK:
		b, err = appendCString(b, messageID, r.MessageID)
		if err == nil {
			b, err = appendTLVs(b, r.TLVs)
		}
	}
	if err != nil {
		return b[:start], err
	}
	return finish(b, start), nil
}

// cursor reads the fields of a body; after the first error it yields zeros.
type cursor struct {
	b    []byte
	text string // copy of the beginning of b, which all strings share
	pos  int
	err  error
}

func newCursor(body []byte) cursor {
	return cursor{b: body, text: string(body[:min(len(body), mandatoryPrefix)])}
}

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
	rest := c.text[min(c.pos, len(c.text)):]
	n := strings.IndexByte(rest[:min(f.max, len(rest))], 0)
	switch {
	case n >= 0:
		c.pos += n + 1
		return rest[:n]
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
	m := ShortMessage{Command: command}
	if !command.isMessage() {
		return m, &FieldError{"command", command.String() + " carries no short message", ErrInvCmdID}
	}
	c := newCursor(body)
	typeField := serviceType
	typeField.max = acceptedTypeSize
	m.ServiceType = c.cstring(typeField)
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
	tlvs, err := decodeTLVs(rest[smLength:])
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
			m.TLVs = append(tlvs[:i:i], tlvs[i+1:]...)
			break
		}
	}
	if len(m.TLVs) == 0 {
		m.TLVs = nil
	}
}

// decodeTLVs reads optional parameters, which share memory with b. Fewer
// than four NULs after the last one are padding that some peers send.
func decodeTLVs(b []byte) (TLVs, error) {
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
	tlvs := make(TLVs, 0, n)
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
func DecodeReply(body []byte) Reply {
	var r Reply
	id, rest, _ := bytes.Cut(body, []byte{0})
	r.MessageID = string(id)
	if len(rest) > 0 {
		if tlvs, err := decodeTLVs(bytes.Clone(rest)); err == nil && len(tlvs) > 0 {
			r.TLVs = tlvs
		}
	}
	return r
}
