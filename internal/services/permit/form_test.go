package permit_test

import (
	"strings"
	"testing"

	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/services/permit"
	"github.com/wasl-sms/wasl/internal/text"
)

func (w *world) speaker(account int64) form.Who {
	return form.Who{Account: account, Lang: text.English, Channel: form.USSD, PINGiven: true, Now: w.Now()}
}

func TestAskByNumber(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	account, _ := w.Family(text.English)
	d := w.open(w.speaker(account), "permit.request")
	d.again("41", "permit.bad_number")
	d.again("😀", "permit.bad_number")
	d.again(strings.Repeat("9", 2000), "permit.bad_number")
	d.answer("41 207")
	if s := w.screen(d); !strings.Contains(s, "1 Me") || !strings.Contains(s, "2 Add a person") || strings.Contains(s, "9 ") {
		t.Errorf("asked %q", s)
	}
	d.answer("1", "2", "9", "4")
	if s := w.screen(d); !strings.Contains(s, "punished by law") || !strings.Contains(s, "9 Send") {
		t.Errorf("warned %q", s)
	}
	d.again("1", "form.choose")
	d.answer("9")
	first, second := d.finish("call/9"), d.finish("call/9")
	if first.Key != "permit.sent" || first.Params["ref"] != second.Params["ref"] {
		t.Errorf("told %v, then %v", first, second)
	}
	if n := w.count(account, "permit.received"); n != 1 {
		t.Errorf("%d receipts", n)
	}
}

func TestAskByNameWithNewPeople(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	account, self := w.Family(text.English)
	d := w.open(w.speaker(account), "permit.request")
	d.answer("1")
	d.again("A", "permit.bad_name")
	d.again("4lice", "permit.bad_name")
	d.answer("alaoui", "كريم")
	d.again("31021980", "form.date")
	d.again("01012999", "birth.future")
	d.answer("12/4/1988")
	if s := w.screen(d); !strings.Contains(s, "Ain Sebaa 1") {
		t.Errorf("places: %q", s)
	}
	places := strings.Split(w.screen(d), "\n")[1:]
	for i, line := range places {
		if strings.Contains(line, "Fes") {
			d.again(places[i][:1], "permit.not_open_here")
		}
	}
	for i, line := range places {
		if strings.Contains(line, "Ain Sebaa") {
			d.answer(places[i][:1])
		}
	}
	d.answer("2") // somebody new
	d.again("12", "id_shape.cin")
	d.answer("ab 777001", "05031990", "1")
	d.answer("1", "2") // the holder too
	if s := w.screen(d); !strings.Contains(s, "2 people") {
		t.Errorf("after two: %q", s)
	}
	back, ok := d.flow.Back(d.draft)
	if !ok {
		t.Fatal("no way back")
	}
	d.draft = back
	if q := d.asked(); q != "relation" {
		t.Errorf("back to %q", q)
	}
	d.answer("2", "9", "4", "9")
	if line := d.finish(w.Key()); line.Key != "permit.sent" {
		t.Fatalf("told %v", line)
	}
	var id int64
	w.Scan(&id, `select id from permit_request`)
	v, err := w.Permits.View(t.Context(), id)
	w.Must(err)
	if v.File.State != permit.UnderReview || len(v.Visitors) != 2 || v.Visitors[0].VisitorID != self || v.Claim.Given != "كريم" {
		t.Errorf("stored %+v", v)
	}
}

func TestTooManyPeople(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	account, _ := w.Family(text.English)
	d := w.open(w.speaker(account), "permit.request", "41207")
	if q := d.asked(); q != "visitor" {
		t.Fatalf("a number with the keyword, then asked for %q", q)
	}
	d.answer("1", "1")
	for _, card := range []string{"AB700001", "AB700002", "AB700003"} {
		d.answer("1", card, "05031990", "1")
	}
	d.again("1", "permit.too_many")
	d.answer("9", "4", "9")
	if line := d.finish(w.Key()); line.Key != "permit.sent" {
		t.Errorf("told %v", line)
	}
}

func TestMyRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	account, self := w.Family(text.English)
	_, err := w.tryOpen(w.speaker(account), "permit.mine")
	refused(t, err, "permit.none_yet")

	sent := w.send(account, self, nobody)
	w.Must(w.Permits.CannotMatch(t.Context(), w.staff(3, "clerk"), sent.ID, w.file(sent.ID).Version, ""))
	w.wasTold(account, "permit.cannot_match", sent.Ref)
	d := w.open(w.speaker(account), "permit.mine") // the only one: not asked which
	if s := w.screen(d); !strings.Contains(s, "1 Correct it") || !strings.Contains(s, "2 Withdraw it") || !strings.Contains(s, "9 Finish") {
		t.Errorf("offered %q", s)
	}
	d.answer("1", "1", "Alaoui", "Karim", "12041988", "1")
	if line := d.finish("call/1"); line.Key != "permit.corrected_screen" {
		t.Errorf("told %v", line)
	}
	d.finish("call/1")
	if f := w.file(sent.ID); f.State != permit.UnderReview || f.AuthorityID == nil {
		t.Errorf("after the correction %+v", f)
	}
	if n := w.count(account, "permit.corrected"); n != 1 {
		t.Errorf("%d texts of the correction", n)
	}

	_, err = w.decide(sent.ID, nil)
	w.Must(err)
	d = w.open(w.speaker(account), "permit.mine")
	d.answer("1")
	if line := d.finish(w.Key()); line.Key != "permit.again_screen" {
		t.Errorf("told %v", line)
	}
	v, err := w.Permits.View(t.Context(), sent.ID)
	w.Must(err)
	w.wasTold(account, "permit.codes", v.Permits[0].Ref, v.Permits[0].Code)
	w.Must(w.Permits.Revoke(t.Context(), w.staff(judge, "authority"), v.Permits[0].ID, 1, "security"))
	if line := d.finish(w.Key()); line.Key != "permit.none_live" {
		t.Errorf("told %v", line)
	}

	open := w.send(account, self, onTrial)
	d = w.open(w.speaker(account), "permit.mine")
	d.answer("1", "1")
	if line := d.finish(w.Key()); line.Key != "permit.withdrawn_screen" || w.file(open.ID).State != permit.Withdrawn {
		t.Errorf("told %v", line)
	}
	other, _ := w.Family(text.English)
	if _, ok, err := w.Permits.Status(t.Context(), w.speaker(other), open.Ref); ok || err != nil {
		t.Errorf("a stranger asked for the status: %v, %v", ok, err)
	}
	refused(t, w.Permits.Withdraw(t.Context(), w.by(citizen(other)), open.ID, 2), "case.unknown")
}
