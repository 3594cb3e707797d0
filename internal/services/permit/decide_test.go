package permit_test

import (
	"sync"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/person"
	"github.com/wasl-sms/wasl/internal/services/permit"
	"github.com/wasl-sms/wasl/internal/text"
)

// household sends a request for the holder and one more person.
func (w *world) pair(number string) (account int64, sent permit.Sent) {
	w.T.Helper()
	account, self := w.Family(text.French)
	in := asks(account, self, number)
	in.Visitors = append(in.Visitors, permit.Coming{Relation: "spouse", New: &person.VisitorInput{
		IDType: "cin", IDNumber: "ZZ400400", BirthDate: time.Date(1988, 1, 2, 0, 0, 0, 0, time.UTC), Relation: "spouse",
	}})
	sent, err := w.Permits.Send(w.T.Context(), w.by(citizen(account)), in)
	w.Must(err)
	return account, sent
}

func TestGrantAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	account, sent := w.pair(convicted)
	d := w.decision(sent.ID)
	preview, err := w.Permits.Preview(t.Context(), d)
	w.Must(err)
	if preview.Key != "permit.granted" || preview.Params["n"] != 2 {
		t.Errorf("preview %v", preview)
	}
	got, err := w.Permits.Decide(t.Context(), w.staff(judge, "authority"), d)
	w.Must(err)
	if got.State != permit.Granted || len(got.Permits) != 2 {
		t.Fatalf("decided %+v", got)
	}
	var rules int
	w.Must(w.DB.QueryRow(t.Context(), `select rule_version from audit_event where object_id = $1 and action = 'permit_request.grant_all'`,
		sent.ID).Scan(&rules))
	if rules == 0 {
		t.Error("the decision does not tell by which rules it was taken")
	}
	v, err := w.Permits.View(t.Context(), sent.ID)
	w.Must(err)
	for i, p := range v.Permits {
		if p.State != permit.Active || p.Ref != got.Permits[i] || !casework.ValidRef(p.Code) {
			t.Errorf("permit %+v", p)
		}
		if !permit.Genuine(w.Ring, p.Code, p.Ref, p.VisitorID, p.ValidTo) {
			t.Errorf("the code of %+v is not taken for genuine", p)
		}
		later := p.ValidTo.AddDate(0, 0, 1)
		if permit.Genuine(w.Ring, p.Code, p.Ref, p.VisitorID, &later) || permit.Genuine(w.Ring, p.Code, p.Ref, p.VisitorID+1, p.ValidTo) ||
			permit.Genuine(w.Ring, p.Code, p.Ref, p.VisitorID, nil) || permit.Genuine(w.Ring, p.Code, got.Permits[1-i], p.VisitorID, p.ValidTo) {
			t.Errorf("the code of %+v is taken for what it is not", p)
		}
		w.wasTold(account, "permit.granted", p.Ref, p.Code, sent.Ref)
	}
	if f := w.file(sent.ID); f.DueAt != nil {
		t.Error("the clock runs on")
	}
}

func TestGrantSomeAndNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	account, sent := w.pair(convicted)
	got, err := w.decide(sent.ID, func(d *permit.Decision) {
		d.Verdicts[1].Grant, d.Verdicts[1].Reason = false, "identity_doubt"
		d.Sighted, d.Kind, d.To = false, permit.Permanent, time.Time{}
	})
	w.Must(err)
	if got.State != permit.GrantedPart || len(got.Permits) != 1 {
		t.Errorf("decided %+v", got)
	}
	w.wasTold(account, "permit.granted_part", got.Permits[0], "identité à vérifier", "nouvel ordre")
	v, err := w.Permits.View(t.Context(), sent.ID)
	w.Must(err)
	if v.Visitors[1].Result != "refused" || *v.Visitors[1].ReasonCode != "identity_doubt" || v.Permits[0].State != permit.PendingSight {
		t.Errorf("stored %+v %+v", v.Visitors, v.Permits)
	}
	for range 2 { // once seen, seen
		w.Must(w.Permits.Sight(t.Context(), w.staff(9, "gate"), v.Permits[0].ID))
	}
	if f := w.file(v.Permits[0].ID); f.State != permit.Active || f.Version != 2 {
		t.Errorf("after sighting %+v", f)
	}

	account, sent = w.pair(onTrial)
	got, err = w.decide(sent.ID, refuseAll)
	w.Must(err)
	if got.State != permit.Refused || len(got.Permits) != 0 {
		t.Errorf("decided %+v", got)
	}
	w.wasTold(account, "permit.refused", sent.Ref, "lien de parenté non prouvé", "15 jours")
	line, ok, err := w.Permits.Status(t.Context(), w.speaker(account), sent.Ref)
	if !ok || err != nil || line.Params["reason"] != text.Label("permit.reason.link_not_shown") {
		t.Errorf("status %v %v", line, err)
	}
}

func TestDecisionsThatCanNotStand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, sent := w.pair(convicted)
	for name, c := range map[string]struct {
		change func(*permit.Decision)
		want   text.Key
	}{
		"an older version":      {func(d *permit.Decision) { d.Version-- }, "case.changed"},
		"another authority":     {func(d *permit.Decision) { d.AuthorityID++ }, "permit.other_authority"},
		"somebody left out":     {func(d *permit.Decision) { d.Verdicts = d.Verdicts[:1] }, "permit.verdict_missing"},
		"somebody twice":        {func(d *permit.Decision) { d.Verdicts[1] = d.Verdicts[0] }, "permit.verdict_missing"},
		"a stranger":            {func(d *permit.Decision) { d.Verdicts[1].VisitorID = 999 }, "permit.verdict_missing"},
		"no reason":             {func(d *permit.Decision) { refuseAll(d); d.Verdicts[0].Reason = "" }, "permit.reason_missing"},
		"a reason nobody knows": {func(d *permit.Decision) { refuseAll(d); d.Verdicts[0].Reason = "whim" }, "permit.reason_missing"},
		"too long":              {func(d *permit.Decision) { d.To = d.From.AddDate(1, 0, 2) }, "permit.too_long"},
		"ends before it begins": {func(d *permit.Decision) { d.To = d.From.AddDate(0, 0, -1) }, "permit.too_long"},
		"no end":                {func(d *permit.Decision) { d.To = time.Time{} }, "permit.too_long"},
		"begins long ago":       {func(d *permit.Decision) { d.From = d.From.AddDate(0, -2, 0) }, "permit.from_missing"},
		"begins nobody knows":   {func(d *permit.Decision) { d.From = time.Time{} }, "permit.from_missing"},
		"counted but not told":  {func(d *permit.Decision) { d.Kind = permit.Counted }, "permit.visits_missing"},
		"a kind nobody knows":   {func(d *permit.Decision) { d.Kind = "forever" }, "permit.kind_missing"},
		"no such request":       {func(d *permit.Decision) { d.RequestID = 999999 }, "case.unknown"},
	} {
		_, err := w.decide(sent.ID, c.change)
		if fault.KeyOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	for _, who := range []casework.Command{w.staff(1, "clerk"), w.staff(1, "gate"), w.by(casework.Actor{Kind: casework.Job, Role: "authority"})} {
		_, err := w.Permits.Decide(t.Context(), who, w.decision(sent.ID))
		refused(t, err, "case.not_allowed")
	}
	if _, err := w.DB.Exec(t.Context(), `insert into visitor_ban (country, id_number_index, valid_from, reason_code, set_by, set_at)
		select country, id_number_index, '2026-01-01', 'security', 1, $1 from visitor v join permit_request_visitor p on p.visitor_id = v.id
		where p.request_id = $2 order by v.id limit 1`, w.Now(), sent.ID); err != nil {
		t.Fatal(err)
	}
	_, err := w.decide(sent.ID, nil)
	refused(t, err, "permit.visitor_banned")
	if _, err = w.decide(sent.ID, refuseAll); err != nil {
		t.Errorf("banned people can be refused: %v", err)
	}

	account, self := w.Family(text.French)
	unknown := w.send(account, self, nobody)
	d := w.decision(unknown.ID)
	d.AuthorityID = 1
	_, err = w.Permits.Decide(t.Context(), w.staff(judge, "authority"), d)
	refused(t, err, "permit.other_authority")
}

func TestTwoDecisionsOneCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	account, sent := w.pair(convicted)
	yes, no := w.decision(sent.ID), w.decision(sent.ID)
	refuseAll(&no)
	var wg sync.WaitGroup
	errs := make([]error, 10)
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = w.Permits.Decide(t.Context(), w.staff(int64(10+i), "authority"), []permit.Decision{yes, no}[i%2])
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if fault.KindOf(err) != fault.KindConflict {
			t.Errorf("the loser was told %v", err)
		}
	}
	if n := len(w.told(account)); won != 1 || n != 2 {
		t.Errorf("%d decisions counted, %d texts", won, n)
	}
}

func TestPapersStopTheClock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	account, sent := w.pair(convicted)
	clerk := func() casework.Command { return w.staff(3, "clerk") }
	refused(t, w.Permits.AskPapers(t.Context(), clerk(), sent.ID, 2, nil, ""), "permit.paper_missing")
	refused(t, w.Permits.AskPapers(t.Context(), clerk(), sent.ID, 2, []string{"passport_of_a_cat"}, ""), "permit.paper_missing")
	w.Add(24 * time.Hour)
	w.Must(w.Permits.AskPapers(t.Context(), clerk(), sent.ID, 2, []string{"family_book", "id_card"}, "the copy is cut"))
	w.wasTold(account, "permit.need_paper", sent.Ref, "le livret de famille", "la carte d'identité", "01/04/2027")
	if f := w.file(sent.ID); f.DueAt != nil || *f.ClockLeft != sent.Due.Sub(w.Now()) {
		t.Errorf("the clock: %+v", f)
	}
	line, _, err := w.Permits.Status(t.Context(), w.speaker(account), sent.Ref)
	if err != nil || line.Key != "permit.status_papers" {
		t.Errorf("status %v %v", line, err)
	}
	refused(t, w.Permits.Correct(t.Context(), w.by(citizen(account)), sent.ID, 3, permit.Claim{Number: onTrial}), "case.state_changed")
	w.Add(5 * 24 * time.Hour)
	w.Must(w.Permits.Supplied(t.Context(), clerk(), sent.ID, 3))
	want := sent.Due.Add(5 * 24 * time.Hour)
	if f := w.file(sent.ID); f.State != permit.UnderReview || !f.DueAt.Equal(want) || f.ClockLeft != nil {
		t.Errorf("afterwards %+v, want due %v", f, want)
	}
	w.wasTold(account, "permit.supplied", sent.Ref, want.Format("02/01/2006"))
	var papers int
	w.Scan(&papers, `select count(*)::int from document where case_id = $1 and status = 'accepted' and way = 'sighted'`, sent.ID)
	if papers != 2 {
		t.Errorf("%d papers kept", papers)
	}
}

func TestWronglyMatchedGoesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	account, sent := w.pair(convicted)
	w.Must(w.Permits.CannotMatch(t.Context(), w.staff(3, "clerk"), sent.ID, 2, "other birth date on the card"))
	f := w.file(sent.ID)
	if f.State != permit.InfoNeeded || f.AuthorityID != nil || f.DueAt != nil {
		t.Errorf("%+v", f)
	}
	refused(t, w.Permits.Supplied(t.Context(), w.staff(3, "clerk"), sent.ID, 3), "case.state_changed")
	w.Must(w.Permits.Correct(t.Context(), w.by(citizen(account)), sent.ID, 3, permit.Claim{Number: nobody}))
	f = w.file(sent.ID)
	if f.State != permit.Submitted || f.AuthorityID != nil || !f.DueAt.Equal(sent.Due) {
		t.Errorf("%+v", f)
	}
	var trial int64
	w.Scan(&trial, `select id from detainee where legal_status = 'investigation' and country = 'MA'`)
	w.Must(w.Permits.Match(t.Context(), w.staff(3, "clerk"), sent.ID, f.Version, trial))
	a, err := w.Places.Authority(t.Context(), *w.file(sent.ID).AuthorityID)
	if err != nil || a.Kind != establishment.InvestigatingJudge {
		t.Errorf("matched to %+v, %v", a, err)
	}
	w.Must(w.Permits.CloseNoObject(t.Context(), w.staff(3, "clerk"), sent.ID, w.file(sent.ID).Version, "doubled"))
	w.wasTold(account, "permit.no_object", sent.Ref)
	refused(t, w.Permits.CloseNoObject(t.Context(), w.staff(3, "clerk"), sent.ID, 9, "bored"), "permit.reason_missing")
}

func TestReferTwiceThenOnlyUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	account, sent := w.pair(convicted)
	of := func(kind establishment.AuthorityKind) (id int64) {
		w.Scan(&id, `select id from authority where kind = $1 and country = 'MA' order by id limit 1`, kind)
		return id
	}
	refer := func(to int64) error {
		f := w.file(sent.ID)
		return w.Permits.Refer(t.Context(), w.staff(judge, "authority"), sent.ID, f.Version, to, "not_competent")
	}
	refused(t, refer(*w.file(sent.ID).AuthorityID), "permit.same_authority")
	refused(t, refer(999), "authority.unknown")
	w.Must(refer(of("JI")))
	w.Must(refer(of("PR")))
	refused(t, refer(of("JAP")), "permit.referred_enough")
	w.Must(refer(of("PG"))) // the parent
	f := w.file(sent.ID)
	if *f.AuthorityID != of("PG") || !f.DueAt.Equal(sent.Due) || f.State != permit.UnderReview {
		t.Errorf("%+v", f)
	}
	if n := w.count(account, "permit.referred"); n != 3 {
		t.Errorf("told %d times", n)
	}
}

func TestAppeal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	account, sent := w.pair(convicted)
	first := *w.file(sent.ID).AuthorityID
	_, err := w.decide(sent.ID, refuseAll)
	w.Must(err)
	w.Must(w.Permits.Appeal(t.Context(), w.by(citizen(account)), sent.ID, 3))
	f := w.file(sent.ID)
	parent, err := w.Places.Authority(t.Context(), first)
	w.Must(err)
	if f.State != permit.Appealed || *f.AuthorityID != *parent.ParentID || f.DueAt == nil {
		t.Errorf("%+v", f)
	}
	w.wasTold(account, "permit.appealed", sent.Ref, f.DueAt.Format("02/01/2006"))
	refused(t, w.Permits.Judge(t.Context(), w.staff(judge, "authority"), sent.ID, f.Version, false, ""), "permit.own_decision")
	refused(t, w.Permits.Judge(t.Context(), w.staff(8, "authority"), sent.ID, f.Version, true, ""), "permit.reason_missing")
	w.Must(w.Permits.Judge(t.Context(), w.staff(8, "authority"), sent.ID, f.Version, false, ""))
	if s := w.file(sent.ID); s.State != permit.Overturned || s.DueAt != nil {
		t.Errorf("%+v", s)
	}
	var anew int64
	w.Scan(&anew, `select id from permit_request where replaces = $1`, sent.ID)
	made := w.file(anew)
	if made.State != permit.UnderReview || *made.AuthorityID != *parent.ParentID || made.DueAt == nil {
		t.Errorf("%+v", made)
	}
	w.wasTold(account, "permit.overturned", sent.Ref, made.Ref, made.DueAt.Format("02/01/2006"))
	v, err := w.Permits.View(t.Context(), anew)
	if err != nil || v.Claim.Number != convicted || len(v.Visitors) != 2 {
		t.Errorf("%+v %v", v, err)
	}
	if got, err := w.decide(anew, nil); err != nil || got.State != permit.Granted {
		t.Errorf("%+v %v", got, err)
	}

	account, sent = w.pair(onTrial)
	_, err = w.decide(sent.ID, refuseAll)
	w.Must(err)
	w.Add(16*24*time.Hour + time.Hour)
	refused(t, w.Permits.Appeal(t.Context(), w.by(citizen(account)), sent.ID, 3), "permit.appeal_late")
	w.Add(-3 * 24 * time.Hour)
	w.Must(w.Permits.Appeal(t.Context(), w.by(citizen(account)), sent.ID, 3))
	w.Must(w.Permits.Judge(t.Context(), w.staff(8, "authority"), sent.ID, 4, true, "judge_order"))
	w.wasTold(account, "permit.upheld", "décision du juge")
}
