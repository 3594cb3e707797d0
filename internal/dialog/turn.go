package dialog

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/ussd"
)

// Then of a receipt that leads back to the main menu.
const thenMenu = "menu"

// A PIN has four to six digits; pinWrong is the fault that allows another try.
const (
	leastPIN, mostPIN = 4, 6
	pinWrong          = text.Key("pin.wrong")
)

// turn is one answer of a person and what follows from it. It works on a copy
// of the state that is stored only after all went well.
type turn struct {
	d        *Dialog
	s        *state
	from     private.Msisdn
	channel  form.Channel
	operator string
	try      string // names the text that is answered, which may be answered again after a crash
	now      time.Time

	refused bool // the answer could not be taken
	moved   bool // back, home, next page
	done    bool // an errand came to its end: its draft goes
	saved   bool // an errand took an answer: its draft is kept
}

// view is what to show, for either channel to draw.
type view struct {
	name    string      // screen name for the meter
	say     []text.Line // news, one below the other
	said    string      // or a text written out already
	ask     text.Line
	options []form.Option
	back    bool
	end     bool
}

func (t *turn) who() form.Who {
	return form.Who{
		Msisdn: t.from, Account: t.s.Acc, Lang: t.s.Lang, Channel: t.channel,
		PINGiven: t.s.pinGiven(t.now), Now: t.now,
	}
}

// answer takes one normalised input where the dialogue stands.
func (t *turn) answer(ctx context.Context, input string) (view, error) {
	switch t.s.At {
	case atLang:
		return t.answerLang(ctx, input)
	case atPIN:
		return t.answerPIN(ctx, input)
	case atResume:
		return t.answerResume(ctx, input)
	case atMenu:
		return t.answerMenu(ctx, input)
	case atAsk:
		return t.answerAsk(ctx, input)
	case atSay:
		return t.showMenu(ctx)
	default:
		return t.over(), nil
	}
}

// show draws the place again, as after a change of page.
func (t *turn) show(ctx context.Context) (view, error) {
	switch t.s.At {
	case atLang:
		return t.askLang(), nil
	case atPIN:
		return t.askPIN(), nil
	case atResume:
		return t.askResume(), nil
	case atMenu:
		return t.drawMenu(ctx)
	case atAsk:
		return t.ask(ctx)
	case atSay, atEnd:
		return view{name: "say", said: t.s.Said, back: t.s.At == atSay, end: t.s.At == atEnd}, nil
	default:
		return t.over(), nil
	}
}

func (t *turn) over() view {
	t.s.At = atEnd
	return view{name: "over", say: lines("dialog.over", nil), end: true}
}

func lines(k text.Key, p text.Params) []text.Line { return []text.Line{text.L(k, p)} }

// refuse asks the same again with a hint.
func (t *turn) refuse(v view, why text.Line) view {
	t.refused = true
	t.s.Wrong++
	t.s.Page = 0
	v.say = append([]text.Line{why}, v.say...)
	return v
}

func (t *turn) taken() {
	t.s.Wrong, t.s.Page, t.s.Said = 0, 0, ""
}

// languages are the choices of the first screen, each in its own name.
func (t *turn) languages() []form.Option {
	var out []form.Option
	for _, l := range text.Citizen() {
		out = append(out, form.Option{Value: string(l), Label: text.L("dialog.name."+text.Key(l), nil)})
	}
	return form.Number(out)
}

func (t *turn) askLang() view {
	t.s.At = atLang
	return view{name: "lang", options: t.languages()}
}

func (t *turn) answerLang(ctx context.Context, input string) (view, error) {
	value, ok := choose(t.languages(), input)
	if !ok {
		return t.refuse(t.askLang(), text.L("form.choose", nil)), nil
	}
	t.taken()
	t.s.Lang = text.Lang(value)
	if err := t.d.Accounts.SetLang(ctx, t.from, t.s.Lang); err != nil {
		return view{}, fmt.Errorf("keep the language: %w", err)
	}
	return t.next(ctx)
}

func choose(options []form.Option, input string) (string, bool) {
	i := slices.IndexFunc(options, func(o form.Option) bool { return o.Key == input })
	if i < 0 {
		return "", false
	}
	return options[i].Value, true
}

func (t *turn) askPIN() view {
	t.s.At = atPIN
	return view{name: "pin", ask: text.L("dialog.pin", nil)}
}

func (t *turn) answerPIN(ctx context.Context, input string) (view, error) {
	if input == ussd.KeyBack || input == ussd.KeyHome {
		t.moved = true
		return t.askPIN(), nil
	}
	pin, err := form.ParseDigits(input, leastPIN, mostPIN)
	if why, ok := citizenFault(err); ok {
		return t.refuse(t.askPIN(), why), nil
	}
	err = t.d.Accounts.CheckPIN(ctx, t.s.Acc, pin, t.try)
	switch why := fault.LineOf(err); {
	case err == nil:
		t.taken()
		t.s.PINAt = t.now.Unix()
		return t.next(ctx)
	case why.Key == pinWrong:
		return t.refuse(t.askPIN(), why), nil
	case why.Key != "":
		t.s.At = atEnd
		return view{name: "pin_locked", say: []text.Line{why}, end: true}, nil
	}
	return view{}, fmt.Errorf("check the PIN: %w", err)
}

// next goes to what the person came for, once who they are is settled.
func (t *turn) next(ctx context.Context) (view, error) {
	switch {
	case t.s.Ref != "":
		ref := t.s.Ref
		t.s.Ref = ""
		return t.status(ctx, ref)
	case t.s.After != "":
		name, args := t.s.After, t.s.Args
		t.s.After, t.s.Args = "", nil
		return t.open(ctx, name, args)
	case t.s.Run != nil:
		return t.askResume(), nil
	}
	return t.showMenu(ctx)
}

func (t *turn) askResume() view {
	t.s.At = atResume
	return view{name: "resume", ask: text.L("dialog.resume", nil), options: []form.Option{
		{Value: "go", Key: "1", Label: text.L("dialog.resume.go", nil)},
		{Value: "new", Key: "2", Label: text.L("dialog.resume.new", nil)},
	}}
}

func (t *turn) answerResume(ctx context.Context, input string) (view, error) {
	value, ok := choose(t.askResume().options, input)
	if !ok {
		return t.refuse(t.askResume(), text.L("form.choose", nil)), nil
	}
	t.taken()
	if value == "new" {
		t.drop()
		return t.showMenu(ctx)
	}
	if e, ok := t.entry(); !ok || !t.may(e) {
		t.drop()
		return t.showMenu(ctx, text.L("dialog.changed", nil))
	}
	t.s.At = atAsk
	return t.ask(ctx)
}

// drop gives up the errand in progress with its draft.
func (t *turn) drop() { t.s.Run, t.done = nil, true }

// entry is the errand in progress, in the version it was begun with.
func (t *turn) entry() (form.Entry, bool) {
	if t.s.Run == nil {
		return form.Entry{}, false
	}
	e, ok := t.d.entries[pinned{t.s.Run.Entry, t.s.Run.Version}]
	return e, ok
}

func (t *turn) may(e form.Entry) bool {
	switch e.Needs {
	case form.Registered:
		return t.s.Acc != 0
	case form.WithPIN:
		return t.s.Acc != 0 && t.s.pinGiven(t.now)
	default: // form.Anyone
		return true
	}
}

// showMenu lists what this person can do and pins the numbers.
func (t *turn) showMenu(ctx context.Context, say ...text.Line) (view, error) {
	t.s.At, t.s.Page, t.s.Said, t.s.Menu = atMenu, 0, "", nil
	w := t.who()
	for _, e := range t.d.menu {
		if e.Needs != form.Anyone && t.s.Acc == 0 {
			continue
		}
		if e.Hidden != nil {
			hidden, err := e.Hidden(ctx, w)
			if err != nil {
				return view{}, fmt.Errorf("menu line %s: %w", e.Name, err)
			}
			if hidden {
				continue
			}
		}
		t.s.Menu = append(t.s.Menu, e.Name)
	}
	v, err := t.drawMenu(ctx)
	v.say = say
	return v, err
}

func (t *turn) drawMenu(context.Context) (view, error) {
	v := view{name: "menu"}
	for i, name := range t.s.Menu {
		e, ok := t.d.newest(name)
		if !ok {
			continue
		}
		v.options = append(v.options, form.Option{Value: name, Key: strconv.Itoa(i + 1), Label: text.L(e.Label, nil)})
	}
	n := len(t.s.Menu)
	if t.s.Acc == 0 { // with an account it is among the settings
		n++
		v.options = append(v.options, form.Option{Value: menuLang, Key: strconv.Itoa(n), Label: text.L("dialog.menu.lang", nil)})
	}
	if t.channel == form.USSD { // by SMS this menu is the help
		v.options = append(v.options, form.Option{Value: menuHelp, Key: strconv.Itoa(n + 1), Label: text.L("dialog.menu.help", nil)})
	}
	return v, nil
}

// Menu lines of the dialogue itself.
const (
	menuLang = "lang"
	menuHelp = "help"
)

func (t *turn) answerMenu(ctx context.Context, input string) (view, error) {
	v, err := t.drawMenu(ctx)
	if err != nil {
		return view{}, err
	}
	if input == ussd.KeyBack || input == ussd.KeyHome {
		t.moved, t.s.Page = true, 0
		return v, nil
	}
	value, ok := choose(v.options, input)
	if !ok {
		return t.refuse(v, text.L("form.choose", nil)), nil
	}
	t.taken()
	switch value {
	case menuLang:
		return t.askLang(), nil
	case menuHelp:
		return t.sayAndStay("help", text.L("dialog.help", nil)), nil
	}
	return t.open(ctx, value, nil)
}

// sayAndStay shows a text from which the menu is one key away.
func (t *turn) sayAndStay(name string, line text.Line) view {
	t.s.At, t.s.Said = atSay, t.d.Catalogue.Write(t.s.Lang, line)
	return view{name: name, said: t.s.Said, back: true}
}
