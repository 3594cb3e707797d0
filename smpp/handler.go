package smpp

import "context"

// Handler receives what the far side sends on one bound session.
//
// Message runs apart from the goroutine that reads the link and may take its
// time; several calls run at once, in any order. What it returns is the answer: nil
// accepts, a Status anywhere in the error becomes the command_status, any
// other error becomes SessionConfig.ErrorStatus and its text goes to the
// Tracer only. The context ends when the link is lost. The strings of many
// messages share blocks of 4 KB: what is to be kept for long, strings.Clone.
type Handler interface {
	Message(ctx context.Context, s *Session, m ShortMessage) (Reply, error)
}

// HandlerFunc is a function that is a Handler.
type HandlerFunc func(ctx context.Context, s *Session, m ShortMessage) (Reply, error)

// Message calls f.
func (f HandlerFunc) Message(ctx context.Context, s *Session, m ShortMessage) (Reply, error) {
	return f(ctx, s, m)
}

// Reply is what an accepted message is answered with. deliver_sm_resp
// carries neither id nor TLVs.
type Reply struct {
	MessageID string
	TLVs      TLVs
	// Then, where set, is called once the answer stands in order to be written:
	// what it submits on this session follows the answer on the wire.
	Then func()
}

// AlertHandler is an optional part of a Handler. Without it
// alert_notification is read and dropped.
type AlertHandler interface {
	Alert(ctx context.Context, s *Session, a Alert)
}

// Alert is an alert_notification: the source can be reached again.
// [SMPP 3.4 §4.12.1]
type Alert struct {
	Source, ESME Address
	TLVs         TLVs
}

// LateResponder is an optional part of a Handler: it hears answers that came
// after their request had timed out or been given up, so that the message id
// is not lost.
type LateResponder interface {
	LateResponse(ctx context.Context, s *Session, late LateResponse)
}

// LateResponse is an answer to a request that was reported as unknown.
type LateResponse struct {
	Command   Command // of the response
	Seq       uint32
	Ref       any // of the ShortMessage
	Status    Status
	MessageID string
	TLVs      TLVs
}
