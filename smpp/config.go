package smpp

import "time"

// SessionConfig holds the limits of one session; a zero field means its
// default. Time is the run time's own, so that testing/synctest governs it.
type SessionConfig struct {
	Window             int // our unanswered requests at once; 10
	MaxPDU             int // octets; 131072, which holds the longest message_payload
	HandlerConcurrency int // calls of Handler.Message at once; 64
	HandlerQueue       int // messages that wait for a call; 256

	EnquireEvery    time.Duration // silence before we ask; 15 s
	EnquireTimeout  time.Duration // further silence before the link is dead; 10 s
	ResponseTimeout time.Duration // from the write of a request; 30 s
	ReadTimeout     time.Duration // for the rest of a PDU that has begun; 10 s
	WriteTimeout    time.Duration // for one write; 10 s
	Inactivity      time.Duration // without messages before we unbind; 0 is never
	BindTimeout     time.Duration // from the connection to the bind; 10 s
	UnbindTimeout   time.Duration // for the peer's part in ending; 5 s
	DrainTimeout    time.Duration // for what is under way when we end; 10 s

	// ErrorStatus answers a message whose handler failed without a Status:
	// ErrRxTAppn on an ESME, ErrSysErr on an SMSC, so that it comes again.
	ErrorStatus Status
	// BusyStatus answers a message that finds the handler queue full:
	// ErrRxTAppn on an ESME, ErrThrottled on an SMSC.
	BusyStatus Status

	Tracer Tracer // may be nil
}

func orDefault[T int | time.Duration | Status](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}

func (c SessionConfig) withDefaults(side side) SessionConfig {
	orDefault(&c.Window, 10)
	orDefault(&c.MaxPDU, 128<<10)
	orDefault(&c.HandlerConcurrency, 64)
	orDefault(&c.HandlerQueue, 256)
	orDefault(&c.EnquireEvery, 15*time.Second)
	orDefault(&c.EnquireTimeout, 10*time.Second)
	orDefault(&c.ResponseTimeout, 30*time.Second)
	orDefault(&c.ReadTimeout, 10*time.Second)
	orDefault(&c.WriteTimeout, 10*time.Second)
	orDefault(&c.BindTimeout, 10*time.Second)
	orDefault(&c.UnbindTimeout, 5*time.Second)
	orDefault(&c.DrainTimeout, 10*time.Second)
	if side == sideESME {
		orDefault(&c.ErrorStatus, ErrRxTAppn)
		orDefault(&c.BusyStatus, ErrRxTAppn)
	} else {
		orDefault(&c.ErrorStatus, ErrSysErr)
		orDefault(&c.BusyStatus, ErrThrottled)
	}
	return c
}
