package permit

import (
	"context"
	"fmt"
	"time"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/text"
)

// looking is the draft of "my requests". What is keyed to correct a request
// has the same fields as in a new one.
type looking struct {
	Ref string `json:"ref,omitempty"`
	Do  string `json:"do,omitempty"`
	described
}

func (s *Service) mineFlow() form.Flow {
	corrects := func(l looking) bool { return l.Do == "correct" }
	questions := []form.Question[looking]{
		{
			Name: "request", AskKey: "permit.which", Options: s.requestOptions,
			Skip: func(_ form.Who, l looking) bool { return l.Ref != "" },
			Set: func(_ context.Context, _ form.Who, l *looking, answer string) error {
				l.Ref = answer
				return nil
			},
		},
		{Name: "do", Ask: s.askDo, Options: s.doOptions, Set: func(_ context.Context, _ form.Who, l *looking, answer string) error {
			l.Do = answer
			return nil
		}},
	}
	questions = append(questions, describing(s, func(l *looking) *described { return &l.described }, corrects)...)
	return form.New(form.Spec[looking]{Name: "permit.mine", Begin: s.beginMine, Questions: questions, Finish: s.finishMine})
}

// beginMine tells at once who has no request yet, and does not ask which when
// there is but one.
func (s *Service) beginMine(ctx context.Context, w form.Who, l *looking) error {
	all, err := s.mine(ctx, w.Account)
	if err != nil {
		return err
	}
	switch len(all) {
	case 0:
		return fault.NotFound("permit.none_yet", nil)
	case 1:
		l.Ref = all[0].Ref
	}
	return nil
}

func (s *Service) requestOptions(ctx context.Context, w form.Who, _ looking) ([]form.Option, error) {
	all, err := s.mine(ctx, w.Account)
	if err != nil {
		return nil, err
	}
	options := make([]form.Option, len(all))
	for i, m := range all {
		options[i] = form.Option{Value: m.Ref, Label: text.L("permit.row", text.Params{
			"ref": text.Ref(m.Ref), "state": text.Label("permit.word." + string(m.State)),
		})}
	}
	return options, nil
}

func (s *Service) askDo(ctx context.Context, w form.Who, l looking) (text.Line, error) {
	m, ok, err := s.byRef(ctx, w.Account, l.Ref)
	if err != nil {
		return text.Line{}, err
	}
	if !ok {
		return text.L("permit.none_yet", nil), nil
	}
	return s.standing(ctx, w, m)
}

// doOptions offers what the family may do in the state the request is in.
func (s *Service) doOptions(ctx context.Context, w form.Who, l looking) ([]form.Option, error) {
	m, ok, err := s.byRef(ctx, w.Account, l.Ref)
	if err != nil || !ok {
		return nil, err
	}
	events, err := s.offers(ctx, m, s.now())
	if err != nil {
		return nil, err
	}
	var options []form.Option
	for _, e := range events {
		options = append(options, form.Option{Value: e, Label: text.L(text.Key("permit.do_"+e), nil)})
	}
	return append(options, form.Option{Value: "end", Key: "9", Label: text.L("permit.do_end", nil)}), nil
}

// offers lists what the family may do with a request as it stands.
func (s *Service) offers(ctx context.Context, m mine, now time.Time) ([]string, error) {
	var all []string
	if m.unclear() {
		all = append(all, "correct")
	}
	switch m.State {
	case Submitted, UnderReview, InfoNeeded, Opinion:
		all = append(all, "withdraw")
	case Granted, GrantedPart:
		all = append(all, "again")
	case Refused:
		rules, err := s.rulesOf(ctx, m.AccountID)
		if err != nil {
			return nil, err
		}
		refused, _, err := refusal(ctx, s.db, m.ID)
		if err != nil {
			return nil, err
		}
		if appealable(refused, now, rules) {
			all = append(all, "appeal")
		}
	}
	return all, nil
}

func (s *Service) finishMine(ctx context.Context, w form.Who, key string, l looking) (form.Receipt, error) {
	m, ok, err := s.byRef(ctx, w.Account, l.Ref)
	if err != nil {
		return form.Receipt{}, err
	}
	if !ok {
		return form.Receipt{Say: text.L("permit.none_yet", nil)}, nil
	}
	cmd := casework.Command{Actor: casework.Actor{Kind: casework.Citizen, ID: w.Account}, Channel: string(w.Channel), Key: key, Verb: "permit." + l.Do}
	var done text.Key
	switch l.Do {
	case "withdraw":
		done, err = "permit.withdrawn_screen", s.Withdraw(ctx, cmd, m.ID, m.Version)
	case "appeal":
		done, err = "permit.appealed_screen", s.Appeal(ctx, cmd, m.ID, m.Version)
	case "again":
		done, err = "permit.again_screen", s.Again(ctx, cmd, m.ID)
	case "correct":
		done, err = "permit.corrected_screen", s.Correct(ctx, cmd, m.ID, m.Version, l.claim())
	default:
		return form.Receipt{Say: text.L("permit.bye", nil)}, nil
	}
	if fault.KindOf(err) == fault.KindConflict {
		return form.Receipt{Say: fault.LineOf(err)}, nil
	}
	if err != nil {
		return form.Receipt{}, fmt.Errorf("%s: %w", cmd.Verb, err)
	}
	return form.Receipt{Say: text.L(done, text.Params{"ref": text.Ref(m.Ref)}), Texted: true}, nil
}
