package dialog

import (
	"context"
	"errors"
	"fmt"

	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/ussd"
)

// open begins an errand, after the PIN where it needs one.
func (t *turn) open(ctx context.Context, name string, args []string) (view, error) {
	e, ok := t.d.newest(name)
	switch {
	case name == thenMenu || !ok:
		return t.showMenu(ctx)
	case e.Needs != form.Anyone && t.s.Acc == 0:
		return t.sayAndStay("register_first", t.registerFirst()), nil
	case !t.may(e):
		t.s.After, t.s.Args = name, args
		return t.askPIN(), nil
	}
	draft, err := e.Flow.Start(ctx, t.who(), args)
	if why, ok := citizenFault(err); ok {
		return t.sayAndStay(name, why), nil
	}
	if err != nil {
		return view{}, fmt.Errorf("begin %s: %w", name, err)
	}
	t.s.Run = &run{ID: newID(), Entry: e.Name, Version: e.Version, Draft: draft}
	t.s.At, t.s.Page, t.s.Menu = atAsk, 0, nil
	return t.ask(ctx)
}

func (t *turn) registerFirst() text.Line {
	return text.L("dialog.register_first", text.Params{"dial": t.d.Code})
}

// ask shows the question where the errand stands, or ends it when none is left.
func (t *turn) ask(ctx context.Context, say ...text.Line) (view, error) {
	e, ok := t.entry()
	if !ok {
		t.drop()
		return t.showMenu(ctx, text.L("dialog.changed", nil))
	}
	p, ok, err := e.Flow.Prompt(ctx, t.who(), t.s.Run.Draft)
	if why, says := citizenFault(err); says {
		t.drop()
		return t.sayAndStay(e.Name, why), nil
	}
	if err != nil {
		return view{}, fmt.Errorf("ask in %s: %w", e.Name, err)
	}
	t.s.Run.Holds = p.Holds
	if !ok {
		return t.finish(ctx, e)
	}
	t.s.At = atAsk
	t.s.Run.show(p.Options)
	return view{name: e.Name + "/" + p.Question, say: say, ask: p.Ask, options: p.Options, back: true}, nil
}

func (t *turn) answerAsk(ctx context.Context, input string) (view, error) {
	e, ok := t.entry()
	if !ok {
		return t.ask(ctx)
	}
	offered := t.s.Run.offered(input)
	switch { // what is left behind need not be looked up
	case input == ussd.KeyBack && !offered:
		return t.back(ctx, e)
	case input == ussd.KeyHome && !offered:
		t.moved, t.s.Run = true, nil // the draft stays: the next dial asks about it
		return t.showMenu(ctx)
	}
	p, ok, err := e.Flow.Prompt(ctx, t.who(), t.s.Run.Draft)
	if err != nil || !ok { // ask says why, or ends the errand
		return t.ask(ctx)
	}
	if len(p.Options) > 0 {
		if input, ok = t.s.Run.meant(input, p.Options); !ok {
			t.s.Page = 0
			return t.ask(ctx, text.L("form.gone", nil))
		}
	}
	draft, err := e.Flow.Answer(ctx, t.who(), t.s.Run.Draft, input)
	if why, says := citizenFault(err); says {
		v, err := t.ask(ctx)
		return t.refuse(v, why), err
	}
	if err != nil {
		return view{}, fmt.Errorf("answer %s in %s: %w", p.Question, e.Name, err)
	}
	t.taken()
	t.saved = true
	t.s.Run.Draft, t.s.Run.Touched = draft, true
	t.s.Run.Secret = t.s.Run.Secret || p.Kind == form.Secret
	return t.ask(ctx)
}

func (t *turn) back(ctx context.Context, e form.Entry) (view, error) {
	t.moved, t.s.Page = true, 0
	draft, ok := e.Flow.Back(t.s.Run.Draft)
	if !ok {
		t.drop()
		return t.showMenu(ctx)
	}
	t.saved = true
	t.s.Run.Draft = draft
	return t.ask(ctx)
}

// finish performs the errand. When it can't be done as answered, the last
// question is asked again with the reason.
func (t *turn) finish(ctx context.Context, e form.Entry) (view, error) {
	receipt, err := e.Flow.Finish(ctx, t.who(), t.s.Run.ID, t.s.Run.Draft)
	if why, says := citizenFault(err); says {
		draft, ok := e.Flow.Back(t.s.Run.Draft)
		if !ok {
			t.drop()
			return t.sayAndStay(e.Name, why), nil
		}
		t.s.Run.Draft, t.saved = draft, true
		v, err := t.ask(ctx)
		if err != nil {
			return view{}, err
		}
		v.say = append([]text.Line{why}, v.say...)
		return v, nil
	}
	if err != nil {
		return view{}, fmt.Errorf("finish %s: %w", e.Name, err)
	}
	t.drop()
	t.s.Wrong, t.s.Page = 0, 0
	if t.s.Acc == 0 || receipt.Then != "" { // it may have been the registration, or the language
		a, err := t.d.account(ctx, t.from)
		if err != nil {
			return view{}, err
		}
		t.s.Acc, t.s.Lang = a.ID, orLang(a.Lang, t.s.Lang)
	}
	return t.receipt(ctx, e, receipt)
}

func (t *turn) receipt(ctx context.Context, e form.Entry, r form.Receipt) (view, error) {
	switch r.Then {
	case "":
		if r.Texted && t.channel == form.SMS {
			t.s.At, t.s.Said = atEnd, ""
			return view{name: e.Name + "/done", end: true}, nil
		}
		t.s.At, t.s.Said = atEnd, t.d.Catalogue.Write(t.s.Lang, r.Say)
		return view{name: e.Name + "/done", said: t.s.Said, end: true}, nil
	case thenMenu:
		return t.sayAndStay(e.Name+"/done", r.Say), nil
	}
	if _, ok := t.d.newest(r.Then); !ok {
		return view{}, errors.New("receipt of " + e.Name + " leads to " + r.Then + ", which is no entry")
	}
	v, err := t.open(ctx, r.Then, nil)
	if err != nil {
		return view{}, err
	}
	if r.Say.Key != "" {
		v.say = append([]text.Line{r.Say}, v.say...)
	}
	return v, nil
}

// status asks each service about a reference of this person.
func (t *turn) status(ctx context.Context, ref string) (view, error) {
	if t.s.Acc != 0 {
		for _, s := range t.d.Statuses {
			line, ok, err := s.Status(ctx, t.who(), ref)
			if err != nil {
				return view{}, fmt.Errorf("status: %w", err)
			}
			if ok {
				return t.sayAndStay("status", line), nil
			}
		}
	}
	return t.sayAndStay("status", text.L("dialog.ref_unknown", text.Params{"ref": ref})), nil
}
