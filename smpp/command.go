package smpp

import "fmt"

// Command is a command_id. [SMPP 3.4 §5.1.2.1]
type Command uint32

const (
	GenericNack         Command = 0x80000000
	BindReceiver        Command = 0x00000001
	BindReceiverResp    Command = 0x80000001
	BindTransmitter     Command = 0x00000002
	BindTransmitterResp Command = 0x80000002
	QuerySM             Command = 0x00000003
	QuerySMResp         Command = 0x80000003
	SubmitSM            Command = 0x00000004
	SubmitSMResp        Command = 0x80000004
	DeliverSM           Command = 0x00000005
	DeliverSMResp       Command = 0x80000005
	Unbind              Command = 0x00000006
	UnbindResp          Command = 0x80000006
	ReplaceSM           Command = 0x00000007
	ReplaceSMResp       Command = 0x80000007
	CancelSM            Command = 0x00000008
	CancelSMResp        Command = 0x80000008
	BindTransceiver     Command = 0x00000009
	BindTransceiverResp Command = 0x80000009
	Outbind             Command = 0x0000000B
	EnquireLink         Command = 0x00000015
	EnquireLinkResp     Command = 0x80000015
	SubmitMulti         Command = 0x00000021
	SubmitMultiResp     Command = 0x80000021
	AlertNotification   Command = 0x00000102
	DataSM              Command = 0x00000103
	DataSMResp          Command = 0x80000103

	// Of 5.0, which is not spoken here: they are named, and refused.
	BroadcastSM           Command = 0x00000111
	BroadcastSMResp       Command = 0x80000111
	QueryBroadcastSM      Command = 0x00000112
	QueryBroadcastSMResp  Command = 0x80000112
	CancelBroadcastSM     Command = 0x00000113
	CancelBroadcastSMResp Command = 0x80000113
)

var commandNames = map[Command]string{
	GenericNack:       "generic_nack",
	BindReceiver:      "bind_receiver",
	BindTransmitter:   "bind_transmitter",
	BindTransceiver:   "bind_transceiver",
	QuerySM:           "query_sm",
	SubmitSM:          "submit_sm",
	DeliverSM:         "deliver_sm",
	Unbind:            "unbind",
	ReplaceSM:         "replace_sm",
	CancelSM:          "cancel_sm",
	Outbind:           "outbind",
	EnquireLink:       "enquire_link",
	SubmitMulti:       "submit_multi",
	AlertNotification: "alert_notification",
	DataSM:            "data_sm",
	BroadcastSM:       "broadcast_sm",
	QueryBroadcastSM:  "query_broadcast_sm",
	CancelBroadcastSM: "cancel_broadcast_sm",
}

// IsResponse reports whether c answers a request.
func (c Command) IsResponse() bool { return c&0x80000000 != 0 }

// Response is the command that answers c.
func (c Command) Response() Command { return c | 0x80000000 }

// String is the name used by the specification, or the number in hex.
func (c Command) String() string {
	if name, ok := commandNames[c]; ok {
		return name
	}
	if name, ok := commandNames[c&^0x80000000]; ok {
		return name + "_resp"
	}
	return fmt.Sprintf("command 0x%08x", uint32(c))
}

func (c Command) isBind() bool {
	return c == BindReceiver || c == BindTransmitter || c == BindTransceiver
}

func (c Command) isMessage() bool {
	return c == SubmitSM || c == DeliverSM || c == DataSM
}

func (c Command) isOperation() bool {
	return c == QuerySM || c == CancelSM || c == ReplaceSM || c == SubmitMulti
}
