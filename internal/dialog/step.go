package dialog

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/sessions"
	"github.com/wasl-sms/wasl/ussd"
)

const (
	tries        = 3                // loads after a conflicting step
	repeated     = 2 * time.Second  // the same again within it is the network's doing
	endedLives   = 30 * time.Second // to answer repeats of the last request
	shortPath    = 25 * time.Second // before the network's limit: no new question
	menuLives    = 90 * time.Second
	wordsLive    = 120 * time.Second
	grace        = 30 * time.Second
	draftLives   = 24 * time.Hour
	holdingLives = 30 * time.Minute // a draft with an identity number in it
)

// Step answers one step of a USSD dialogue, at the latest at the deadline,
// whatever is down. A repeat of a request gets the reply of the first time and
// changes nothing. An abort or a time-out of the network gets an empty reply,
// which is not to be sent.
func (d *Dialog) Step(ctx context.Context, operator string, b ussd.Budget, r ussd.Request) ussd.Reply {
	ctx, cancel := context.WithTimeout(ctx, d.Limits.Deadline)
	defer cancel()
	from := private.StoredMsisdn("+" + strings.TrimLeft(r.Msisdn, "+"))
	st := &step{Dialog: d, operator: operator, budget: b, r: r, asked: r, now: d.Now(), h: d.Hash(from.Raw()), from: from}
	switch r.Kind {
	case ussd.Abort, ussd.Timeout:
		st.dropped(ctx)
		return ussd.Reply{}
	case ussd.Shown:
		return ussd.Reply{}
	case ussd.Begin, ussd.Answer, ussd.Keyed:
	}
	reply, err := st.run(ctx)
	if err != nil {
		d.Meter.Fault(err)
		return ussd.Reply{Text: st.apology(), End: true}
	}
	return reply
}

// step is one request on its way through the session store.
type step struct {
	*Dialog
	operator string
	budget   ussd.Budget
	asked    ussd.Request // as it came
	r        ussd.Request // and as the session makes it plain
	now      time.Time
	h        string
	from     private.Msisdn

	stored sessions.State
	was    *state // nil: no session
	stale  bool   // nothing in it is new
}

var errBusy = errors.New("dialogue: other requests of the same person came first each time")

func (st *step) run(ctx context.Context) (ussd.Reply, error) {
	leave, err := st.lanes.enter(ctx, st.h)
	if err != nil {
		return ussd.Reply{}, fmt.Errorf("wait for the person's last request: %w", err)
	}
	defer leave()
	for range tries {
		if err := st.load(ctx); err != nil {
			return ussd.Reply{}, err
		}
		st.resolve()
		if reply, ok := st.answered(); ok {
			st.Meter.Repeat(form.USSD, st.operator)
			return reply, nil
		}
		if st.replaced() {
			return st.over(), nil
		}
		reply, again, err := st.once(ctx)
		if err != nil || !again {
			return reply, err
		}
	}
	return ussd.Reply{}, errBusy
}

func (st *step) load(ctx context.Context) error {
	st.was = nil
	var err error
	st.stored, err = st.Store.Load(ctx, st.h)
	switch {
	case errors.Is(err, sessions.ErrNone):
		return nil
	case err != nil && !errors.Is(err, sessions.ErrCorrupt):
		return fmt.Errorf("load the session: %w", err)
	case err == nil:
		// A state under a lost key is no state: the person begins anew.
		st.was, _ = st.openState(st.h, st.stored.Version, st.stored.Blob)
	}
	return nil
}

// answered finds the reply of a request that was answered before: by its key,
// or, where the network gives none, the same input within two seconds.
func (st *step) answered() (ussd.Reply, bool) {
	if kept, ok := st.stored.Replay(st.requestKey(st.stored.Version)); ok {
		return st.openReply(kept)
	}
	if st.was == nil || len(st.stored.Kept) == 0 {
		return ussd.Reply{}, false
	}
	if st.stale || st.tooEarly() {
		return st.openReply(st.stored.Kept[0].Reply)
	}
	if st.now.Sub(time.UnixMilli(st.was.Last)) >= repeated {
		return ussd.Reply{}, false
	}
	sameBegin := st.r.Kind == ussd.Begin && st.was.Steps == 1 && st.was.Dial == st.r.Input
	sameAnswer := false
	if st.r.Kind == ussd.Answer && st.r.RequestKey == "" {
		_, sameAnswer = st.stored.Replay(st.requestKey(st.stored.Version - 1))
	}
	if sameBegin || sameAnswer {
		return st.openReply(st.stored.Kept[0].Reply)
	}
	return ussd.Reply{}, false
}

// tooEarly tells that an answer can't be one to the page made last: it was on
// its way before that page, or gives the number of the page before. It is the
// last answer again, under whatever sequence number.
func (st *step) tooEarly() bool {
	if st.r.Kind != ussd.Answer || st.r.SessionID != st.was.Net {
		return false
	}
	early := time.UnixMicro(st.was.Made).Sub(st.now)
	return early > 0 && early < repeated || st.was.Units && st.r.NextUnit() == st.was.Unit
}

// requestKey names this request for the session store; version is the one it
// was answered from. It is hashed under our key: the store keeps a plain hash of
// it, from which four digits could be found again.
func (st *step) requestKey(version uint64) string {
	key := st.r.RequestKey
	if key == "" {
		key = st.r.SessionID + "/" + strconv.FormatUint(version, 10) + "/" + st.r.Kind.String() + "/" + st.r.Input
	}
	return st.Hash(st.from.Raw() + "/" + key)
}

// once answers from the state that was loaded. again is true when another
// request has changed it meanwhile.
func (st *step) once(ctx context.Context) (reply ussd.Reply, again bool, err error) {
	s := &state{}
	if st.was != nil {
		c := *st.was
		s = &c
	}
	if st.was == nil || st.was.Run != nil { // a turn changes the run in place
		s.Run = st.was.copyRun()
	}
	t := &turn{d: st.Dialog, s: s, from: st.from, channel: form.USSD, operator: st.operator, now: st.now}
	reply, v, err := st.turn(form.Remember(ctx), t)
	if err != nil {
		return reply, false, err
	}
	s = t.s
	s.Last, s.Seen = st.now.UnixMilli(), v.name
	s.Units = s.Units || st.r.Kind == ussd.Answer && st.r.Unit == s.Unit
	s.Made, s.Unit = st.Now().UnixMicro(), st.r.NextUnit()
	if st.asked.Whole {
		s.Keyed = len(st.asked.Input)
	}
	prev := st.stored.Version
	sealed, err := st.sealState(st.h, prev+1, s)
	if err != nil {
		return reply, false, err
	}
	key := st.requestKey(prev)
	out, err := st.Store.Commit(ctx, st.h, prev, sealed, st.ttl(s), key, st.sealReply(reply))
	if err != nil {
		return reply, false, fmt.Errorf("keep the session: %w", err)
	}
	switch out.Kind {
	case sessions.Conflict:
		return reply, true, nil
	case sessions.Replayed:
		if kept, ok := st.openReply(out.Reply); ok {
			return kept, false, nil
		}
		return reply, true, nil
	case sessions.Applied:
	}
	st.settle(t, v)
	return reply, false, nil
}

func (s *state) copyRun() *run {
	if s == nil || s.Run == nil {
		return nil
	}
	r := *s.Run
	return &r
}

// turn runs the machine and draws its view.
func (st *step) turn(ctx context.Context, t *turn) (ussd.Reply, view, error) {
	input := ussd.ParseInput(st.r.Input)
	if st.r.Kind == ussd.Begin || st.was == nil {
		v, err := st.begin(ctx, t)
		if err != nil {
			return ussd.Reply{}, v, err
		}
		return st.draw(t, v), v, nil
	}
	t.s.Steps++
	elapsed := st.now.Sub(time.UnixMilli(t.s.Began))
	if t.s.Steps > st.Limits.Steps || elapsed > st.Limits.Session-shortPath && t.s.At == atAsk {
		v := view{name: "kept", say: lines("dialog.kept", nil), end: true}
		t.s.At = atEnd
		return st.draw(t, v), v, nil
	}
	if input.Move == ussd.MoveMore || input.Move == ussd.MoveBack && t.s.Page > 0 {
		if v, turned, err := st.turnPage(ctx, t, input.Move); err != nil || turned {
			return st.draw(t, v), v, err
		}
	}
	v, err := t.answer(ctx, input.Text)
	if err != nil {
		return ussd.Reply{}, v, err
	}
	if t.refused && t.s.Wrong >= st.Limits.Wrong {
		v, err = st.giveUp(ctx, t)
		if err != nil {
			return ussd.Reply{}, v, err
		}
	}
	return st.draw(t, v), v, nil
}

// turnPage shows the next or the previous page where there is one.
func (st *step) turnPage(ctx context.Context, t *turn, m ussd.Move) (view, bool, error) {
	v, err := t.show(ctx)
	if err != nil {
		return v, false, err
	}
	if m == ussd.MoveBack {
		t.s.Page--
	} else {
		if t.s.Page+1 >= st.page(t, v).Total {
			return v, false, nil
		}
		t.s.Page++
	}
	t.moved = true
	return v, true, nil
}

// begin opens a session. One that was live on this number is replaced; what
// had been answered in it is offered again.
func (st *step) begin(ctx context.Context, t *turn) (view, error) {
	old := st.was
	t.s = &state{ID: newID(), Net: st.r.SessionID, Dial: st.r.Input, Began: st.now.UnixMilli(), Steps: 1}
	if old != nil && old.Net != t.s.Net {
		t.s.Past = old.Net
	}
	allowed, err := st.allow(ctx)
	if err != nil {
		return view{}, err
	}
	a, err := st.account(ctx, st.from)
	if err != nil {
		return view{}, err
	}
	t.s.Acc, t.s.Lang = a.ID, a.Lang
	if !allowed {
		t.s.At = atEnd
		t.s.Lang = orLang(t.s.Lang, st.Lang)
		return view{name: "too_many", say: lines("dialog.too_many", nil), end: true}, nil
	}
	draft := st.leftOver(ctx, old)
	if draft != nil && draft.Account == a.ID {
		t.s.Run = draft.Run
		t.s.Lang = orLang(t.s.Lang, draft.Lang)
	}
	_, path, _ := ussd.ParseDial(st.r.Input)
	if len(path) > 0 && casework.ValidRef(path[len(path)-1]) {
		t.s.Ref = path[len(path)-1]
	}
	switch {
	case t.s.Acc != 0:
		t.s.Lang = orLang(t.s.Lang, st.Lang)
		return t.askPIN(), nil
	case t.s.Lang == "":
		t.s.Lang = st.Lang
		return t.askLang(), nil
	}
	return t.next(ctx)
}

func orLang(l, other text.Lang) text.Lang {
	if l.Known() {
		return l
	}
	return other
}

// ttl is how long the state lives: what the network still allows, and less in
// a menu than where words are typed.
func (st *step) ttl(s *state) time.Duration {
	if s.At == atEnd && s.Said == "" {
		return endedLives
	}
	lives := menuLives
	if s.At == atAsk || s.At == atPIN {
		lives = wordsLive
	}
	left := st.Limits.Session - st.now.Sub(time.UnixMilli(s.Began)) + grace
	return max(endedLives, min(lives, left))
}

// apology is what is left to say when nothing works.
func (st *step) apology() string {
	l := st.Lang
	if st.was != nil {
		l = orLang(st.was.Lang, l)
	}
	return st.Catalogue.Write(l, text.L("dialog.unavailable", nil))
}
