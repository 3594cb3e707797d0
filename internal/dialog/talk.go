package dialog

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/ussd"
)

// talk is one text and what follows from it.
type talk struct {
	turn
	in     message.Inbound
	unread bool // no rule could read it
}

// hear reads the text in this order: stop and help, the open question, a
// keyword, a bare reference, a bare number, and last a guess with help.
func (t *talk) hear(ctx context.Context) (view, error) {
	r := t.d.parse(t.in.Body.Raw())
	if t.s.Lang == "" {
		t.s.Lang = guess(r.whole, orLang(r.word.lang, t.d.Lang))
	}
	if t.s.idle(t.now) {
		t.forget()
	}
	alone := r.alone()
	switch {
	case alone && r.word.does == doesStop:
		return t.stop(ctx)
	case alone && r.word.does == doesStart:
		return t.start(ctx)
	case alone && r.word.does == doesHelp:
		return t.help(ctx)
	case alone && r.word.does == doesMore, r.whole == ussd.KeyMore && len(t.s.Rest) > 0:
		return t.more(), nil
	}
	if t.s.At != "" {
		return t.inOpen(ctx, r, alone)
	}
	return t.fresh(ctx, r, alone)
}

// inOpen answers the open question, unless the text is plainly something else.
func (t *talk) inOpen(ctx context.Context, r request, alone bool) (view, error) {
	switch t.s.At {
	case atLeave, atMeant, atCancel:
		return t.decide(ctx, r, alone)
	case atMenu, atSay, atLang:
		if r.digits == "" {
			t.s.At = ""
			return t.fresh(ctx, r, alone)
		}
	case atAsk, atPIN:
		leaves := r.known && (r.word.entry != "" || r.word.does == doesStatus) && !t.wantsWords(ctx)
		if leaves && t.s.Run != nil && t.s.Run.Touched {
			t.s.At, t.s.Wish = atLeave, r.whole
			return t.askLeave(), nil
		}
		if leaves {
			t.s.At, t.s.Run = "", nil
			return t.fresh(ctx, r, alone)
		}
	default: // answered as it stands
	}
	v, err := t.answer(ctx, ussd.Normalize(t.in.Body.Raw()))
	if err != nil || !t.refused || t.s.Wrong < t.d.Limits.Wrong {
		return v, err
	}
	t.s.At, t.s.Run, t.s.Wrong = atEnd, nil, 0
	return view{name: "help_sent", say: lines("dialog.help_sms", nil), end: true}, nil
}

// wantsWords tells whether the open question takes any words: then a keyword
// among them is no wish.
func (t *talk) wantsWords(ctx context.Context) bool {
	e, ok := t.entry()
	if !ok || t.s.At != atAsk {
		return false
	}
	p, ok, err := e.Flow.Prompt(ctx, t.who(), t.s.Run.Draft)
	return err == nil && ok && p.Kind == form.Words && len(p.Options) == 0
}

func (t *talk) askLeave() view {
	return view{name: "leave", ask: text.L("dialog.leave", nil), options: t.yesNo("dialog.leave.stay", "dialog.leave.go")}
}

func (t *talk) yesNo(one, two text.Key) []form.Option {
	return []form.Option{{Value: "1", Key: "1", Label: text.L(one, nil)}, {Value: "2", Key: "2", Label: text.L(two, nil)}}
}

// decide takes the answer to a question of the dialogue's own. Whether to
// leave must be answered; anything but an answer leaves the other questions.
func (t *talk) decide(ctx context.Context, r request, alone bool) (view, error) {
	at, wish := t.s.At, t.s.Wish
	if at == atLeave && r.digits != "1" && r.digits != "2" {
		return t.refuse(t.askLeave(), text.L("form.choose", nil)), nil
	}
	t.s.At, t.s.Wish = "", ""
	switch {
	case at == atLeave && r.digits == "1":
		return t.ask(ctx)
	case at == atLeave, at == atMeant && r.digits == "1":
		t.s.Run = nil
		wished := t.d.parse(wish)
		return t.fresh(ctx, wished, wished.alone())
	case at == atMeant && r.digits == "2":
		return t.help(ctx)
	case at == atCancel && r.digits == "1":
		if k, ok := t.d.keywords[wordKey("ANNULER")]; ok && k.entry != "" {
			return t.open(ctx, k.entry, nil)
		}
		return t.help(ctx)
	case at == atCancel && r.digits == "2":
		return t.stop(ctx)
	}
	return t.fresh(ctx, r, alone)
}

// closed ends the conversation with its text: nothing is open after it.
func (t *talk) closed(v view, err error) (view, error) {
	if err == nil && t.s.At == atSay {
		t.s.At = atEnd
	}
	return v, err
}

// fresh reads a text that answers nothing.
func (t *talk) fresh(ctx context.Context, r request, alone bool) (view, error) {
	switch {
	case r.known:
		return t.obey(ctx, r, alone)
	case r.ref != "" && r.written == "":
		return t.closed(t.status(ctx, r.ref))
	case r.badRef != "" && r.written == "":
		return view{name: "ref_check", say: lines("dialog.ref_check", text.Params{"ref": r.badRef}), end: true}, nil
	case r.digits != "" && t.s.Expect != nil && t.now.UnixMilli() < t.s.Expect.Until:
		return t.expected(ctx, r.digits)
	case r.guess != "":
		t.s.At, t.s.Wish = atMeant, strings.Join(append([]string{t.d.keywords[r.guess].shown}, r.args...), " ")
		return view{
			name: "meant", ask: text.L("dialog.meant", text.Params{"word": t.d.keywords[r.guess].shown}),
			options: t.yesNo("dialog.yes", "dialog.no"),
		}, nil
	}
	return t.unknown(ctx)
}

// obey does what a keyword asks for.
func (t *talk) obey(ctx context.Context, r request, alone bool) (view, error) {
	switch r.word.does {
	case "":
		return t.open(ctx, r.word.entry, r.args)
	case doesStatus:
		switch {
		case r.ref != "":
			return t.closed(t.status(ctx, r.ref))
		case r.badRef != "":
			return view{name: "ref_check", say: lines("dialog.ref_check", text.Params{"ref": r.badRef}), end: true}, nil
		}
		return view{name: "ref_missing", say: lines("dialog.ref_missing", nil), end: true}, nil
	case doesLang:
		return t.askLang(), nil
	case doesSetAr, doesSetFr, doesSetAry, doesSetEn:
		return t.setLang(ctx, text.Lang(r.word.does))
	case doesCancel:
		if !alone {
			break
		}
		t.s.At = atCancel
		return view{name: "cancel", ask: text.L("dialog.cancel", nil), options: t.yesNo("dialog.cancel.booking", "dialog.cancel.texts")}, nil
	case doesHelp:
		return t.help(ctx)
	case doesMore:
		return t.more(), nil
	case doesStart, doesStop: // within a longer text they are words like others
	}
	return t.unknown(ctx)
}

// expected opens the entry that one of our texts asked about.
func (t *talk) expected(ctx context.Context, digits string) (view, error) {
	e := t.s.Expect
	t.s.Expect = nil
	v, err := t.open(ctx, e.Entry, e.Args)
	if err != nil || t.s.At != atAsk {
		return v, err
	}
	return t.answer(ctx, digits)
}

func (t *talk) setLang(ctx context.Context, l text.Lang) (view, error) {
	t.s.Lang = l
	if err := t.d.Accounts.SetLang(ctx, t.from, l); err != nil {
		return view{}, err
	}
	return view{name: "lang_set", say: lines("dialog.lang_set", nil), end: true}, nil
}

// stop ends what we send unasked; answers to the person's own texts go on.
func (t *talk) stop(ctx context.Context) (view, error) {
	t.s.At, t.s.Run = atEnd, nil
	if t.s.Acc != 0 {
		if err := t.d.Accounts.SetOptOut(ctx, t.s.Acc, true); err != nil {
			return view{}, err
		}
	}
	return view{name: "stopped", say: lines("dialog.stopped", nil), end: true}, nil
}

func (t *talk) start(ctx context.Context) (view, error) {
	t.s.At = atEnd
	if t.s.Acc == 0 {
		return view{name: "register_first", say: []text.Line{t.registerFirst()}, end: true}, nil
	}
	if err := t.d.Accounts.SetOptOut(ctx, t.s.Acc, false); err != nil {
		return view{}, err
	}
	return view{name: "started", say: lines("dialog.started", nil), end: true}, nil
}

// more sends the next page of what two parts did not hold.
func (t *talk) more() view {
	if len(t.s.Rest) == 0 {
		return view{name: "no_more", say: lines("dialog.no_more", nil)}
	}
	return view{name: viewMore}
}

// help answers a call for help with the menu, as often as is no loop. An open
// errand stays open.
func (t *talk) help(ctx context.Context) (view, error) {
	if !t.mayHelp(helpGap) {
		return view{}, nil
	}
	if t.s.At == atAsk {
		return t.ask(ctx, text.L("dialog.sms_help_open", nil))
	}
	v, err := t.showMenu(ctx, text.L("dialog.sms_help", nil))
	v.name = "help"
	return v, err
}

// unknown marks a text for staff and sends help, once an hour at most.
func (t *talk) unknown(ctx context.Context) (view, error) {
	t.unread = true
	if !t.mayHelp(unknownGap) {
		return view{}, nil
	}
	v, err := t.showMenu(ctx, text.L("dialog.not_understood", nil))
	v.name = "not_understood"
	return v, err
}

// mayHelp counts the help texts of a day. Two machines answering each other
// come to an end here.
func (t *talk) mayHelp(gap time.Duration) bool {
	day := t.now.Add(-24 * time.Hour).UnixMilli()
	t.s.Helped = slices.DeleteFunc(t.s.Helped, func(at int64) bool { return at < day })
	n := len(t.s.Helped)
	if n >= t.d.Limits.HelpPerDay || n > 0 && t.now.Sub(time.UnixMilli(t.s.Helped[n-1])) < gap {
		return false
	}
	t.s.Helped = append(t.s.Helped, t.now.UnixMilli())
	return true
}
