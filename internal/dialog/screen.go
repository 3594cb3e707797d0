package dialog

import (
	"strings"

	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/ussd"
)

// screen turns a view into a screen in the person's language.
func (t *turn) screen(v view) ussd.Screen {
	write := func(l text.Line) string { return t.d.Catalogue.Write(t.s.Lang, l) }
	s := ussd.Screen{End: v.end, Title: t.above(v)}
	if v.ask.Key != "" {
		s.Body = write(v.ask)
	}
	for _, o := range v.options {
		item := ussd.Item{Key: o.Key, Label: write(o.Label)}
		if o.Under.Key != "" {
			item.Under = write(o.Under)
		}
		s.Items = append(s.Items, item)
	}
	if v.back && t.channel == form.USSD && !hasKey(v.options, ussd.KeyBack) {
		s.Footer = []ussd.Item{{Key: ussd.KeyBack, Label: write(text.L("dialog.nav.back", nil))}}
	}
	return s
}

// above is what stands before the question: news, or a text read by pages.
func (t *turn) above(v view) string {
	var news []string
	for _, l := range v.say {
		news = append(news, t.d.Catalogue.Write(t.s.Lang, l))
	}
	if v.said != "" {
		news = append(news, v.said)
	}
	return strings.Join(news, "\n")
}

func hasKey(options []form.Option, key string) bool {
	for _, o := range options {
		if o.Key == key {
			return true
		}
	}
	return false
}

func (t *turn) nav() ussd.Nav {
	write := func(k text.Key) string { return t.d.Catalogue.Write(t.s.Lang, text.L(k, nil)) }
	return ussd.Nav{More: write("dialog.nav.more"), Back: write("dialog.nav.back")}
}

// page is the page of a view where the person stands.
func (st *step) page(t *turn, v view) ussd.Rendered {
	budget := st.budget
	if t.s.Steps > 1 {
		budget = budget.Later()
	}
	return ussd.Page(t.screen(v), t.s.Page, budget, t.nav())
}

func (st *step) draw(t *turn, v view) ussd.Reply {
	p := st.page(t, v)
	t.s.Page = p.Index
	return ussd.Reply{Text: p.Text, End: p.End}
}

// A kept reply is sealed for its owner: one octet whether it ends the session,
// then the text.
func (st *step) sealReply(r ussd.Reply) []byte {
	plain := append([]byte{0}, r.Text...)
	if r.End {
		plain[0] = 1
	}
	return st.Seal.Seal(st.h+"/reply", 0, plain)
}

func (st *step) openReply(sealed []byte) (ussd.Reply, bool) {
	plain, err := st.Seal.Open(st.h+"/reply", 0, sealed)
	if err != nil || len(plain) == 0 {
		return ussd.Reply{}, false
	}
	return ussd.Reply{Text: string(plain[1:]), End: plain[0] == 1}, true
}
