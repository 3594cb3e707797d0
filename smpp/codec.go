package smpp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"

	"github.com/fiorix/go-smpp/smpp/pdu"
	"github.com/fiorix/go-smpp/smpp/pdu/pdufield"
	"github.com/fiorix/go-smpp/smpp/pdu/pdutlv"
)

// Binds happen once a session and are encoded by fiorix/go-smpp. The PDUs
// that carry messages are our own (wire.go): its deliver_sm is malformed on
// the wire, it has no data_sm, and it wraps sm_length above 255.

// Mode is what a session may carry.
type Mode uint8

const (
	Transceiver Mode = iota
	Transmitter      // messages go from ESME to SMSC only
	Receiver         // messages go from SMSC to ESME only
)

// String names the mode as in the operators' documents.
func (m Mode) String() string {
	switch m {
	case Transmitter:
		return "transmitter"
	case Receiver:
		return "receiver"
	default:
		return "transceiver"
	}
}

func (m Mode) command() Command {
	switch m {
	case Transmitter:
		return BindTransmitter
	case Receiver:
		return BindReceiver
	default:
		return BindTransceiver
	}
}

func modeOf(c Command) Mode {
	switch c {
	case BindTransmitter:
		return Transmitter
	case BindReceiver:
		return Receiver
	default:
		return Transceiver
	}
}

// BindRequest is what an ESME presents. It never prints the password.
type BindRequest struct {
	Mode             Mode
	SystemID         string
	Password         string `json:"-"`
	SystemType       string
	InterfaceVersion uint8
	AddrTON, AddrNPI uint8
	AddressRange     string
	RemoteAddr       net.Addr // set by the server
}

// String leaves the password out.
func (r BindRequest) String() string {
	return fmt.Sprintf("bind %v system_id %q version 0x%02x", r.Mode, r.SystemID, r.InterfaceVersion)
}

// Format keeps every verb safe to log.
func (r BindRequest) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, r.String()) }

// LogValue is safe to log.
func (r BindRequest) LogValue() slog.Value { return slog.StringValue(r.String()) }

// AppendBind appends a bind request.
func AppendBind(b []byte, seq uint32, r BindRequest) ([]byte, error) {
	var body pdu.Body
	switch r.Mode {
	case Transmitter:
		body = pdu.NewBindTransmitter()
	case Receiver:
		body = pdu.NewBindReceiver()
	default:
		body = pdu.NewBindTransceiver()
	}
	for _, f := range []struct {
		name  pdufield.Name
		value string
	}{
		{pdufield.SystemID, r.SystemID},
		{pdufield.Password, r.Password},
		{pdufield.SystemType, r.SystemType},
		{pdufield.AddressRange, r.AddressRange},
	} {
		if strings.IndexByte(f.value, 0) >= 0 {
			return b, &FieldError{string(f.name), "contains a NUL", ErrBindFail}
		}
		if err := body.Fields().Set(f.name, f.value); err != nil {
			return b, fmt.Errorf("smpp: set %s: %w", f.name, err)
		}
	}
	for name, value := range map[pdufield.Name]uint8{
		pdufield.InterfaceVersion: r.InterfaceVersion, pdufield.AddrTON: r.AddrTON, pdufield.AddrNPI: r.AddrNPI,
	} {
		if err := body.Fields().Set(name, value); err != nil {
			return b, fmt.Errorf("smpp: set %s: %w", name, err)
		}
	}
	return appendBody(b, body, StatusOK, seq)
}

// AppendBindResp appends the answer to a bind. An accepted one tells our
// version to peers that know optional parameters. [SMPP 3.4 §4.1.2]
func AppendBindResp(b []byte, seq uint32, req BindRequest, systemID string, status Status) ([]byte, error) {
	if status != StatusOK {
		return AppendHeader(b, req.Mode.command().Response(), status, seq), nil
	}
	var body pdu.Body
	switch req.Mode {
	case Transmitter:
		body = pdu.NewBindTransmitterResp()
	case Receiver:
		body = pdu.NewBindReceiverResp()
	default:
		body = pdu.NewBindTransceiverResp()
	}
	if err := body.Fields().Set(pdufield.SystemID, systemID); err != nil {
		return b, fmt.Errorf("smpp: set system_id: %w", err)
	}
	if req.InterfaceVersion >= 0x34 {
		// As octets: given an integer fiorix keeps its low octet only.
		if err := body.TLVFields().Set(pdutlv.Tag(TagSCInterfaceVersion), []byte{0x34}); err != nil {
			return b, fmt.Errorf("smpp: set sc_interface_version: %w", err)
		}
	}
	return appendBody(b, body, status, seq)
}

func appendBody(b []byte, body pdu.Body, status Status, seq uint32) ([]byte, error) {
	body.Header().Seq = seq
	body.Header().Status = pdu.Status(status)
	w := bytes.NewBuffer(b)
	if err := body.SerializeTo(w); err != nil {
		return b, fmt.Errorf("smpp: encode %v: %w", Command(body.Header().ID), err)
	}
	return w.Bytes(), nil
}

// decodeFields decodes a bind or its answer. Fields that are cut off are
// missing in what fiorix returns, without an error.
func decodeFields(h Header, body []byte) (pdufield.Map, error) {
	frame := append(AppendHeader(make([]byte, 0, headerLen+len(body)), h.Command, h.Status, h.Seq), body...)
	p, err := pdu.Decode(bytes.NewReader(finish(frame, 0)))
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = ErrInvCmdLen
	}
	if err != nil {
		return nil, &FieldError{h.Command.String(), "cannot be read: " + err.Error(), ErrInvCmdLen}
	}
	return p.Fields(), nil
}

// DecodeBind reads the body of a bind request. The error wraps the status to
// answer.
func DecodeBind(h Header, body []byte) (BindRequest, error) {
	r := BindRequest{Mode: modeOf(h.Command)}
	if !h.Command.isBind() {
		return r, &FieldError{"command", h.Command.String() + " is no bind", ErrInvCmdID}
	}
	fields, err := decodeFields(h, body)
	if err != nil {
		return r, err
	}
	for _, f := range []struct {
		name pdufield.Name
		text *string
		num  *uint8
	}{
		{pdufield.SystemID, &r.SystemID, nil},
		{pdufield.Password, &r.Password, nil},
		{pdufield.SystemType, &r.SystemType, nil},
		{pdufield.InterfaceVersion, nil, &r.InterfaceVersion},
		{pdufield.AddrTON, nil, &r.AddrTON},
		{pdufield.AddrNPI, nil, &r.AddrNPI},
		{pdufield.AddressRange, &r.AddressRange, nil},
	} {
		value, ok := fields[f.name]
		if !ok || value == nil {
			return r, &FieldError{string(f.name), "is cut short", ErrInvCmdLen}
		}
		if f.text != nil {
			*f.text = strings.TrimSuffix(string(value.Bytes()), "\x00")
		} else {
			*f.num = value.Bytes()[0]
		}
	}
	return r, nil
}

// decodeBindResp reads the peer's system_id; many peers leave the body out.
func decodeBindResp(h Header, body []byte) string {
	if len(body) == 0 {
		return ""
	}
	fields, err := decodeFields(h, body)
	if err != nil || fields[pdufield.SystemID] == nil {
		return ""
	}
	return strings.TrimSuffix(string(fields[pdufield.SystemID].Bytes()), "\x00")
}
