// Package smpp speaks SMPP 3.4 on both sides of a link: Client and Bind for
// an ESME, Server for an SMSC. It knows sessions and messages; alphabets and
// the parts of long texts are in smpp/gsm, what to do about a refusal is the
// caller's affair.
//
// # A session
//
//	          bind               unbind, Close
//	Open ─────────────► Bound ─────────────────► Unbinding ──► Closed
//	  │ BindTimeout       │ TX, RX or TRX           │ UnbindTimeout  ▲
//	  └───────────────────┴── link lost, silence ───┴────────────────┘
//
// Each session has one reader, which runs no application code; one writer,
// which sends what has gathered in one piece; one keeper of time; one
// goroutine for the callbacks of SubmitAsync; and up to HandlerConcurrency
// goroutines for what the peer sends. So enquire_link and responses never
// wait behind a handler.
//
// A request of ours takes a slot of the window, and gives it back exactly
// once: answered, timed out or lost with the link. It is matched by its own
// sequence number and the command that answers it, so that the peer may use
// the same numbers for its requests.
//
// # What becomes of a message we send
//
//	nil               accepted; SubmitResult.MessageID is the peer's id
//	Status            refused; Temporary and Throttling say what to do
//	ErrTimeout        written, no answer: unknown; the answer may yet come
//	                  to LateResponder
//	ErrLinkLost       written, link gone: unknown
//	ErrNotSent        never written, or only in part
//	ErrClosed         never written: the session is ending
//	ErrNotBound       never written: no session
//
// # What becomes of a message we receive
//
// It is answered when Handler.Message returns, with what that returns; so a
// handler commits first and answers after. While a session ends, or when too
// many messages wait already, new ones are answered BusyStatus, which asks
// for repetition; when the link is lost meanwhile, nothing is answered, which
// asks for the same.
//
// # What else may come
//
// A Server hands query_sm, cancel_sm, replace_sm and submit_multi to a Handler
// that is a QueryHandler, CancelHandler, ReplaceHandler or MultiHandler. A
// Client with Outbind waits for the SMSC's connection and binds on it.
//
// # What a session survives
//
//	unknown command             generic_nack, ESME_RINVCMDID
//	operation nobody knows      its response, ESME_RINVCMDID
//	message cut short           its response, ESME_RINVCMDLEN
//	sm_length past the end      its response, ESME_RINVMSGLEN
//	parameter past the end      its response, ESME_RINVOPTPARSTREAM
//	message not allowed here    its response, ESME_RINVBNDSTS
//	message that meets unbind   its response, BusyStatus
//	answer to nothing           Tracer.Problem
//	outbind within a session    Tracer.Problem: it has no response
//
// A command_length that cannot be true ends it, after a generic_nack with
// ESME_RINVCMDLEN, since the stream cannot be read any further.
package smpp
