package form_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/internal/text/texttest"
)

func TestTexts(t *testing.T) {
	t.Parallel()
	texttest.Lint(t, form.Texts())
}

// party asks for a name, guests in a loop, and a confirmation.
type party struct {
	Name   string   `json:"name,omitempty"`
	Guest  string   `json:"guest,omitempty"`
	Guests []string `json:"guests,omitempty"`
	Lawyer bool     `json:"lawyer,omitempty"`
	Sets   int      `json:"-"`
}

func flow(finish func(party) error, sets *int) form.Flow {
	count := func() {
		if sets != nil {
			*sets++
		}
	}
	return form.New(form.Spec[party]{Name: "party", Questions: []form.Question[party]{
		{
			Name: "name", AskKey: "a", Holds: true, Arg: func(w string) bool { return strings.HasPrefix(w, "n") },
			Set: func(_ context.Context, _ form.Who, d *party, a string) error {
				count()
				d.Name = a
				if a == "bad" || a == "nbad" {
					return form.Again("form.choose", nil)
				}
				d.Lawyer = a == "lawyer"
				return nil
			},
		},
		{
			Name: "guest", AskKey: "b", Skip: func(_ form.Who, d party) bool { return d.Lawyer },
			Set: func(_ context.Context, _ form.Who, d *party, a string) error { count(); d.Guest = a; return nil },
		},
		{
			Name: "more", AskKey: "c", Skip: func(_ form.Who, d party) bool { return d.Lawyer },
			Options: func(context.Context, form.Who, party) ([]form.Option, error) {
				return []form.Option{{Value: "yes"}, {Value: "done", Key: "9"}, {Value: "never"}}, nil
			},
			Arg: func(w string) bool { return w == "done" || w == "other" },
			Set: func(_ context.Context, _ form.Who, d *party, a string) error {
				count()
				if d.Guest != "" {
					d.Guests, d.Guest = append(d.Guests, d.Guest), ""
				}
				if a == "yes" {
					return form.Reopen("guest")
				}
				return nil
			},
		},
	}, Finish: func(_ context.Context, _ form.Who, _ string, d party) (form.Receipt, error) {
		return form.Receipt{Say: text.L("x", nil)}, finish(d)
	}})
}

func where(t testing.TB, f form.Flow, d form.Draft) string {
	t.Helper()
	p, ok, err := f.Prompt(t.Context(), form.Who{}, d)
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		return "end"
	}
	return p.Question
}

func start(t testing.TB, f form.Flow, args ...string) form.Draft {
	t.Helper()
	d, err := f.Start(t.Context(), form.Who{}, args)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func answer(t testing.TB, f form.Flow, d form.Draft, inputs ...string) form.Draft {
	t.Helper()
	for _, in := range inputs {
		var err error
		if d, err = f.Answer(t.Context(), form.Who{}, d, in); err != nil {
			t.Fatalf("answer %q: %v", in, err)
		}
	}
	return d
}

func TestLoopAndFinish(t *testing.T) {
	t.Parallel()
	var got party
	f := flow(func(d party) error { got = d; return nil }, nil)
	d := answer(t, f, start(t, f), "me", "a", "1", "b", "1", "c", "9")
	if at := where(t, f, d); at != "end" {
		t.Fatalf("stands at %s", at)
	}
	if _, err := f.Finish(t.Context(), form.Who{}, "k", d); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(party{Name: "me", Guests: []string{"a", "b", "c"}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestSkipRetryAndChoice(t *testing.T) {
	t.Parallel()
	f := flow(nil2, nil)
	if at := where(t, f, answer(t, f, start(t, f), "lawyer")); at != "end" {
		t.Errorf("a lawyer is asked for %s", at)
	}
	d := start(t, f)
	_, err := f.Answer(t.Context(), form.Who{}, d, "bad")
	var again *form.Retry
	if !errors.As(err, &again) || where(t, f, d) != "name" {
		t.Errorf("got %v", err)
	}
	d = answer(t, f, d, "me", "a")
	for _, in := range []string{"3", "yes", "", "99", "-1"} {
		if _, err := f.Answer(t.Context(), form.Who{}, d, in); !errors.As(err, &again) {
			t.Errorf("%q is taken for a choice: %v", in, err)
		}
	}
	p, _, _ := f.Prompt(t.Context(), form.Who{}, d)
	var keys []string
	for _, o := range p.Options {
		keys = append(keys, o.Key)
	}
	if diff := cmp.Diff([]string{"1", "9", "2"}, keys); diff != "" || !p.Holds {
		t.Errorf("keys %s, holds %v", diff, p.Holds)
	}
}

func nil2(party) error { return nil }

func TestArguments(t *testing.T) {
	t.Parallel()
	f := flow(nil2, nil)
	for args, want := range map[string]string{"": "name", "nora": "guest", "x nora": "guest", "nbad": "name", "nora other": "guest", "done": "name"} {
		if at := where(t, f, start(t, f, strings.Fields(args)...)); at != want {
			t.Errorf("args %q lead to %s, want %s", args, at, want)
		}
	}
}

// TestBackIsTheWayCame walks at random: taking answers back shows each earlier
// draft again, and runs no Set a second time.
func TestBackIsTheWayCame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		var sets int
		f := flow(nil2, &sets)
		path := []form.Draft{start(t, f)}
		for range rapid.IntRange(1, 15).Draw(r, "steps") {
			at := path[len(path)-1]
			var in string
			switch where(t, f, at) {
			case "name":
				in = rapid.SampledFrom([]string{"me", "lawyer", "you"}).Draw(r, "name")
			case "guest":
				in = rapid.StringMatching("[a-z]{1,5}").Draw(r, "guest")
			case "more":
				in = rapid.SampledFrom([]string{"1", "9", "2"}).Draw(r, "more")
			default:
				continue
			}
			path = append(path, answer(t, f, at, in))
		}
		done := sets
		d := path[len(path)-1]
		for _, want := range slices.Backward(path[:len(path)-1]) {
			var ok bool
			if d, ok = f.Back(d); !ok {
				r.Fatal("no way back")
			}
			if diff := cmp.Diff(tree(t, want), tree(t, d)); diff != "" {
				r.Fatalf("another draft on the way back: %s", diff)
			}
		}
		if _, ok := f.Back(d); ok {
			r.Error("back beyond the first question")
		}
		if sets != done {
			r.Errorf("going back ran %d Sets", sets-done)
		}
	})
}

func tree(t testing.TB, d form.Draft) (v any) {
	t.Helper()
	if err := json.Unmarshal(d, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestBegin(t *testing.T) {
	t.Parallel()
	refusal := errors.New("nothing to ask about")
	f := form.New(form.Spec[party]{
		Name: "begun", Begin: func(_ context.Context, w form.Who, d *party) error {
			if w.Account == 0 {
				return refusal
			}
			d.Lawyer = true
			return nil
		}, Questions: []form.Question[party]{{
			Name: "guest", AskKey: "b", Skip: func(_ form.Who, d party) bool { return d.Lawyer },
			Set: func(context.Context, form.Who, *party, string) error { return nil },
		}},
		Finish: func(context.Context, form.Who, string, party) (form.Receipt, error) { return form.Receipt{}, nil },
	})
	if _, err := f.Start(t.Context(), form.Who{}, nil); !errors.Is(err, refusal) {
		t.Errorf("begun with %v", err)
	}
	d, err := f.Start(t.Context(), form.Who{Account: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if at := where(t, f, d); at != "end" {
		t.Errorf("stands at %s", at)
	}
}

func TestParseDate(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"05031985": "1985-03-05", "05/03/1985": "1985-03-05", "5/3/1985": "1985-03-05", "5.3.1985": "1985-03-05", "05-03-1985": "1985-03-05",
		" 05 03 1985 ": "1985-03-05", "29022024": "2024-02-29",
		"29022023": "", "31041990": "", "00011990": "", "01131990": "", "1985": "", "05031885": "", "050385": "", "05/03/85": "", "": "", "x": "",
		"05031985x": "", "005/03/1985": "", "05//1985": "", "+5031985": "",
	} {
		got, err := form.ParseDate(in)
		if s := got.Format("2006-01-02"); err == nil && s != want || err != nil && want != "" {
			t.Errorf("%q reads as %s, %v; want %s", in, s, err, want)
		}
	}
}

func TestParseDigits(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"1234": "1234", "12 34": "1234", "12-34.5": "12345", "123": "", "1234567": "", "12a4": "", "١٢٣٤": "", "": ""} {
		if got, err := form.ParseDigits(in, 4, 6); got != want || (err == nil) != (want != "") {
			t.Errorf("%q reads as %q, %v", in, got, err)
		}
	}
}

func FuzzParseDate(f *testing.F) {
	for _, s := range []string{"05031985", "5/3/1985", "29022024", "٠٥/٠٣/١٩٨٥", "1/1/", "////", "😀"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := form.ParseDate(s)
		if err != nil {
			if _, again := errors.AsType[*form.Retry](err); !again {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		if back, err := form.ParseDate(d.Format("02/01/2006")); err != nil || !back.Equal(d) || d.Year() < 1900 || d.Year() > 9999 {
			t.Errorf("%q reads as %v, and that as %v, %v", s, d, back, err)
		}
	})
}
