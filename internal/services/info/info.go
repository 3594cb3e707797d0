// Package info answers what families ask about a place, without an account:
// conditions, papers, hours. What the place's staff wrote comes first; where
// they wrote nothing the general answer does.
package info

import (
	"context"
	"embed"
	"io/fs"
	"slices"
	"strings"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/text"
)

//go:embed texts/*.toml
var texts embed.FS

// Texts gives the catalogue files of this package.
func Texts() fs.FS { return texts }

// Places knows the establishments and what their staff wrote.
type Places interface {
	Establishments(ctx context.Context, country string) ([]establishment.Establishment, error)
	ByCode(ctx context.Context, code string) (establishment.Establishment, error)
	Info(ctx context.Context, establishmentID int64, t establishment.Topic, l text.Lang) (string, bool, error)
}

// Countries tells where a number belongs.
type Countries interface {
	Country(ctx context.Context, m private.Msisdn) (string, error)
}

// Commands runs a command once per key.
type Commands interface {
	Do(ctx context.Context, c casework.Command, result any, fn func(context.Context, *casework.Tx) error) (bool, error)
}

// Service answers questions about places. It is safe for concurrent use.
type Service struct {
	places    Places
	countries Countries
	book      Commands
}

// New makes a Service.
func New(places Places, countries Countries, book Commands) *Service {
	return &Service{places: places, countries: countries, book: book}
}

// Definition declares the service to every surface: one errand that asks what
// it is about, and one for each thing that has a word of its own.
func (s *Service) Definition() form.Definition {
	return form.Definition{Name: "info", Entries: []form.Entry{
		{
			Name: "info.place", Version: 1, Menu: 60, Label: "info.menu", Needs: form.Anyone,
			Keywords: map[text.Lang][]string{
				text.Arabic: {"معلومات", "مكان"}, text.French: {"INFO", "LIEU", "PRISON"}, text.Darija: {"M3LOUMAT", "BLASSA"}, text.English: {"PLACE"},
			},
			Flow: s.flow("info.place", ""),
		},
		{
			Name: "info.papers", Version: 1, Label: "info.topic.papers", Needs: form.Anyone,
			Keywords: map[text.Lang][]string{
				text.Arabic: {"وثائق"}, text.French: {"DOCS", "PAPIERS"}, text.Darija: {"WRA9", "LWRA9"}, text.English: {"PAPERS"},
			},
			Flow: s.flow("info.papers", establishment.Papers),
		},
		{
			Name: "info.hours", Version: 1, Label: "info.topic.hours", Needs: form.Anyone,
			Keywords: map[text.Lang][]string{
				text.Arabic: {"أوقات"}, text.French: {"HORAIRES", "HEURES"}, text.Darija: {"WE9T", "LWE9T"}, text.English: {"HOURS"},
			},
			Flow: s.flow("info.hours", establishment.Hours),
		},
	}}
}

// asking is the draft of a question about a place.
type asking struct {
	Code  string              `json:"code,omitempty"`
	Topic establishment.Topic `json:"topic,omitempty"`
}

// flow asks for the place and, where it is not given, the topic.
func (s *Service) flow(name string, topic establishment.Topic) form.Flow {
	return form.New(form.Spec[asking]{
		Name: name,
		Questions: []form.Question[asking]{
			{
				Name: "place", AskKey: "info.ask_place", Options: s.placeOptions, Arg: isCode,
				Set: func(_ context.Context, _ form.Who, d *asking, answer string) error { d.Code = answer; return nil },
			},
			{
				Name: "topic", AskKey: "info.ask_topic", Options: topicOptions,
				Skip: func(form.Who, asking) bool { return topic != "" },
				Arg:  isTopic,
				Set: func(_ context.Context, _ form.Who, d *asking, answer string) error {
					d.Topic = establishment.Topic(answer)
					return nil
				},
			},
		},
		Finish: func(ctx context.Context, w form.Who, key string, d asking) (form.Receipt, error) {
			if topic != "" {
				d.Topic = topic
			}
			return s.answer(ctx, w, key, d)
		},
	})
}

func isTopic(word string) bool {
	return slices.Contains(establishment.Topics(), establishment.Topic(strings.ToLower(word)))
}

// isCode tells whether a word may be an establishment's code.
func isCode(word string) bool {
	if len(word) < 2 || len(word) > 6 || isTopic(word) {
		return false
	}
	for _, r := range word {
		if (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') {
			return false
		}
	}
	return true
}

func (s *Service) placeOptions(ctx context.Context, w form.Who, _ asking) ([]form.Option, error) {
	country, err := s.countries.Country(ctx, w.Msisdn)
	if err != nil {
		return nil, err
	}
	all, err := s.places.Establishments(ctx, country)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, fault.NotFound("info.none_yet", nil)
	}
	options := make([]form.Option, len(all))
	for i, e := range all {
		options[i] = form.Option{Value: e.Code, Label: text.L("info.place", text.Params{"name": e.Short(w.Lang)})}
	}
	return options, nil
}

func topicOptions(context.Context, form.Who, asking) ([]form.Option, error) {
	var options []form.Option
	for _, t := range establishment.Topics() {
		options = append(options, form.Option{Value: string(t), Label: text.L(text.Key("info.topic."+string(t)), nil)})
	}
	return options, nil
}

// answer is the text itself in an SMS conversation; after a USSD dialogue it
// comes as a text message, to be kept and shown at the door.
func (s *Service) answer(ctx context.Context, w form.Who, key string, d asking) (form.Receipt, error) {
	e, err := s.places.ByCode(ctx, d.Code)
	if err != nil {
		return form.Receipt{}, err
	}
	body, ok, err := s.places.Info(ctx, e.ID, d.Topic, w.Lang)
	if err != nil {
		return form.Receipt{}, err
	}
	line := text.L(text.Key("info.default."+string(d.Topic)), nil)
	if ok {
		line = text.L("info.answer", text.Params{"body": body})
	}
	if w.Channel == form.SMS {
		return form.Receipt{Say: line}, nil
	}
	cmd := casework.Command{Actor: casework.Actor{Kind: casework.Citizen, ID: w.Account}, Channel: string(w.Channel), Key: key, Verb: "info.place"}
	_, err = s.book.Do(ctx, cmd, nil, func(_ context.Context, tx *casework.Tx) error {
		tx.Tell(message.Outbound{Account: w.Account, To: w.Msisdn, Lang: w.Lang, Class: message.Information, Line: line, Dedupe: "info/" + key})
		return nil
	})
	if err != nil {
		return form.Receipt{}, err
	}
	return form.Receipt{Say: text.L("info.sent", nil)}, nil
}
