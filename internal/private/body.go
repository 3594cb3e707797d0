package private

// Body is the text of a message.
type Body struct{ raw string }

// NewBody wraps a text.
func NewBody(s string) Body { return Body{s} }

// Raw reveals the text.
func (b Body) Raw() string { return b.raw }
