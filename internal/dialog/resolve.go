package dialog

import (
	"strings"
	"time"

	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/ussd"
)

// resolve settles by the session what the network leaves open: whether a
// request begins one, and what is new in all that was keyed.
func (st *step) resolve() {
	st.r, st.stale = st.asked, false
	if st.r.Kind == ussd.Keyed {
		st.r.Kind = ussd.Answer
		if st.begins() {
			st.r.Kind, st.r.Input = ussd.Begin, st.r.Code
		}
	}
	if st.r.Kind == ussd.Answer && st.r.Whole && st.was != nil && st.was.Net == st.r.SessionID {
		st.r.Input, st.stale = newlyKeyed(st.asked.Input, st.was.Keyed)
	}
}

// begins tells whether a request that may be either opens a session. An answer
// to the session that this person's last dial replaced does not.
func (st *step) begins() bool {
	switch {
	case st.was == nil:
		return true
	case st.was.Net != st.r.SessionID:
		return st.was.Past != st.r.SessionID
	}
	again := st.was.Steps == 1 && st.was.Dial == st.r.Code && st.now.Sub(time.UnixMilli(st.was.Last)) < repeated
	return again && !st.r.Whole
}

// replaced tells a late answer to a session that another dial has replaced.
func (st *step) replaced() bool {
	return st.r.Kind == ussd.Answer && st.was != nil && st.elsewhere()
}

func (st *step) elsewhere() bool {
	return st.was.Net != st.r.SessionID && st.was.Net != "" && st.r.SessionID != ""
}

// over answers for a session that is no more, and leaves the live one alone.
func (st *step) over() ussd.Reply {
	t := &turn{d: st.Dialog, s: &state{Lang: st.was.Lang, Steps: st.was.Steps}, from: st.from, channel: form.USSD, operator: st.operator, now: st.now}
	return st.draw(t, t.over())
}

// newlyKeyed is what follows the octets that were taken before. A person may
// key * too, so what is new is not what stands behind the last one.
func newlyKeyed(all string, taken int) (input string, stale bool) {
	if len(all) <= taken {
		return "", true
	}
	rest := all[taken:]
	if taken > 0 {
		if after, ok := strings.CutPrefix(rest, "*"); ok {
			return after, false
		}
		return all[strings.LastIndexByte(all, '*')+1:], false
	}
	return rest, false
}
