package permit

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/person"
	"github.com/wasl-sms/wasl/internal/text"
)

// Definition declares the service to every surface.
func (s *Service) Definition() form.Definition {
	return form.Definition{Name: "permit", Entries: []form.Entry{
		{
			Name: "permit.request", Version: 1, Menu: 30, Label: "permit.menu", Needs: form.WithPIN,
			Keywords: map[text.Lang][]string{
				text.Arabic: {"رخصة", "تصريح"}, text.French: {"PERMIS", "AUTORISATION"},
				text.Darija: {"ROKHSA", "RO5SA"}, text.English: {"PERMIT"},
			},
			Flow: s.requestFlow(),
		},
		{Name: "permit.mine", Version: 1, Menu: 40, Label: "permit.mine_menu", Needs: form.WithPIN, Flow: s.mineFlow()},
	}}
}

// asking is the draft of a request. Field names are kept: drafts outlive a deploy.
type asking struct {
	described
	Coming   []coming `json:"coming,omitempty"`
	Now      string   `json:"now,omitempty"` // the visitor being described: an id, "new", or "" when all are
	Judgment string   `json:"judgment,omitempty"`
}

type coming struct {
	ID       int64  `json:"id,omitempty"`
	IDType   string `json:"id_type,omitempty"`
	Card     string `json:"card,omitempty"`
	Birth    string `json:"birth,omitempty"`
	Relation string `json:"relation,omitempty"`
}

// whole tells whether every visitor chosen so far is described in full.
func (a asking) whole() bool { return a.Now == "" && len(a.Coming) > 0 }

func (s *Service) requestFlow() form.Flow {
	known := func(_ form.Who, a asking) bool { return a.Now != "new" }
	questions := describing(s, func(a *asking) *described { return &a.described }, func(asking) bool { return true })
	return form.New(form.Spec[asking]{Name: "permit.request", Finish: s.finishRequest, Questions: append(questions, []form.Question[asking]{
		{Name: "visitor", Ask: askVisitor, Options: s.visitorOptions, Set: s.setVisitor},
		{Name: "card", Kind: form.Words, AskKey: "permit.ask_card", Skip: known, Holds: true, Set: s.setCard},
		{
			Name: "visitor_birth", Kind: form.Date, AskKey: "permit.ask_visitor_birth", Skip: known,
			Set: func(_ context.Context, _ form.Who, a *asking, answer string) (err error) {
				a.Coming[len(a.Coming)-1].Birth, err = s.birth(answer)
				return err
			},
		},
		{
			Name: "relation", AskKey: "permit.ask_relation", Options: s.relationOptions, Set: setRelation,
			Skip: func(_ form.Who, a asking) bool { return a.whole() },
		},
		{Name: "judgment", AskKey: "permit.ask_judgment", Options: judgmentOptions, Set: func(_ context.Context, _ form.Who, a *asking, answer string) error {
			a.Judgment = answer
			return nil
		}},
		{Name: "send", Ask: askSend, Options: sendOptions, Set: func(context.Context, form.Who, *asking, string) error { return nil }},
	}...)})
}

func askVisitor(_ context.Context, _ form.Who, a asking) (text.Line, error) {
	if len(a.Coming) == 0 {
		return text.L("permit.ask_visitor", nil), nil
	}
	return text.L("permit.ask_visitor_more", text.Params{"n": len(a.Coming)}), nil
}

func (s *Service) visitorOptions(ctx context.Context, w form.Who, a asking) ([]form.Option, error) {
	household, err := s.persons.Household(ctx, w.Account)
	if err != nil {
		return nil, err
	}
	var options []form.Option
	for _, v := range household {
		if slices.ContainsFunc(a.Coming, func(c coming) bool { return c.ID == v.ID }) {
			continue
		}
		label := text.L("permit.visitor_other", text.Params{"last": v.IDTail})
		if v.Self {
			label = text.L("permit.visitor_self", nil)
		}
		options = append(options, form.Option{Value: strconv.FormatInt(v.ID, 10), Label: label})
	}
	options = append(options, form.Option{Value: "new", Label: text.L("permit.visitor_add", nil)})
	if len(a.Coming) > 0 {
		options = append(options, form.Option{Value: "done", Key: "9", Label: text.L("permit.visitor_done", nil)})
	}
	return options, nil
}

func (s *Service) setVisitor(ctx context.Context, w form.Who, a *asking, answer string) error {
	if answer == "done" {
		a.Now = ""
		return nil
	}
	rules, err := s.rulesOf(ctx, w.Account)
	if err != nil {
		return err
	}
	if len(a.Coming) >= rules.VisitorsPerRequest {
		return form.Again("permit.too_many", text.Params{"n": rules.VisitorsPerRequest})
	}
	a.Now = answer
	next := coming{}
	if answer != "new" {
		if next.ID, err = strconv.ParseInt(answer, 10, 64); err != nil {
			return fmt.Errorf("visitor %q: %w", answer, err)
		}
	}
	a.Coming = append(a.Coming, next)
	return nil
}

func (s *Service) rulesOf(ctx context.Context, account int64) (establishment.Rules, error) {
	acc, err := s.persons.Account(ctx, account)
	if err != nil {
		return establishment.Rules{}, err
	}
	return s.places.CountryRules(ctx, acc.Country, s.now())
}

// setCard takes any kind of card the country knows, by its shape.
func (s *Service) setCard(ctx context.Context, w form.Who, a *asking, answer string) error {
	acc, err := s.persons.Account(ctx, w.Account)
	if err != nil {
		return err
	}
	kinds, err := s.persons.IDTypes(ctx, acc.Country)
	if err != nil {
		return err
	}
	var first error
	for _, k := range kinds {
		number, err := k.Check(answer)
		if err == nil {
			last := &a.Coming[len(a.Coming)-1]
			last.IDType, last.Card = k.Type, number.Raw()
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return form.Asked(first)
}

func (s *Service) relationOptions(ctx context.Context, w form.Who, _ asking) ([]form.Option, error) {
	acc, err := s.persons.Account(ctx, w.Account)
	if err != nil {
		return nil, err
	}
	all, err := s.places.Relations(ctx, acc.Country)
	if err != nil {
		return nil, err
	}
	options := make([]form.Option, len(all))
	for i, r := range all {
		options[i] = form.Option{Value: r.Code, Label: text.L(r.Label(), nil)}
	}
	return options, nil
}

// setRelation ends the description of one visitor and asks whether more come.
func setRelation(_ context.Context, _ form.Who, a *asking, answer string) error {
	a.Coming[len(a.Coming)-1].Relation = answer
	return form.Reopen("visitor", "card", "visitor_birth")
}

func judgmentOptions(context.Context, form.Who, asking) ([]form.Option, error) {
	var options []form.Option
	for _, h := range []establishment.Hint{establishment.HintNo, establishment.HintYes, establishment.HintAppeal, establishment.HintUnknown} {
		options = append(options, form.Option{Value: string(h), Label: text.L(text.Key("permit.judgment_"+string(h)), nil)})
	}
	return options, nil
}

func askSend(_ context.Context, _ form.Who, a asking) (text.Line, error) {
	return text.L("permit.ask_send", text.Params{"n": len(a.Coming)}), nil
}

func sendOptions(context.Context, form.Who, asking) ([]form.Option, error) {
	return []form.Option{{Value: "send", Key: "9", Label: text.L("permit.send", nil)}}, nil
}

func (s *Service) finishRequest(ctx context.Context, w form.Who, key string, a asking) (form.Receipt, error) {
	in := Sending{
		AccountID: w.Account, Hint: establishment.Hint(a.Judgment),
		Claim: a.claim(),
	}
	for _, c := range a.Coming {
		who := Coming{VisitorID: c.ID, Relation: c.Relation}
		if c.ID == 0 {
			birth, err := time.Parse(time.DateOnly, c.Birth)
			if err != nil {
				return form.Receipt{}, fmt.Errorf("birth date of a visitor: %w", err)
			}
			who.New = &person.VisitorInput{IDType: c.IDType, IDNumber: c.Card, BirthDate: birth, Relation: c.Relation}
		}
		in.Visitors = append(in.Visitors, who)
	}
	sent, err := s.Send(ctx, casework.Command{
		Actor:   casework.Actor{Kind: casework.Citizen, ID: w.Account},
		Channel: string(w.Channel), Key: key, Verb: "permit.send",
	}, in)
	if fault.KindOf(err) == fault.KindConflict || fault.KindOf(err) == fault.KindInvalid {
		return form.Receipt{Say: fault.LineOf(err)}, nil
	}
	if err != nil {
		return form.Receipt{}, err
	}
	return form.Receipt{Say: text.L("permit.sent", text.Params{"ref": text.Ref(sent.Ref), "due": sent.Due}), Texted: true}, nil
}
