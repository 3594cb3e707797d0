package smpp

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
)

// Values of esm_class and registered_delivery. [SMPP 3.4 §5.2.12, §5.2.17]
const (
	ESMClassReceipt      = 0x04 // deliver_sm: SMSC delivery receipt
	ESMClassIntermediate = 0x20 // deliver_sm: intermediate notification
	ESMClassUDHI         = 0x40 // the payload begins with a user data header
	esmClassTypeMask     = 0x3C

	RegisteredFinal   = 0x01 // receipt for success and failure
	RegisteredFailure = 0x02 // receipt for failure only
)

// ErrNoUDH says that a message has no well-formed user data header.
var ErrNoUDH = errors.New("smpp: no user data header")

// ShortMessage is what submit_sm, deliver_sm and data_sm carry. It never
// prints its payload or a subscriber's number.
type ShortMessage struct {
	Command                              Command // SubmitSM, DeliverSM or DataSM
	ServiceType                          string
	Source, Dest                         Address
	ESMClass, ProtocolID, PriorityFlag   uint8
	ScheduleDelivery, ValidityPeriod     string
	RegisteredDelivery, ReplaceIfPresent uint8
	DataCoding, DefaultMsgID             uint8

	// Payload is short_message, or message_payload where that is present;
	// the user data header is inside where ESMClass says so.
	Payload []byte
	// UsePayloadTLV sends Payload as message_payload. It is set on decoding
	// a message that came so.
	UsePayloadTLV bool
	// TLVs holds the other optional parameters.
	TLVs TLVs

	// Seq is the sequence_number a received message came with. A message to be
	// sent is given its own.
	Seq uint32

	// Ref never goes on the wire; it comes back in SubmitResult and in
	// LateResponse, so that the caller finds its own record.
	Ref any
}

// HasUDH reports whether the payload begins with a user data header.
func (m ShortMessage) HasUDH() bool { return m.ESMClass&ESMClassUDHI != 0 }

// SplitUDH parts the payload into the user data header, its length octet
// included, and what follows. Without UDHI the header is empty. Both share
// memory with Payload.
func (m ShortMessage) SplitUDH() (udh, text []byte, err error) {
	if !m.HasUDH() {
		return nil, m.Payload, nil
	}
	if len(m.Payload) == 0 || int(m.Payload[0])+1 > len(m.Payload) {
		return nil, nil, ErrNoUDH
	}
	n := int(m.Payload[0]) + 1
	return m.Payload[:n:n], m.Payload[n:], nil
}

// IsReceipt reports whether esm_class, or else the receipt's own TLVs, mark
// the message as a delivery receipt. A text that merely looks like a receipt
// is none: any phone can send one.
func (m ShortMessage) IsReceipt() bool {
	if m.Command == SubmitSM {
		return false
	}
	switch m.ESMClass & esmClassTypeMask {
	case ESMClassReceipt, ESMClassIntermediate:
		return true
	case 0:
		_, id := m.TLVs.Get(TagReceiptedMessageID)
		_, state := m.TLVs.Get(TagMessageState)
		return id && state
	}
	return false
}

// String is safe to log.
func (m ShortMessage) String() string {
	return fmt.Sprintf("%v %v > %v esm 0x%02x dcs 0x%02x, %d octets, %d tlvs",
		m.Command, m.Source, m.Dest, m.ESMClass, m.DataCoding, len(m.Payload), len(m.TLVs))
}

// Format keeps every verb safe to log.
func (m ShortMessage) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, m.String()) }

// LogValue is safe to log.
func (m ShortMessage) LogValue() slog.Value { return slog.StringValue(m.String()) }

// MarshalJSON is safe to log.
func (m ShortMessage) MarshalJSON() ([]byte, error) { return json.Marshal(m.String()) }
