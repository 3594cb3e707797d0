package form_test

import (
	"context"
	"testing"

	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/text"
)

// TestOptionsAreLookedUpOnce in a turn, and again once an answer was given.
func TestOptionsAreLookedUpOnce(t *testing.T) {
	t.Parallel()
	type answers struct{ Day string }
	looks := 0
	flow := form.New(form.Spec[answers]{Name: "sample", Questions: []form.Question[answers]{{
		Name: "day", Kind: form.Choice, AskKey: "ask",
		Options: func(context.Context, form.Who, answers) ([]form.Option, error) {
			looks++
			return []form.Option{{Value: "monday", Label: text.L("monday", nil)}}, nil
		},
		Set: func(_ context.Context, _ form.Who, _ *answers, answer string) error { return form.Again("full", nil) },
	}}, Finish: func(context.Context, form.Who, string, answers) (form.Receipt, error) { return form.Receipt{}, nil }})
	ctx := form.Remember(t.Context())
	draft, err := flow.Start(ctx, form.Who{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	prompt := func() {
		if _, _, err := flow.Prompt(ctx, form.Who{}, draft); err != nil {
			t.Fatal(err)
		}
	}
	prompt()
	prompt()
	if _, err := flow.Answer(ctx, form.Who{}, draft, "1"); err == nil || looks != 1 {
		t.Errorf("%d looks until the answer (%v)", looks, err)
	}
	prompt()
	if looks != 2 {
		t.Errorf("%d looks: what was full is shown again", looks)
	}
}
