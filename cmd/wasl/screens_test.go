package main

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/services/account"
	"github.com/wasl-sms/wasl/internal/services/info"
	"github.com/wasl-sms/wasl/internal/services/permit"
	"github.com/wasl-sms/wasl/internal/services/visit"
	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/ussd"
)

// asked is one look of a question: its wordings, what may stand above it when
// it is asked again, and its choices.
type asked struct {
	ask     []text.Key
	again   []text.Key
	options []text.Key
	pages   int // with the longest values; 0: one, whatever the language
	arabic  int // pages in Arabic, where it takes more
}

func of(k ...text.Key) []text.Key { return k }

func times(n int, k text.Key) []text.Key { return slices.Repeat(of(k), n) }

var relations = of("relation.spouse", "relation.parent", "relation.child", "relation.sibling", "relation.in_law",
	"relation.relative", "relation.friend", "relation.lawyer", "relation.officer")

// budgets lists every question of every errand. One with up to four choices
// takes one page on the smallest handset; where a list is longer, the pages it
// may take are named, and a screen that grows beyond them is to be worded anew.
var budgets = map[string][]asked{
	"account.register/notice":    {{ask: of("account.notice"), options: of("account.accept", "account.decline")}},
	"account.register/quality":   {{ask: of("account.ask_quality"), options: of("account.quality.family", "account.quality.lawyer", "account.quality.officer")}},
	"account.register/id_number": {{ask: of("account.ask_id"), again: of("id_shape.cin", "id_shape.nin", "id_shape.passport")}},
	"account.register/birth":     {{ask: of("account.ask_birth"), again: of("form.date", "birth.future", "birth.too_old")}},
	"account.register/pin":       {{ask: of("account.ask_pin"), again: of("pin.length", "pin.too_simple", "pin.birth", "pin.own_number")}},
	"account.register/pin_again": {{ask: of("account.ask_pin_again"), again: of("pin.differs")}},

	"account.household/who":       {{ask: of("account.ask_who"), options: append(of("account.add"), times(3, "account.person")...)}},
	"account.household/act":       {{ask: of("account.ask_remove"), options: of("account.remove", "account.keep")}},
	"account.household/id_number": {{ask: of("account.ask_visitor_id"), again: of("id_shape.cin", "id_shape.nin", "id_shape.passport")}},
	"account.household/birth":     {{ask: of("account.ask_visitor_birth"), again: of("form.date", "birth.future", "birth.too_old")}},
	"account.household/relation":  {{ask: of("account.ask_relation"), options: relations, pages: 2}},

	"account.settings/what": {
		{ask: of("account.ask_setting"), options: of("account.lang", "account.pin", "account.data", "account.quiet")},
		{ask: of("account.ask_setting"), options: of("account.lang", "account.pin", "account.data", "account.loud")},
	},
	"account.settings/lang":      {{ask: of("account.ask_lang"), options: of("account.lang.ar", "account.lang.fr", "account.lang.ary", "account.lang.en")}},
	"account.settings/pin":       {{ask: of("account.ask_new_pin"), again: of("pin.length", "pin.too_simple", "pin.birth", "pin.own_number")}},
	"account.settings/pin_again": {{ask: of("account.ask_pin_again"), again: of("pin.differs")}},

	"info.place/place":  {{ask: of("info.ask_place"), options: times(4, "info.place")}},
	"info.place/topic":  {{ask: of("info.ask_topic"), options: of("info.topic.conditions", "info.topic.papers", "info.topic.hours")}},
	"info.papers/place": {{ask: of("info.ask_place"), options: times(4, "info.place")}},
	"info.papers/topic": nil, // settled by the word that opened it
	"info.hours/place":  {{ask: of("info.ask_place"), options: times(4, "info.place")}},
	"info.hours/topic":  nil,

	"permit.request/number":        {{ask: of("permit.ask_number"), again: of("permit.bad_number")}},
	"permit.request/family":        {{ask: of("permit.ask_family_name"), again: of("permit.bad_name")}},
	"permit.request/given":         {{ask: of("permit.ask_given_name"), again: of("permit.bad_name")}},
	"permit.request/birth":         {{ask: of("permit.ask_relative_birth"), again: of("form.date", "birth.future", "birth.too_old")}},
	"permit.request/place":         {{ask: of("permit.ask_place"), options: times(4, "permit.place")}},
	"permit.request/visitor":       visitors,
	"permit.request/card":          {{ask: of("permit.ask_card"), again: of("id_shape.cin", "id_shape.nin", "id_shape.passport")}},
	"permit.request/visitor_birth": {{ask: of("permit.ask_visitor_birth"), again: of("form.date", "birth.future", "birth.too_old")}},
	"permit.request/relation":      {{ask: of("permit.ask_relation"), options: relations, pages: 2}},
	"permit.request/judgment":      {{ask: of("permit.ask_judgment"), options: of("permit.judgment_no", "permit.judgment_yes", "permit.judgment_appeal", "permit.judgment_unknown")}},
	"permit.request/send":          {{ask: of("permit.ask_send"), options: of("permit.send")}},

	// References must be told apart by their state, which costs a page in Arabic.
	"permit.mine/request": {{ask: of("permit.which"), options: times(4, "permit.row"), arabic: 2}},
	"permit.mine/do": {
		{ask: of("permit.status_due"), options: of("permit.do_withdraw", "permit.do_end")},
		{ask: of("permit.status_until"), options: of("permit.do_correct", "permit.do_withdraw", "permit.do_end")},
		{ask: of("permit.status_papers"), options: of("permit.do_withdraw", "permit.do_end")},
		{ask: of("permit.status_reason"), options: of("permit.do_appeal", "permit.do_end")},
		{ask: of("permit.status"), options: of("permit.do_again", "permit.do_end")},
	},
	"permit.mine/number": {{ask: of("permit.ask_number"), again: of("permit.bad_number")}},
	"permit.mine/family": {{ask: of("permit.ask_family_name"), again: of("permit.bad_name")}},
	"permit.mine/given":  {{ask: of("permit.ask_given_name"), again: of("permit.bad_name")}},
	"permit.mine/birth":  {{ask: of("permit.ask_relative_birth"), again: of("form.date", "birth.future", "birth.too_old")}},
	"permit.mine/place":  {{ask: of("permit.ask_place"), options: times(4, "permit.place")}},

	"visit.book/whose":  {{ask: of("visit.ask.whose"), options: times(4, "visit.opt.permit")}},
	"visit.book/guests": guests,
	"visit.book/slot":   slots("visit.ask.slot", "visit.opt.later", "visit.opt.others"),
	"visit.book/sure":   {{ask: of("visit.ask.sure", "visit.ask.sure_separated"), options: of("visit.opt.confirm", "visit.opt.other_hour")}},

	"visit.mine/which": {{ask: of("visit.ask.which"), options: times(3, "visit.opt.slot"), arabic: 2}},
	"visit.mine/what": {
		{ask: of("visit.ask.what"), options: of("visit.opt.move", "visit.opt.cancel")},
		{ask: of("visit.status_full"), options: of("visit.opt.cancel")},
	},
	"visit.mine/slot": slots("visit.ask.new_slot", "visit.opt.later"),
	"visit.mine/sure": {{ask: of("visit.ask.sure", "visit.ask.sure_separated"), options: of("visit.opt.confirm", "visit.opt.other_hour")}, unbook},

	"visit.cancel/ref":    {{ask: of("visit.ask.ref"), again: of("form.digits", "visit.ref_mistyped", "visit.ref_unknown")}},
	"visit.cancel/sure":   {unbook},
	"visit.reminder/ref":  {{ask: of("visit.ask.ref"), again: of("form.digits", "visit.ref_mistyped", "visit.ref_unknown")}},
	"visit.reminder/what": {{ask: of("visit.ask.coming"), options: of("visit.opt.coming", "visit.opt.cancel")}},
	"visit.hold/ref":      {{ask: of("visit.ask.ref"), again: of("form.digits", "visit.ref_mistyped", "visit.ref_unknown")}},
	"visit.hold/what":     {{ask: of("visit.ask.held"), options: of("visit.opt.confirm", "visit.opt.release")}},
	"visit.offer/ref":     {{ask: of("visit.ask.ref"), again: of("form.digits", "visit.ref_unknown")}},
	"visit.offer/first":   nil, // arguments of the text that is answered
	"visit.offer/second":  nil,
	"visit.offer/slot":    {{ask: of("visit.ask.slot"), options: times(2, "visit.opt.hour")}},
}

var (
	visitors = []asked{
		{ask: of("permit.ask_visitor"), options: of("permit.visitor_self", "permit.visitor_other", "permit.visitor_other", "permit.visitor_add")},
		{ask: of("permit.ask_visitor_more"), options: of("permit.visitor_other", "permit.visitor_other", "permit.visitor_add", "permit.visitor_done")},
	}
	guests = []asked{
		{ask: of("visit.ask.guests"), options: of("visit.opt.everyone", "visit.opt.self", "visit.opt.guest", "visit.opt.guest")},
		{ask: of("visit.ask.more_guests"), options: of("visit.opt.guest", "visit.opt.guest", "visit.opt.guest", "visit.opt.enough")},
	}
	unbook = asked{ask: of("visit.ask.cancel"), options: of("visit.opt.cancel", "visit.opt.keep")}
)

// slots is a full list, all on one day or on a day each.
func slots(ask text.Key, rest ...text.Key) []asked {
	return []asked{
		{ask: of(ask), options: slices.Concat(of("visit.opt.day"), times(7, "visit.opt.hour"), rest), arabic: 2},
		{ask: of(ask), options: slices.Concat(slices.Repeat(of("visit.opt.day", "visit.opt.hour"), 7), rest), pages: 2, arabic: 4},
	}
}

// longest holds for each parameter of a screen the values that take most room.
func longest(c *text.Catalogue) map[string][]any {
	some := func(prefix string) (all []any) {
		for _, t := range c.All() {
			if strings.HasPrefix(string(t.Key), prefix) && t.Kind != text.StaffRow {
				all = append(all, text.Label(t.Key))
			}
		}
		return all
	}
	date := time.Date(2028, 12, 27, 23, 59, 0, 0, time.UTC) // a Wednesday, long in every language
	return map[string][]any{
		"ref": {text.Ref("88888888")}, "code": {text.Ref("88888888")}, "day": {date}, "time": {date}, "due": {date}, "until": {date},
		"place": {"Mmmmmmmmmmmm"}, "name": {"Mmmmmmmmmmmm"}, "last": {"888"}, "tail": {"888"}, "year": {"1988"}, "dial": {"*888*888#"},
		"n": {1, 2, 10, 11}, "least": {3}, "most": {10}, "left": {1, 2, 3}, "minutes": {1, 2, 10, 60}, "phone": {"00212522888888"},
		"reason": some("permit.reason."), "relation": some("relation."), "papers": {text.Lines{text.L("permit.paper.family_book", nil)}},
	}
}

// TestThreeSlotsAPage: also in Arabic, whether one day has them or three in a row.
func TestThreeSlotsAPage(t *testing.T) {
	t.Parallel()
	c, err := catalogue()
	if err != nil {
		t.Fatal(err)
	}
	write := func(k text.Key, p text.Params) string { return c.Write(text.Arabic, text.L(k, p)) }
	for _, apart := range []int{0, 1} {
		for first := range 7 {
			s := ussd.Screen{Body: write("visit.ask.slot", nil), Footer: []ussd.Item{{Key: ussd.KeyBack, Label: write("dialog.nav.back", nil)}}}
			for i := range 7 {
				at := text.Params{"day": time.Date(2028, 12, 10+first+i*apart, 0, 0, 0, 0, time.UTC), "time": time.Date(2028, 12, 10, 10+i, 30, 0, 0, time.UTC)}
				s.Items = append(s.Items, ussd.Item{Key: strconv.Itoa(i + 1), Label: write("visit.opt.hour", at), Under: write("visit.opt.day", at)})
			}
			page := ussd.Paginate(s, ussd.DefaultBudget(), ussd.Nav{More: write("dialog.nav.more", nil)})[0]
			if !strings.Contains(page, "\n3 ") {
				t.Errorf("fewer than three slots on the first page:\n%s", page)
			}
		}
	}
}

// TestScreensKeepToTheirPages draws every question in every language with its
// longest values and counts the pages it takes where a page holds least.
func TestScreensKeepToTheirPages(t *testing.T) {
	t.Parallel()
	c, err := catalogue()
	if err != nil {
		t.Fatal(err)
	}
	c.OnFault(func(err error) { t.Error(err) })
	seen := map[string]bool{}
	for _, name := range questions(t) {
		seen[name] = true
		looks, ok := budgets[name]
		if !ok {
			t.Errorf("%s is a new question: give it a budget of pages", name)
		}
		for _, look := range looks {
			for _, l := range text.Citizen() {
				drawer{c, l, longest(c)}.check(t, name, look)
			}
		}
	}
	for name := range budgets {
		if !seen[name] {
			t.Errorf("%s has a budget and is no question any more", name)
		}
	}
}

// questions lists every question as entry/question.
func questions(t *testing.T) []string {
	var all []string
	for _, d := range []form.Definition{
		account.New(nil, nil, nil, dialCode).Definition(), info.New(nil, nil, nil).Definition(),
		permit.New(nil, nil, nil, nil, nil, nil, nil).Definition(), visit.New(nil, nil, nil, nil, nil).Definition(),
	} {
		for _, e := range d.Entries {
			f, ok := e.Flow.(interface{ Questions() []string })
			if !ok {
				t.Fatalf("%s does not tell its questions", e.Name)
			}
			for _, q := range f.Questions() {
				all = append(all, e.Name+"/"+q)
			}
		}
	}
	return all
}

// drawer writes the screens of one language.
type drawer struct {
	c      *text.Catalogue
	l      text.Lang
	values map[string][]any
}

// wordings writes a text with every combination of its longest values.
func (d drawer) wordings(t *testing.T, k text.Key, states string) []string {
	at := slices.IndexFunc(d.c.All(), func(x *text.Text) bool { return x.Key == k })
	if at < 0 {
		t.Fatalf("no text %s", k)
	}
	all := []text.Params{{}}
	for _, p := range d.c.All()[at].Params {
		values := d.values[p.Name]
		if p.Name == "state" {
			values = nil
			for _, x := range d.c.All() {
				if strings.HasPrefix(string(x.Key), states) {
					values = append(values, text.Label(x.Key))
				}
			}
		}
		if len(values) == 0 {
			t.Fatalf("%s: no longest value for {%s}", k, p.Name)
		}
		var more []text.Params
		for _, have := range all {
			for _, v := range values {
				with := maps.Clone(have)
				with[p.Name] = v
				more = append(more, with)
			}
		}
		all = more
	}
	var out []string
	for _, p := range all {
		out = append(out, d.c.Write(d.l, text.L(k, p)))
	}
	return out
}

func (d drawer) widest(t *testing.T, k text.Key) string {
	return slices.MaxFunc(d.wordings(t, k, "permit.word."), func(a, b string) int { return len([]rune(a)) - len([]rune(b)) })
}

func (d drawer) check(t *testing.T, name string, look asked) {
	t.Helper()
	nav := ussd.Nav{More: d.widest(t, "dialog.nav.more"), Back: d.widest(t, "dialog.nav.back")}
	screen := ussd.Screen{Footer: []ussd.Item{{Key: ussd.KeyBack, Label: nav.Back}}}
	under := ""
	for _, k := range look.options {
		if k == "visit.opt.day" {
			under = strings.Replace(d.widest(t, k), "27/", strconv.Itoa(20+len(screen.Items))+"/", 1) // days differ
			continue
		}
		screen.Items = append(screen.Items, ussd.Item{Key: string(rune('1' + len(screen.Items))), Label: d.widest(t, k), Under: under})
	}
	most := max(1, look.pages)
	if d.l == text.Arabic {
		most = max(most, look.arabic)
	}
	states := "permit.state."
	if strings.HasPrefix(name, "visit.") {
		states = "visit.state."
	}
	for _, again := range append([]text.Key{""}, look.again...) {
		if again != "" {
			screen.Title = d.widest(t, again)
		}
		for _, k := range look.ask {
			for _, screen.Body = range d.wordings(t, k, states) {
				if pages := ussd.Paginate(screen, ussd.DefaultBudget(), nav); len(pages) > most {
					t.Errorf("%s in %s takes %d pages, %d are allowed:\n%s", name, d.l, len(pages), most, strings.Join(pages, "\n---\n"))
					return
				}
			}
		}
	}
}
