package smpp

// State of a session. [SMPP 3.4 §2.2]
type State uint8

const (
	StateClosed    State = iota // no link, or the link is gone
	StateOpen                   // connected, not bound
	StateBoundTX                // bound as transmitter
	StateBoundRX                // bound as receiver
	StateBoundTRX               // bound as transceiver
	StateUnbinding              // ending: answers only
)

var stateNames = [...]string{"closed", "open", "bound_tx", "bound_rx", "bound_trx", "unbinding"}

// String names the state as the specification does.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return "unknown"
}

// Bound reports whether messages may pass.
func (s State) Bound() bool { return s == StateBoundTX || s == StateBoundRX || s == StateBoundTRX }

func boundState(m Mode) State {
	switch m {
	case Transmitter:
		return StateBoundTX
	case Receiver:
		return StateBoundRX
	default:
		return StateBoundTRX
	}
}

// side tells who may send a request, and which end a session is.
type side uint8

const (
	sideESME side = 1 << iota
	sideSMSC
	sideBoth = sideESME | sideSMSC
)

// permitted lists who may send which request in which state, among those we
// serve. [SMPP 3.4 §2.3, table 2-1] enquire_link is answered in every state,
// since peers send it early.
var permitted = [...]map[Command]side{
	StateOpen: {
		BindTransmitter: sideESME, BindReceiver: sideESME, BindTransceiver: sideESME,
		Outbind: sideSMSC, EnquireLink: sideBoth, Unbind: sideBoth,
	},
	StateBoundTX: {
		SubmitSM: sideESME, DataSM: sideESME, EnquireLink: sideBoth, Unbind: sideBoth,
		SubmitMulti: sideESME, QuerySM: sideESME, CancelSM: sideESME, ReplaceSM: sideESME,
	},
	StateBoundRX: {
		DeliverSM: sideSMSC, DataSM: sideSMSC, AlertNotification: sideSMSC, EnquireLink: sideBoth, Unbind: sideBoth,
	},
	StateBoundTRX: {
		SubmitSM: sideESME, DeliverSM: sideSMSC, DataSM: sideBoth, AlertNotification: sideSMSC,
		EnquireLink: sideBoth, Unbind: sideBoth,
		SubmitMulti: sideESME, QuerySM: sideESME, CancelSM: sideESME, ReplaceSM: sideESME,
	},
	StateUnbinding: {EnquireLink: sideBoth, Unbind: sideBoth},
}

func mayRequest(s State, c Command, by side) bool { return permitted[s][c]&by != 0 }
