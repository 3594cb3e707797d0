package fault

import "errors"

type Params map[string]any
type Fault struct {
	k     string
	cause error
}

func (f *Fault) Error() string            { return f.k }
func (f *Fault) With(err error) error     { f.cause = err; return f }
func Conflict(k string, p Params) *Fault  { return &Fault{k: k} }
func Forbidden(k string, p Params) *Fault { return &Fault{k: k} }
func NotFound(k string, p Params) *Fault  { return &Fault{k: k} }

var _ = errors.New
