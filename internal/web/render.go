package web

import (
	"fmt"
	"html/template"
	"strings"
	"time"
	"unicode"

	"github.com/wasl-sms/wasl/internal/desk"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/text"
)

// setKey names one set of pages: in a language, by a clock on the wall.
type setKey struct {
	lang text.Lang
	zone *time.Location
}

// set gives the pages in a language and zone. There are a handful of each.
func (s *Server) set(k setKey) (*template.Template, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	zone, err := time.LoadLocation(k.zone.String())
	if err != nil {
		return nil, fmt.Errorf("zone of a page: %w", err)
	}
	for have, t := range s.sets {
		if have.lang == k.lang && have.zone.String() == zone.String() {
			return t, nil
		}
	}
	t, err := s.master.Clone()
	if err != nil {
		return nil, fmt.Errorf("pages: %w", err)
	}
	s.sets[k] = t.Funcs(s.funcs(k))
	return t, nil
}

// funcs are the few words that templates know: all text comes out of t.
func (s *Server) funcs(k setKey) template.FuncMap {
	write := func(line text.Line) string { return s.Texts.Write(k.lang, line) }
	return template.FuncMap{
		"t": func(key string, params ...any) (string, error) {
			p := text.Params{}
			for i := 0; i+1 < len(params); i += 2 {
				name, ok := params[i].(string)
				if !ok {
					return "", fmt.Errorf("text %s: a parameter without a name", key)
				}
				p[name] = params[i+1]
				if at := moment(params[i+1]); !at.IsZero() {
					p[name] = civilDay(at, k.zone)
				}
			}
			return write(text.L(text.Key(key), p)), nil
		},
		"line": write,
		// word writes a code of the data, "web.role." and "gate"; a code without a text is shown as it is.
		"word": func(prefix string, code any) string {
			key := text.Key(fmt.Sprint(prefix, code))
			if !s.Texts.Has(key) {
				return fmt.Sprint(code)
			}
			return write(text.L(key, nil))
		},
		// reason writes a reason code, whichever service it comes from.
		"reason": func(code string) string {
			for _, prefix := range []text.Key{"web.reason.", "permit.reason.", "permit.paper.", "visit.reason.", "web.flag."} {
				if key := prefix + text.Key(code); s.Texts.Has(key) {
					return write(text.L(key, nil))
				}
			}
			return code
		},
		// missed says why a text did not arrive.
		"missed": func(state, reason string) string {
			if key := text.Key("web.missed." + reason); s.Texts.Has(key) {
				return write(text.L(key, nil))
			}
			return write(text.L(text.Key("web.missed."+state), nil))
		},
		// because writes a reason that was stored; the back-office may have its own words for it.
		"because": func(b desk.Because) string {
			if own := "web.fault." + b.Key; s.Texts.Has(own) {
				return write(text.L(own, b.Text().Params))
			}
			return write(b.Text())
		},
		"dir": func() string {
			if k.lang == text.Arabic {
				return "rtl"
			}
			return "ltr"
		},
		"place":  func(e establishment.Establishment) string { return e.Name(k.lang) },
		"office": func(a establishment.Authority) string { return a.Name(k.lang) },
		"short":  func(r desk.Row) string { return r.Place(k.lang) },
		"when":   func(t any) string { return s.when(k, write, moment(t)) },
		"clock":  func(t any) string { return moment(t).In(k.zone).Format("15:04") },
		"date":   func(t any) string { return civilDay(moment(t), k.zone).Format("02/01/2006") },
		"iso":    func(t any) string { return moment(t).In(k.zone).Format(time.RFC3339) },
		"exact":  func(t any) string { return moment(t).In(k.zone).Format("02/01/2006 15:04") },
		"ymd":    func(t time.Time) string { return t.Format(time.DateOnly) },
		"plus":   func(a, b int) int { return a + b },
		"pct": func(part, whole int) int {
			if whole <= 0 {
				return 0
			}
			return min(100, 100*part/whole)
		},
		"pieces":  pieces,
		"machine": machine, "age": waited,
		// status says what an operator's command_status means; "" where we have no words.
		"status": func(code uint32) string {
			if key := text.Key(fmt.Sprintf("web.smpp.%02x", code)); s.Texts.Has(key) {
				return write(text.L(key, nil))
			}
			return ""
		},
		"hex": func(code uint32) string { return fmt.Sprintf("0x%02X", code) },
		// dict gives a block more than one thing to work on.
		"dict": func(pairs ...any) map[string]any {
			m := map[string]any{}
			for i := 0; i+1 < len(pairs); i += 2 {
				m[fmt.Sprint(pairs[i])] = pairs[i+1]
			}
			return m
		},
		"wrong": func(all []problem, field string) *text.Line {
			for _, p := range all {
				if p.Field == field {
					return &p.Line
				}
			}
			return nil
		},
		"weekday": func(t time.Time) string {
			return write(text.L(text.Key(fmt.Sprintf("web.weekday.%d", t.Weekday())), nil))
		},
	}
}

func moment(t any) time.Time {
	switch t := t.(type) {
	case time.Time:
		return t
	case *time.Time:
		if t != nil {
			return *t
		}
	}
	return time.Time{}
}

// civilDay keeps a date that came without a clock on its own day.
func civilDay(t time.Time, zone *time.Location) time.Time {
	if t.Location() == time.UTC && t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0 {
		return t
	}
	return t.In(zone)
}

// when writes an instant as people say it: today 14:30.
func (s *Server) when(k setKey, write func(text.Line) string, t time.Time) string {
	if t.IsZero() {
		return ""
	}
	t, now := t.In(k.zone), s.Now().In(k.zone)
	days := establishment.DayOf(t)
	today := establishment.DayOf(now)
	for word, d := range map[text.Key]establishment.Day{"web.today": today, "web.yesterday": today.Add(-1), "web.tomorrow": today.Add(1)} {
		if d == days {
			return write(text.L(word, text.Params{"time": t}))
		}
	}
	return t.Format("02/01/2006 15:04")
}

// piece is a run of a citizen's text: as it is, or a mark for a character that
// can't be seen.
type piece struct{ Text, Mark string }

// pieces cuts a citizen's text at characters that are invisible or turn the
// writing round, so that they are seen and change nothing around them.
func pieces(s any) []piece {
	var out []piece
	var run strings.Builder
	flush := func() {
		if run.Len() > 0 {
			out = append(out, piece{Text: run.String()})
			run.Reset()
		}
	}
	for _, r := range fmt.Sprint(s) {
		if r == '\n' || !unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			run.WriteRune(r)
			continue
		}
		flush()
		out = append(out, piece{Mark: fmt.Sprintf("U+%04X", r)})
	}
	flush()
	return out
}

// digits turns Arabic-Indic digits into the ones that are keyed in data.
func digits(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '٠' && r <= '٩':
			return '0' + r - '٠'
		case r >= '۰' && r <= '۹':
			return '0' + r - '۰'
		}
		return r
	}, s)
}
