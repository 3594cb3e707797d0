package form

import (
	"context"
	"encoding/json"
	"fmt"
)

// Remember gives a context in which the options of a question are looked up
// once, until an answer may have changed them: a turn of a dialogue reads them
// to show them, to match the answer and to show them again. It belongs to one
// goroutine.
func Remember(ctx context.Context) context.Context {
	return context.WithValue(ctx, memoryKey{}, &memory{})
}

type memoryKey struct{}

type memory struct {
	of      string // question and answers before it
	options []Option
}

func remembered[D any](ctx context.Context, question string, d D, look func() ([]Option, error)) ([]Option, error) {
	m, ok := ctx.Value(memoryKey{}).(*memory)
	if !ok {
		return look()
	}
	answers, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("form: answers before %s: %w", question, err)
	}
	of := question + string(answers)
	if m.of == of {
		return m.options, nil
	}
	options, err := look()
	if err == nil {
		m.of, m.options = of, options
	}
	return options, err
}

func forget(ctx context.Context) {
	if m, ok := ctx.Value(memoryKey{}).(*memory); ok {
		*m = memory{}
	}
}
