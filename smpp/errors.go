package smpp

import "errors"

// What may become of a request, apart from its answer.
var (
	// ErrTimeout: written, and no answer in time. The outcome is unknown.
	ErrTimeout = errors.New("smpp: no response in time")
	// ErrLinkLost: written, and the link went before the answer. The outcome
	// is unknown.
	ErrLinkLost = errors.New("smpp: link lost before the response")
	// ErrNotSent: the peer cannot have received it. It may be sent again.
	ErrNotSent = errors.New("smpp: not sent")
	// ErrClosed: the session takes no new requests. Nothing was sent.
	ErrClosed = errors.New("smpp: session closed")
	// ErrNotBound: there is no bound session. Nothing was sent.
	ErrNotBound = errors.New("smpp: not bound")
)

// Why there is no session.
var (
	// ErrConnect: the peer's address can't be reached.
	ErrConnect = errors.New("smpp: cannot connect")
	// ErrTLS: the connection stands, and the two sides agree on no TLS.
	ErrTLS = errors.New("smpp: no TLS")
)

// Why a session ended.
var (
	// ErrLinkDead: the peer answered no enquire_link and sent nothing else.
	ErrLinkDead = errors.New("smpp: peer is silent")
	// ErrPeerUnbound: the peer ended the session with unbind.
	ErrPeerUnbound = errors.New("smpp: peer unbound")
	// ErrBindTimeout: no bind, or no answer to it, in time.
	ErrBindTimeout = errors.New("smpp: no bind in time")
	// ErrInactive: no message passed for SessionConfig.Inactivity.
	ErrInactive = errors.New("smpp: session inactive")
	// ErrNotDrained: closed while requests were still unanswered.
	ErrNotDrained = errors.New("smpp: closed with requests unanswered")
)

// Unknown reports whether a message that failed with err may nevertheless
// have been accepted by the peer.
func Unknown(err error) bool {
	return errors.Is(err, ErrTimeout) || errors.Is(err, ErrLinkLost)
}
