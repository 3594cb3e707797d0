package smpp

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// headerLen is the size of command_length, command_id, command_status and
// sequence_number. [SMPP 3.4 §3.2]
const headerLen = 16

// maxShortMessage is the longest short_message. [SMPP 3.4 §5.2.21]
const maxShortMessage = 254

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
	serviceType     = field{"service_type", 6, ErrInvSerTyp}
	serviceTypeIn   = field{"service_type", 21, ErrInvSerTyp} // peers send longer ones than they may
	sourceAddr      = field{"source_addr", 21, ErrInvSrcAdr}
	destinationAddr = field{"destination_addr", 21, ErrInvDstAdr}
	scheduleTime    = field{"schedule_delivery_time", 17, ErrInvSched}
	validityPeriod  = field{"validity_period", 17, ErrInvExpiry}
	messageID       = field{"message_id", 65, ErrInvMsgID}
	systemIDField   = field{"system_id", 16, ErrInvSysID}
	passwordField   = field{"password", 9, ErrInvPaswd}
	esmeAddr        = field{"esme_addr", 65, ErrInvDstAdr}
	dataSMAddrMax   = 65 // [SMPP 3.4 §4.7.1]
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
	if b, err = appendTime(b, m, scheduleTime, m.ScheduleDelivery); err != nil {
		return b, err
	}
	if b, err = appendTime(b, m, validityPeriod, m.ValidityPeriod); err != nil {
		return b, err
	}
	b = append(b, m.RegisteredDelivery, m.ReplaceIfPresent, m.DataCoding, m.DefaultMsgID)
	if m.UsePayloadTLV {
		return appendTLV(append(b, 0), TagMessagePayload, m.Payload)
	}
	return append(append(b, uint8(len(m.Payload))), m.Payload...), nil
}

func appendTime(b []byte, m *ShortMessage, f field, v string) ([]byte, error) {
	switch {
	case v == "":
		return append(b, 0), nil
	case m.Command == DeliverSM: // [SMPP 3.4 §4.6.1]
		return b, &FieldError{f.name, "is not for deliver_sm", f.status}
	case len(v) != f.max-1:
		return b, &FieldError{f.name, "is neither empty nor 16 octets", f.status}
	}
	return appendCString(b, f, v)
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
