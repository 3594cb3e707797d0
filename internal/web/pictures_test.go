package web_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/wasl-sms/wasl/internal/desk"
	"github.com/wasl-sms/wasl/internal/services/permit/permittest"
	"github.com/wasl-sms/wasl/internal/services/visit"
	"github.com/wasl-sms/wasl/internal/text"
)

// Every page in French and in Arabic, wide and narrow, light and dark: nothing
// scrolls sideways, Arabic runs from the right, every text stands out from what is behind it.
func TestPictures(t *testing.T) {
	t.Parallel()
	for _, lang := range []text.Lang{text.French, text.Arabic} {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			house, dir := w.house("AINS"), w.authority("DIR", "AINS")
			boss := w.staff("directeur", lang, desk.Grant{Role: desk.Authority, AuthorityID: dir})
			clerk := w.staff("greffe", lang, desk.Grant{Role: desk.Clerk, EstablishmentID: house})
			w.staff("planning", lang, desk.Grant{Role: desk.Establishment, EstablishmentID: house})
			w.staff("admin", lang, desk.Grant{Role: desk.Admin})
			w.staff("audit", lang, desk.Grant{Role: desk.Auditor})
			var inbox []string
			for i, l := range []text.Lang{text.Arabic, text.French, text.Darija, text.English, text.French} {
				inbox = append(inbox, w.request(w.family(l, i%3), "41207").Ref)
			}
			// One is overdue, one due today, one soon.
			for i, days := range []int{-2, 0, 1} {
				_, err := w.DB.Exec(t.Context(), `update case_file set due_at = $2, created_at = $3 where ref = $1`, inbox[i],
					permittest.Start.AddDate(0, 0, days).Add(5*3600e9), permittest.Start.AddDate(0, 0, days-14))
				w.Must(err)
			}
			lost := w.request(w.family(lang, 1), "99999")
			f := w.family(text.Arabic, 1)
			granted := w.request(f, "41207")
			w.grant(granted, boss)
			v, slot := w.book(f, "41207")
			var number string
			w.Scan(&number, `select c.ref from permit p join case_file c on c.id = p.id where p.request_id = $1 limit 1`, granted.ID)

			ctx := chromium(t)
			run(t, ctx, chromedp.Navigate(w.site.URL+"/login?lang="+string(lang)))
			w.shoot(t, ctx, lang, "login", "/login")
			w.loginBy(t, ctx, "directeur")
			at := "/case/" + inbox[0]
			w.shoot(t, ctx, lang, "inbox", "/inbox")
			w.shoot(t, ctx, lang, "inbox-empty", "/inbox?view=waiting")
			w.shoot(t, ctx, lang, "case", "/case/"+granted.Ref)
			w.shoot(t, ctx, lang, "decide", "/case/"+inbox[1]+"/decide?all=grant")
			w.shoot(t, ctx, lang, "decide-wrong", "/case/"+inbox[1]+"/decide", chromedp.Submit(chromedp.CSS("form[action$='/check']")), chromedp.WaitVisible(chromedp.CSS(".problems")))
			w.shoot(t, ctx, lang, "check", "/case/"+inbox[1]+"/decide?all=grant", chromedp.Submit(chromedp.CSS("form[action$='/check']")), chromedp.WaitVisible(chromedp.CSS("table.answers")))
			w.shoot(t, ctx, lang, "paper", at+"/paper")
			w.shoot(t, ctx, lang, "refer", at+"/refer")
			w.shoot(t, ctx, lang, "done", "/case/"+granted.Ref+"/done?what=decided")
			w.shoot(t, ctx, lang, "permit", "/case/"+number)
			w.shoot(t, ctx, lang, "permit-sheet", "/case/"+number+"/print")
			w.shoot(t, ctx, lang, "revoke", "/case/"+number+"/revoke")
			w.shoot(t, ctx, lang, "unknown", "/case/"+lost.Ref)
			w.loginBy(t, ctx, "greffe")
			w.shoot(t, ctx, lang, "match", "/case/"+lost.Ref+"/match", chromedp.SetValue(chromedp.CSS("#f-number"), "41207"),
				chromedp.Submit(chromedp.CSS("#f-number")), chromedp.WaitVisible(chromedp.CSS(".found")))
			w.loginBy(t, ctx, "planning")
			day := slot.Start.Format("2006-01-02")
			w.shoot(t, ctx, lang, "timetable", "/timetable?week="+day)
			w.shoot(t, ctx, lang, "occurrence", fmt.Sprintf("/occurrence/%d", slot.ID))
			w.shoot(t, ctx, lang, "close", "/close?day="+day)
			w.shoot(t, ctx, lang, "close-check", "/close?day="+day, chromedp.Click(chromedp.CSS("input[value=works]")),
				chromedp.Submit(chromedp.CSS("form[action='/close/check']")), chromedp.WaitVisible(chromedp.CSS("form[action='/close']")))
			w.shoot(t, ctx, lang, "day", "/day?day="+day)
			w.lose(v.ID)
			w.shoot(t, ctx, lang, "missed", "/missed")
			w.shoot(t, ctx, lang, "gate", "/gate")
			look := func(code string) []chromedp.Action[chromedp.Void] {
				return []chromedp.Action[chromedp.Void]{
					chromedp.SetValue(chromedp.CSS("#f-code"), code),
					chromedp.Submit(chromedp.CSS("#f-code")), chromedp.WaitVisible(chromedp.CSS(".light")),
				}
			}
			w.shoot(t, ctx, lang, "gate-red", "/gate", look(v.Ref)...)
			wished := w.family(text.French, 1)
			_, err := w.DB.Exec(t.Context(), `update session_template set on_request = true`)
			w.Must(err)
			w.grant(w.request(wished, "40112"), boss)
			wish, _ := w.book(wished, "40112")
			w.shoot(t, ctx, lang, "wishes", "/wishes")
			w.shoot(t, ctx, lang, "reject", "/case/"+wish.Ref+"/reject")
			w.Add(slot.Start.Sub(w.Now()) - 20*60e9)
			w.loginBy(t, ctx, "planning")
			w.shoot(t, ctx, lang, "gate-green", "/gate", look(v.Code)...)
			_, err = w.DB.Exec(t.Context(), `insert into visit_flag (visit_id, kind, source, blocks_gate, at) values ($1, 'court', 'test', true, $2)`, v.ID, w.Now())
			w.Must(err)
			w.shoot(t, ctx, lang, "gate-amber", "/gate", look(v.Code)...)
			_, err = w.DB.Exec(t.Context(), `update visit_flag set resolved = 'kept', resolved_by = $2, resolved_at = $3 where visit_id = $1`, v.ID, boss, w.Now())
			w.Must(err)
			w.Must(w.Visits.CheckIn(t.Context(), w.gatekeeper(boss), v.ID, v.Visitors[0]))
			w.shoot(t, ctx, lang, "day-settle", "/day?day="+day)
			cmd := w.system()
			cmd.Actor.Role = "establishment"
			closure, err := w.Visits.Close(t.Context(), cmd, visit.Closing{EstablishmentID: house, Day: slot.Day, Reason: "works"})
			w.Must(err)
			w.shoot(t, ctx, lang, "closure", fmt.Sprintf("/closure/%d", closure))
			w.shoot(t, ctx, lang, "register", "/register")
			who := w.login("greffe")
			who.get("/register")
			who.attach(who.fields("/register"), registerFile)
			handed := who.path
			w.loginBy(t, ctx, "greffe")
			_, err = w.DB.Exec(t.Context(), `update register_import set done = 2, total = 6`)
			w.Must(err)
			w.shoot(t, ctx, lang, "import-runs", handed)
			w.work()
			who.taken(handed)
			w.shoot(t, ctx, lang, "import", handed)
			w.loginBy(t, ctx, "audit")
			w.shoot(t, ctx, lang, "audit", "/audit")
			w.loginBy(t, ctx, "admin")
			w.shoot(t, ctx, lang, "operators-none", "/operators")
			w.operators()
			w.shoot(t, ctx, lang, "operators", "/operators")
			w.shoot(t, ctx, lang, "operator", "/operators/north", chromedp.Click(chromedp.CSS("#by-hour summary")))
			w.shoot(t, ctx, lang, "operator-http", "/operators/hubtel")
			w.shoot(t, ctx, lang, "aside-none", "/aside")
			for i, reason := range []string{"lost", "not found", "panic", "timeout"} {
				w.setAside(reason, 5, i, time.Duration(5-i)*7*time.Hour)
			}
			w.shoot(t, ctx, lang, "aside", "/aside")
			w.shoot(t, ctx, lang, "staff", "/staff")
			w.shoot(t, ctx, lang, "staff-new", "/staff/new")
			w.shoot(t, ctx, lang, "staff-issued", "/staff/new", chromedp.SetValue(chromedp.CSS("#f-name"), "Latifa Amrani"),
				chromedp.SetValue(chromedp.CSS("#f-login"), "latifa"), chromedp.Submit(chromedp.CSS("#f-login")), chromedp.WaitVisible(chromedp.CSS(".confirm")))
			w.shoot(t, ctx, lang, "member", fmt.Sprintf("/staff/%d", clerk))
			w.shoot(t, ctx, lang, "grant", fmt.Sprintf("/staff/%d/grant?role=authority", clerk))
		})
	}
}
