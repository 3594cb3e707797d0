package form

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/wasl-sms/wasl/internal/text"
)

// Spec declares a form over a plain struct D of answers. D is kept as JSON in
// the draft, so that its fields outlive a restart; they need json names that stay.
type Spec[D any] struct {
	Name      string
	Questions []Question[D]
	// Begin fills in what is known before the first question (nil: nothing). A
	// fault from it is told instead of the form.
	Begin func(ctx context.Context, w Who, d *D) error
	// Finish performs the errand once per key. A *Retry from it takes the last
	// answer back and says why.
	Finish func(ctx context.Context, w Who, key string, d D) (Receipt, error)
}

// Question is one question of a form.
type Question[D any] struct {
	Name   string // "detention_no": stable, in drafts and metrics
	Kind   Kind
	AskKey text.Key // the plain case
	// Ask writes a question that shows something (nil: AskKey).
	Ask func(ctx context.Context, w Who, d D) (text.Line, error)
	// Options lists the choices (nil: free input). The choice's Value goes to Set.
	Options func(ctx context.Context, w Who, d D) ([]Option, error)
	// Skip leaves the question out as the answers stand.
	Skip func(w Who, d D) bool
	// Set checks one normalised answer and stores it. Again asks the same
	// question again, Reopen earlier ones; either way nothing is lost.
	Set func(ctx context.Context, w Who, d *D, answer string) error
	// Arg tells whether a word after an SMS keyword answers this question.
	Arg   func(word string) bool
	Holds bool // the answer is an identity number
}

// New makes a Flow of a Spec. It panics on a declaration that can't work: a
// question without a name, a text or a Set, or a name used twice.
func New[D any](s Spec[D]) Flow {
	seen := map[string]bool{}
	for _, q := range s.Questions {
		switch {
		case q.Name == "" || seen[q.Name]:
			panic(fmt.Sprintf("form %s: question %q: want a name of its own", s.Name, q.Name))
		case q.Set == nil || q.AskKey == "" && q.Ask == nil:
			panic(fmt.Sprintf("form %s: question %q: want Set and a text", s.Name, q.Name))
		}
		seen[q.Name] = true
	}
	if s.Finish == nil {
		panic(fmt.Sprintf("form %s: no Finish", s.Name))
	}
	return flow[D]{s}
}

type flow[D any] struct{ spec Spec[D] }

// Questions lists the names of a form's questions in their order, for checks
// that no question is forgotten.
func (f flow[D]) Questions() []string {
	names := make([]string, len(f.spec.Questions))
	for i, q := range f.spec.Questions {
		names[i] = q.Name
	}
	return names
}

// draft is a form in progress. The steps tell what is answered and hold what
// each answer changed, so that it can be taken back without running Set again.
type draft struct {
	Answers json.RawMessage `json:"d"`
	Steps   []step          `json:"s,omitempty"`
}

type step struct {
	Question string                     `json:"q"`
	Was      map[string]json.RawMessage `json:"w,omitempty"` // fields changed, as they were; null: absent
	Reopened []string                   `json:"r,omitempty"`
}

func (s draft) answered() map[string]bool {
	m := map[string]bool{}
	for _, st := range s.Steps {
		m[st.Question] = true
		for _, q := range st.Reopened {
			delete(m, q)
		}
	}
	return m
}

func (f flow[D]) open(raw Draft) (draft, D, error) {
	var s draft
	var d D
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, d, fmt.Errorf("form %s: open draft: %w", f.spec.Name, err)
	}
	if err := json.Unmarshal(s.Answers, &d); err != nil {
		return s, d, fmt.Errorf("form %s: read answers: %w", f.spec.Name, err)
	}
	return s, d, nil
}

func (f flow[D]) close(s draft) (Draft, error) {
	raw, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("form %s: keep draft: %w", f.spec.Name, err)
	}
	return raw, nil
}

func (f flow[D]) Start(ctx context.Context, w Who, args []string) (Draft, error) {
	var d D
	if f.spec.Begin != nil {
		if err := f.spec.Begin(ctx, w, &d); err != nil {
			return nil, fmt.Errorf("form %s: begin: %w", f.spec.Name, err)
		}
	}
	answers, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("form %s: start: %w", f.spec.Name, err)
	}
	s := draft{Answers: answers}
	for _, q := range f.spec.Questions {
		if q.Arg == nil || q.Skip != nil && q.Skip(w, d) {
			continue
		}
		i := slices.IndexFunc(args, q.Arg)
		if i < 0 {
			continue
		}
		answer, err := f.resolve(ctx, w, q, d, args[i], true)
		if err == nil {
			var next draft
			var after D
			if next, after, err = f.set(ctx, w, q, s, d, answer); err == nil {
				s, d = next, after
				args = slices.Delete(slices.Clone(args), i, i+1)
				continue
			}
		}
		if _, again := errors.AsType[*Retry](err); !again { // a word that does not do is asked for
			return nil, err
		}
	}
	return f.close(s)
}

// current finds the question to ask now.
func (f flow[D]) current(w Who, s draft, d D) (Question[D], bool) {
	done := s.answered()
	for _, q := range f.spec.Questions {
		if !done[q.Name] && (q.Skip == nil || !q.Skip(w, d)) {
			return q, true
		}
	}
	return Question[D]{}, false
}

func (f flow[D]) Prompt(ctx context.Context, w Who, raw Draft) (Prompt, bool, error) {
	s, d, err := f.open(raw)
	if err != nil {
		return Prompt{}, false, err
	}
	q, ok := f.current(w, s, d)
	if !ok {
		return Prompt{Holds: f.holds(s)}, false, nil
	}
	p := Prompt{Question: q.Name, Kind: q.Kind, Ask: text.L(q.AskKey, nil), Holds: q.Holds || f.holds(s)}
	if q.Ask != nil {
		if p.Ask, err = q.Ask(ctx, w, d); err != nil {
			return Prompt{}, false, fmt.Errorf("form %s: ask %s: %w", f.spec.Name, q.Name, err)
		}
	}
	if p.Options, err = f.options(ctx, w, q, d); err != nil {
		return Prompt{}, false, err
	}
	return p, true, nil
}

func (f flow[D]) holds(s draft) bool {
	done := s.answered()
	return slices.ContainsFunc(f.spec.Questions, func(q Question[D]) bool { return q.Holds && done[q.Name] })
}

// options gives the choices, each with the digits to press.
func (f flow[D]) options(ctx context.Context, w Who, q Question[D], d D) ([]Option, error) {
	if q.Options == nil {
		return nil, nil
	}
	return remembered(ctx, f.spec.Name+"/"+q.Name, d, func() ([]Option, error) {
		options, err := q.Options(ctx, w, d)
		if err != nil {
			return nil, fmt.Errorf("form %s: options of %s: %w", f.spec.Name, q.Name, err)
		}
		return Number(options), nil
	})
}

// Number gives every option without a key the next free digit from 1.
func Number(options []Option) []Option {
	taken := map[string]bool{}
	for _, o := range options {
		taken[o.Key] = true
	}
	out := slices.Clone(options)
	n := 0
	for i := range out {
		for out[i].Key == "" {
			if n++; !taken[strconv.Itoa(n)] {
				out[i].Key = strconv.Itoa(n)
			}
		}
	}
	return out
}

// resolve turns an input into the answer for Set: of a choice, its value. A
// word after a keyword may also name the value itself.
func (f flow[D]) resolve(ctx context.Context, w Who, q Question[D], d D, input string, word bool) (string, error) {
	if q.Options == nil {
		return input, nil
	}
	options, err := f.options(ctx, w, q, d)
	if err != nil {
		return "", err
	}
	key := strings.TrimRight(input, ".)")
	for _, o := range options {
		if o.Key == key || word && strings.EqualFold(o.Value, input) {
			return o.Value, nil
		}
	}
	return "", Again("form.choose", nil)
}

func (f flow[D]) Answer(ctx context.Context, w Who, raw Draft, input string) (Draft, error) {
	s, d, err := f.open(raw)
	if err != nil {
		return nil, err
	}
	q, ok := f.current(w, s, d)
	if !ok {
		return raw, nil
	}
	answer, err := f.resolve(ctx, w, q, d, input, false)
	if err != nil {
		return nil, err
	}
	if s, _, err = f.set(ctx, w, q, s, d, answer); err != nil {
		return nil, err
	}
	return f.close(s)
}

// set runs one Set on a copy and records what it changed.
func (f flow[D]) set(ctx context.Context, w Who, q Question[D], s draft, d D, answer string) (draft, D, error) {
	var after D
	if err := json.Unmarshal(s.Answers, &after); err != nil {
		return s, d, fmt.Errorf("form %s: read answers: %w", f.spec.Name, err)
	}
	st := step{Question: q.Name}
	defer forget(ctx) // it may have changed what there is to choose from
	if err := q.Set(ctx, w, &after, answer); err != nil {
		var re *reopen
		if !errors.As(err, &re) {
			return s, d, err
		}
		st.Reopened = append(slices.Clone(re.questions), q.Name)
	}
	answers, err := json.Marshal(after)
	if err != nil {
		return s, d, fmt.Errorf("form %s: keep answers: %w", f.spec.Name, err)
	}
	if st.Was, err = changed(s.Answers, answers); err != nil {
		return s, d, fmt.Errorf("form %s: compare answers: %w", f.spec.Name, err)
	}
	return draft{Answers: answers, Steps: append(slices.Clone(s.Steps), st)}, after, nil
}

// changed gives the top-level fields of before that differ in after.
func changed(before, after json.RawMessage) (map[string]json.RawMessage, error) {
	var b, a map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(before, &b), json.Unmarshal(after, &a)); err != nil {
		return nil, err
	}
	was := map[string]json.RawMessage{}
	for name, v := range b {
		if !bytes.Equal(v, a[name]) {
			was[name] = v
		}
	}
	for name := range a {
		if _, ok := b[name]; !ok {
			was[name] = json.RawMessage("null")
		}
	}
	return was, nil
}

func (f flow[D]) Back(raw Draft) (Draft, bool) {
	s, _, err := f.open(raw)
	if err != nil || len(s.Steps) == 0 {
		return raw, false
	}
	last := s.Steps[len(s.Steps)-1]
	var fields map[string]json.RawMessage
	if json.Unmarshal(s.Answers, &fields) != nil {
		return raw, false
	}
	for name, v := range last.Was {
		if string(v) == "null" {
			delete(fields, name)
			continue
		}
		fields[name] = v
	}
	if s.Answers, err = json.Marshal(fields); err != nil {
		return raw, false
	}
	s.Steps = s.Steps[:len(s.Steps)-1]
	back, err := f.close(s)
	if err != nil {
		return raw, false
	}
	return back, true
}

func (f flow[D]) Finish(ctx context.Context, w Who, key string, raw Draft) (Receipt, error) {
	_, d, err := f.open(raw)
	if err != nil {
		return Receipt{}, err
	}
	defer forget(ctx)
	return f.spec.Finish(ctx, w, key, d)
}

// reopen is an answer that was taken and opens earlier questions again.
type reopen struct{ questions []string }

func (r *reopen) Error() string { return "opens again: " + strings.Join(r.questions, ", ") }

// Reopen, returned from Set, keeps what Set stored and asks the named questions
// again, and after them the one just answered: "add another?" is such a question.
func Reopen(questions ...string) error { return &reopen{questions} }
