package gateway

import (
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/links"
	"github.com/wasl-sms/wasl/internal/outbox"
	"github.com/wasl-sms/wasl/smpp"
)

func TestHealthByAnswers(t *testing.T) {
	t.Parallel()
	at := func(s int) time.Time { return time.Date(2026, 11, 20, 9, 30, s, 0, time.UTC) }
	for name, c := range map[string]struct {
		answers []outbox.Outcome // one a second
		unfit   bool
		since   int
	}{
		"well":               {[]outbox.Outcome{outbox.Sent, outbox.Sent}, false, 0},
		"throttled":          {[]outbox.Outcome{outbox.Sent, outbox.Throttled, outbox.Throttled}, true, 1},
		"taken again":        {[]outbox.Outcome{outbox.Throttled, outbox.Sent}, false, 0},
		"few errors":         {[]outbox.Outcome{outbox.Temporary, outbox.Unknown, outbox.Temporary, outbox.Temporary}, false, 0},
		"a row of errors":    {[]outbox.Outcome{outbox.Sent, outbox.Temporary, outbox.Unknown, outbox.Temporary, outbox.Temporary, outbox.Unknown}, true, 1},
		"refused themselves": {[]outbox.Outcome{outbox.Rejected, outbox.Rejected, outbox.Rejected, outbox.Rejected, outbox.Rejected}, false, 0},
		"never written":      {[]outbox.Outcome{outbox.NotSent, outbox.NotSent, outbox.NotSent, outbox.NotSent, outbox.NotSent}, false, 0},
	} {
		var h health
		for i, o := range c.answers {
			h.saw(o, at(i))
		}
		now := at(len(c.answers))
		if since, unfit := h.unfit(now); unfit != c.unfit || unfit && !since.Equal(at(c.since)) {
			t.Errorf("%s: unfit %v since %v", name, unfit, since)
		}
		if _, unfit := h.unfit(now.Add(forgiven)); unfit {
			t.Errorf("%s: never forgiven", name)
		}
	}
}

// An operator is unfit when each bind that may send is; what staff hold back
// does not count, and nothing falls back for it.
func TestWhenAnOperatorNeedsAnother(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 9, 30, 0, 0, time.UTC)
	type stand struct {
		state links.State
		wish  links.Wish
		ago   time.Duration
		mode  smpp.Mode
	}
	bound, down := stand{state: links.Bound, wish: links.Run}, stand{state: links.Down, wish: links.Run, ago: time.Minute}
	refused := stand{state: links.Refused, wish: links.Run, ago: 20 * time.Second}
	paused := stand{state: links.Paused, wish: links.Pause, ago: time.Hour}
	drained := stand{state: links.Drained, wish: links.Drain, ago: time.Hour}
	receiver := stand{state: links.Bound, wish: links.Run, mode: smpp.Receiver}
	for name, c := range map[string]struct {
		binds  []stand
		needed bool
	}{
		"one is bound":             {[]stand{down, bound}, false},
		"all are down":             {[]stand{down, down}, true},
		"one not for long":         {[]stand{down, refused}, false},
		"only a receiver is bound": {[]stand{down, receiver}, true},
		"paused by staff":          {[]stand{paused, drained}, false},
		"one paused, one down":     {[]stand{paused, down}, true},
		"none at all":              {nil, false},
	} {
		g := &Gateway{cfg: Config{Now: func() time.Time { return now }}}
		north := &operator{name: "north"}
		north.settings.Store(&Operator{Name: "north", Fallback: []string{"south"}, FallbackAfter: 30 * time.Second})
		var list []*bind
		for _, s := range c.binds {
			list = append(list, &bind{Bind: Bind{mode: s.mode}, g: g, op: north, order: newOrder(s.wish), was: s.state, since: now.Add(-s.ago)})
		}
		north.list.Store(&list)
		g.operators.Store(&[]*operator{north})
		if got := len(g.relieved("south")) == 1; got != c.needed {
			t.Errorf("%s: another is needed: %v", name, got)
		}
		if len(g.relieved("west")) != 0 {
			t.Errorf("%s: one that is not named stands in", name)
		}
		if g.elsewhere.Store(&[]links.Name{{Operator: "north", Bind: "1"}}); len(g.relieved("south")) != 0 {
			t.Errorf("%s: another process can send", name)
		}
	}
}
