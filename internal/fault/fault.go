// Package fault is how the application says no: a kind the surfaces act on, a
// text that the person may read, and the cause, which only the log may see.
package fault

import (
	"context"
	"errors"
	"fmt"

	"github.com/wasl-sms/wasl/internal/text"
)

// Kind says what a surface should do with an error.
type Kind uint8

// Kinds. Whatever is no fault is internal.
const (
	KindInternal    Kind = iota // our mistake: apologise, log, alarm
	KindInvalid                 // the input: say what to write instead
	KindNotFound                // no such thing, or not for this person
	KindConflict                // true when asked, no longer: show how it stands now
	KindForbidden               // not in this role, or not yet
	KindUnavailable             // later it may work: say when
)

func (k Kind) String() string {
	return [...]string{"internal", "invalid", "not found", "conflict", "forbidden", "unavailable"}[k]
}

// Params are the values of the text's placeholders.
type Params = text.Params

// Fault is an error with a kind and a text. Its own message, for the log, has
// the text's key but not the parameters, which may be private.
type Fault struct {
	kind  Kind
	line  text.Line
	cause error
}

// Invalid refuses an input.
func Invalid(key text.Key, p Params) *Fault { return &Fault{KindInvalid, text.L(key, p), nil} }

// NotFound says that there is no such thing, or none this person may know of.
func NotFound(key text.Key, p Params) *Fault { return &Fault{KindNotFound, text.L(key, p), nil} }

// Conflict says that things have changed since the person looked.
func Conflict(key text.Key, p Params) *Fault { return &Fault{KindConflict, text.L(key, p), nil} }

// Forbidden says that this person may not do that.
func Forbidden(key text.Key, p Params) *Fault { return &Fault{KindForbidden, text.L(key, p), nil} }

// Unavailable says that it may work later.
func Unavailable(key text.Key, p Params) *Fault { return &Fault{KindUnavailable, text.L(key, p), nil} }

// Internal says sorry; most errors of this kind need no Fault at all.
func Internal(key text.Key, p Params) *Fault { return &Fault{KindInternal, text.L(key, p), nil} }

// With returns the fault with what caused it.
func (f *Fault) With(cause error) *Fault { return &Fault{f.kind, f.line, cause} }

func (f *Fault) Error() string {
	if f.cause == nil {
		return fmt.Sprintf("%s: %s", f.kind, f.line.Key)
	}
	return fmt.Sprintf("%s: %s: %v", f.kind, f.line.Key, f.cause)
}

func (f *Fault) Unwrap() error { return f.cause }

// KindOf returns the kind of the outermost fault in err. An ended context
// without a fault around it is unavailable.
func KindOf(err error) Kind {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f.kind
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return KindUnavailable
	}
	return KindInternal
}

// KeyOf returns the text of the outermost fault in err, "" if there is none.
func KeyOf(err error) text.Key { return LineOf(err).Key }

// LineOf returns the text of the outermost fault in err with its parameters.
func LineOf(err error) text.Line {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f.line
	}
	return text.Line{}
}
