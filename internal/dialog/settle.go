package dialog

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/sessions"
	"github.com/wasl-sms/wasl/ussd"
)

// leftOver finds what the person had answered before: in the session that this
// dial replaces, or among the drafts. No draft is worth failing a dial for.
func (st *step) leftOver(ctx context.Context, old *state) *draft {
	if old != nil && old.Run != nil && old.Run.Touched && !old.Run.Secret {
		return &draft{Account: old.Acc, Lang: old.Lang, Run: old.Run}
	}
	sealed, err := st.Keeper.draft(ctx, st.h)
	if err != nil {
		st.Meter.Fault(err)
		return nil
	}
	if sealed == nil {
		return nil
	}
	plain, err := st.Seal.Open(draftKey(st.h), 0, sealed)
	if err != nil {
		return nil
	}
	d := &draft{}
	if json.Unmarshal(plain, d) != nil {
		return nil
	}
	return d
}

// draft is an errand broken off.
type draft struct {
	Account int64     `json:"a,omitempty"`
	Lang    text.Lang `json:"l"`
	Run     *run      `json:"r"`
}

func draftKey(h string) string { return h + "/draft" }

// settle tells the keeper and the meter of a step that was committed.
func (st *step) settle(t *turn, v view) {
	if st.was != nil {
		st.Meter.Leave(form.USSD, st.operator, st.was.Seen, st.was.Lang, st.why(t), st.now.Sub(time.UnixMilli(st.was.Last)))
	}
	st.Meter.Enter(form.USSD, st.operator, v.name, t.s.Lang)
	switch r := t.s.Run; {
	case t.done:
		st.Keeper.Drop(st.h, st.now)
	case t.saved && r != nil && r.Touched && !r.Secret:
		plain, err := json.Marshal(draft{Account: t.s.Acc, Lang: t.s.Lang, Run: r})
		if err != nil {
			st.Meter.Fault(err)
			break
		}
		lives := draftLives
		if r.Holds {
			lives = holdingLives
		}
		st.Keeper.Save(st.h, st.Seal.Seal(draftKey(st.h), 0, plain), st.now, st.now.Add(lives))
	}
	if t.s.At == atEnd {
		st.Keeper.Wake()
	}
}

func (st *step) why(t *turn) Why {
	switch {
	case st.r.Kind == ussd.Begin:
		return Replaced
	case t.refused:
		return Refused
	case t.moved:
		return Turned
	}
	return Answered
}

// dropped ends a session that the network or the person has ended. What was
// answered is a draft already. The state stays a while as an ended one: taken
// away, it would come back from its copy.
func (st *step) dropped(ctx context.Context) {
	leave, err := st.lanes.enter(ctx, st.h)
	if err != nil {
		return
	}
	defer leave()
	if err := st.load(ctx); err != nil || st.was == nil || st.was.At == atEnd || st.elsewhere() {
		return
	}
	ended := *st.was
	ended.At, ended.Said, ended.Last = atEnd, "", st.now.UnixMilli()
	prev := st.stored.Version
	sealed, err := st.sealState(st.h, prev+1, &ended)
	if err == nil {
		var out sessions.Outcome
		out, err = st.Store.Commit(ctx, st.h, prev, sealed, endedLives, st.requestKey(prev), st.sealReply(st.over()))
		if err == nil && out.Kind != sessions.Applied {
			return // the person was quicker, or told of it before
		}
	}
	if err != nil {
		st.Meter.Fault(fmt.Errorf("end a session: %w", err))
	}
	st.Meter.Leave(form.USSD, st.operator, st.was.Seen, st.was.Lang, Dropped, st.now.Sub(time.UnixMilli(st.was.Last)))
	st.Keeper.Wake()
}

// giveUp ends a dialogue after too many answers that could not be taken, with
// help by text. What was answered stays as a draft.
func (st *step) giveUp(ctx context.Context, t *turn) (view, error) {
	t.s.At = atEnd
	cmd := casework.Command{
		Actor: casework.Actor{Kind: casework.Citizen, ID: t.s.Acc}, Channel: string(form.USSD),
		Key: t.s.ID + "/help", Verb: "dialog.help",
	}
	_, err := st.Commands.Do(ctx, cmd, nil, func(_ context.Context, tx *casework.Tx) error {
		tx.Tell(message.Outbound{
			Account: t.s.Acc, To: st.from, Lang: t.s.Lang, Class: message.Decision,
			Line: text.L("dialog.help_sms", nil), Dedupe: t.s.ID + "/help",
		})
		return nil
	})
	if err != nil {
		return view{}, fmt.Errorf("send help: %w", err)
	}
	return view{name: "help_sent", say: lines("dialog.help_sent", nil), end: true}, nil
}
