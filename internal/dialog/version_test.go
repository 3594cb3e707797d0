package dialog_test

import (
	"context"
	"strings"
	"testing"

	"github.com/wasl-sms/wasl/internal/dialog"
	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/text"
)

// versioned is an entry whose questions change from version to version.
func versioned(version int, questions ...text.Key) form.Entry {
	var all []form.Question[map[string]string]
	for _, q := range questions {
		all = append(all, form.Question[map[string]string]{
			Name: string(q), AskKey: q,
			Set: func(_ context.Context, _ form.Who, d *map[string]string, a string) error {
				if *d == nil {
					*d = map[string]string{}
				}
				(*d)[string(q)] = a
				return nil
			},
		})
	}
	return form.Entry{Name: "versioned", Version: version, Menu: 90, Label: "sample.keep_menu", Flow: form.New(form.Spec[map[string]string]{
		Name: "versioned", Questions: all,
		Finish: func(context.Context, form.Who, string, map[string]string) (form.Receipt, error) {
			return form.Receipt{Say: text.L("sample.joined", nil)}, nil
		},
	})}
}

// TestFlowVersionIsPinned deploys a new version of a form, and takes the old
// one away, in the middle of a dialogue.
func TestFlowVersionIsPinned(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dialog.Limits{}, nil)
	deploy := func(entries ...form.Entry) {
		t.Helper()
		c := w.config
		c.Services = []form.Definition{{Name: "v", Entries: entries}}
		d, err := dialog.New(c)
		if err != nil {
			t.Fatal(err)
		}
		w.dialog = d
	}
	v1 := versioned(1, "sample.number", "sample.birth")
	v2 := versioned(2, "sample.birth", "sample.pin", "sample.number")
	deploy(v1)
	p := w.phone(known)
	p.keys("*369#", pin, "1", "x")
	deploy(v1, v2)
	if s := p.keys("y"); !s.End {
		t.Errorf("the old form does not end as begun: %q", s.Text)
	}
	if s := p.keys("*369#", pin, "1"); !strings.HasPrefix(s.Text, "Votre date") {
		t.Errorf("a new dialogue begins with %q", s.Text)
	}
	deploy(v1)
	if s := p.keys("x"); !strings.Contains(s.Text, "ont changé") || s.End {
		t.Errorf("a form that is gone: %q", s.Text)
	}
}

func TestNewRefusesCollisions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dialog.Limits{}, nil)
	flow := versioned(1, "sample.number").Flow
	for what, entries := range map[string][]form.Entry{
		"a keyword of the dialogue": {{Name: "a", Version: 1, Flow: flow, Keywords: map[text.Lang][]string{text.French: {"Aïde"}}}},
		"a keyword twice, folded": {
			{Name: "a", Version: 1, Flow: flow, Keywords: map[text.Lang][]string{text.Darija: {"RO5SA"}}},
			{Name: "b", Version: 1, Flow: flow, Keywords: map[text.Lang][]string{text.Darija: {"rokhssa"}}},
		},
		"a place twice":    {{Name: "a", Version: 1, Menu: 3, Label: "sample.menu", Flow: flow}, {Name: "b", Version: 1, Menu: 3, Label: "sample.menu", Flow: flow}},
		"an entry twice":   {{Name: "a", Version: 1, Flow: flow}, {Name: "a", Version: 1, Flow: flow}},
		"no label":         {{Name: "a", Version: 1, Menu: 3, Flow: flow}},
		"no form":          {{Name: "a", Version: 1}},
		"an empty keyword": {{Name: "a", Version: 1, Flow: flow, Keywords: map[text.Lang][]string{text.Arabic: {"؟"}}}},
	} {
		c := w.config
		c.Services = []form.Definition{{Name: "s", Entries: entries}}
		if _, err := dialog.New(c); err == nil {
			t.Errorf("%s is taken", what)
		} else {
			t.Logf("%s: %v", what, err)
		}
	}
}

// TestLongReceiptIsReadByPages: the session ends with the last page, and not
// before it.
func TestLongReceiptIsReadByPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dialog.Limits{}, nil)
	c := w.config
	c.Services = []form.Definition{{Name: "v", Entries: []form.Entry{{
		Name: "long", Version: 1, Menu: 1, Label: "sample.menu",
		Flow: form.New(form.Spec[struct{}]{Name: "long", Finish: func(context.Context, form.Who, string, struct{}) (form.Receipt, error) {
			return form.Receipt{Say: text.L("dialog.help", nil)}, nil
		}}),
	}}}}
	var err error
	if w.dialog, err = dialog.New(c); err != nil {
		t.Fatal(err)
	}
	whole := w.cat.Write(text.Arabic, text.L("dialog.help", nil))
	p := w.phone(known)
	if err := p.Text(t.Context(), "AR"); err != nil {
		t.Fatal(err)
	}
	read := []string{}
	s := p.keys("*369#", pin, "1")
	for ; !s.End; s = p.keys("98") {
		page, _ := strings.CutSuffix(s.Text, "\n0 رجوع")
		page, more := strings.CutSuffix(page, "\n98 المزيد")
		if !more {
			t.Fatalf("a page that is not the last: %q", s.Text)
		}
		read = append(read, page)
	}
	read = append(read, strings.TrimSuffix(s.Text, "\n0 رجوع"))
	if got := strings.Join(read, " "); got != whole || len(read) < 2 {
		t.Errorf("read %q in %d pages, want %q", got, len(read), whole)
	}
	if again := p.keys("98"); !again.End {
		t.Errorf("after the end: %q", again.Text)
	}
}
