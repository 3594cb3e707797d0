package smpp

// Direction of a PDU, seen from this side.
type Direction uint8

const (
	In Direction = iota
	Out
)

// String is "in" or "out".
func (d Direction) String() string {
	if d == Out {
		return "out"
	}
	return "in"
}

// Tracer watches a session. Its methods are called from the goroutines that
// move PDUs: they must be quick and must not call the session.
type Tracer interface {
	// PDU sees every PDU that is read or queued for writing.
	PDU(s *Session, dir Direction, h Header)
	// Problem hears what the session survived: a handler's error, a
	// malformed body, an answer that nobody waits for.
	Problem(s *Session, err error)
}

// FrameTracer is an optional part of a Tracer: it sees what PDU sees, octets
// included. They hold numbers, texts and, in a bind, the password.
type FrameTracer interface {
	// Frame sees one PDU. body is valid during the call only.
	Frame(s *Session, dir Direction, h Header, body []byte)
}
