package permit

import (
	"context"
	"fmt"
	"slices"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/text"
)

// looking is the draft of "my requests".
type looking struct {
	Ref string `json:"ref,omitempty"`
	Do  string `json:"do,omitempty"`
}

func (s *Service) mineFlow() form.Flow {
	return form.New(form.Spec[looking]{Name: "permit.mine", Finish: s.finishMine, Questions: []form.Question[looking]{
		{Name: "request", Ask: s.askWhich, Options: s.requestOptions, Set: func(_ context.Context, _ form.Who, l *looking, answer string) error {
			l.Ref = answer
			return nil
		}},
		{Name: "do", Ask: s.askDo, Options: s.doOptions, Set: func(_ context.Context, _ form.Who, l *looking, answer string) error {
			l.Do = answer
			return nil
		}, Skip: func(_ form.Who, l looking) bool { return l.Ref == "" }},
	}})
}

func (s *Service) askWhich(ctx context.Context, w form.Who, _ looking) (text.Line, error) {
	all, err := s.mine(ctx, w.Account)
	if err != nil {
		return text.Line{}, err
	}
	if len(all) == 0 {
		return text.L("permit.none_yet", nil), nil
	}
	return text.L("permit.which", nil), nil
}

func (s *Service) requestOptions(ctx context.Context, w form.Who, _ looking) ([]form.Option, error) {
	all, err := s.mine(ctx, w.Account)
	if err != nil {
		return nil, err
	}
	options := make([]form.Option, len(all))
	for i, m := range all {
		options[i] = form.Option{Value: m.Ref, Label: text.L("permit.row", text.Params{
			"ref": text.Ref(m.Ref), "state": text.Label("permit.word." + string(m.State))})}
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
	var options []form.Option
	for _, r := range RequestLife().Rules {
		if r.From == m.State && slices.Contains(r.By, "citizen") && (r.Event == "withdraw" || r.Event == "appeal") {
			options = append(options, form.Option{Value: string(r.Event), Label: text.L(text.Key("permit.do_"+string(r.Event)), nil)})
		}
	}
	return append(options, form.Option{Value: "end", Key: "9", Label: text.L("permit.do_end", nil)}), nil
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
	done := text.Key("permit.withdrawn_screen")
	switch l.Do {
	case "withdraw":
		err = s.Withdraw(ctx, cmd, m.ID, m.Version)
	case "appeal":
		done = "permit.appealed_screen"
		err = s.Appeal(ctx, cmd, m.ID, m.Version)
	default:
		return form.Receipt{Say: text.L("permit.bye", nil)}, nil
	}
	if fault.KindOf(err) == fault.KindConflict {
		return form.Receipt{Say: fault.LineOf(err)}, nil
	}
	if err != nil {
		return form.Receipt{}, fmt.Errorf("%s: %w", cmd.Verb, err)
	}
	return form.Receipt{Say: text.L(done, text.Params{"ref": text.Ref(m.Ref)})}, nil
}
