package text

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Type says what sort of value a parameter takes and so how it is written and
// how long it can get.
type Type string

// types gives each type the worst value a budget has to bear.
var types = map[Type]any{
	"ref":       Ref("88888888"),
	"date":      time.Date(2028, 12, 30, 23, 59, 0, 0, time.UTC),
	"time":      time.Date(2028, 12, 30, 23, 59, 0, 0, time.UTC),
	"day":       time.Date(2028, 12, 27, 23, 59, 0, 0, time.UTC), // the longest weekday name: Write takes it by length
	"day_short": time.Date(2028, 12, 27, 23, 59, 0, 0, time.UTC), // the same for a crowded screen
	"count":     88,
	"minutes":   1440,
	"wait":      59 * time.Minute, // with its unit
	"phone":     "00212522888888",
	"short":     "Mmmmmmmmmmmm",
	"tail":      "888", // of an identity number
	"word12":    "Mmmmmmmmmmmm",
	"word20":    "Mmmmmmmmmmmmmmmmmmmm",
	"sentence":  "Mmmmmmmmm mmmmmmmmm mmmmmmmmm mmmmmmmmmm", // 40
	"codes":     "88888888 code 88888888\n88888888 code 88888888\n88888888 code 88888888\n88888888 code 88888888",
	"label":     "Mmmmmmmmmmmmmmmmmmmm",
	"money":     "88888 DH",
	"lines":     "Mmmmmmmmmmmmmmmmmmmm\nMmmmmmmmmmmmmmmmmmmm\nMmmmmmmmmmmmmmmmmmmm",
}

// Write gives a line in a language. Each value is written by the declared type
// of its parameter: date, time, day and day_short take a time.Time in the zone to show,
// count and minutes an int or a time.Duration, wait a time.Duration; Label,
// Line and Lines are written in the same language. A line that can't be
// written gives its key, and the catalogue's OnFault hears of it.
func (c *Catalogue) Write(l Lang, line Line) string {
	s, err := c.write(l, line)
	if err != nil {
		if c.onFault != nil {
			c.onFault(err)
		}
		return string(line.Key)
	}
	return s
}

func (c *Catalogue) write(l Lang, line Line) (string, error) {
	t := c.texts[line.Key]
	if t == nil {
		return "", fmt.Errorf("text %s: no such key", line.Key)
	}
	in, ok := t.forms[l]
	if !ok { // staff texts have no Darija
		l, in = French, t.forms[French]
	}
	pieces := in["other"]
	if len(in) > 1 {
		n, err := t.number(line.Params)
		if err != nil {
			return "", err
		}
		for _, category := range plural(l, n) {
			if f, ok := in[category]; ok {
				pieces = f
				break
			}
		}
	}
	var out strings.Builder
	for _, p := range pieces {
		if p.param < 0 {
			out.WriteString(p.literal)
			continue
		}
		param := t.Params[p.param]
		v, ok := line.Params[param.Name]
		if !ok {
			return "", fmt.Errorf("text %s: no value for {%s}", line.Key, param.Name)
		}
		s, err := c.value(l, param.Type, v)
		if err != nil {
			return "", fmt.Errorf("text %s: {%s}: %w", line.Key, param.Name, err)
		}
		out.WriteString(s)
	}
	return out.String(), nil
}

// number finds the value that picks the plural form: the first count.
func (t *Text) number(p Params) (int, error) {
	for _, param := range t.Params {
		if param.Type != "count" && param.Type != "minutes" {
			continue
		}
		n, ok := whole(p[param.Name])
		if !ok {
			return 0, fmt.Errorf("text %s: {%s}: want a number", t.Key, param.Name)
		}
		return n, nil
	}
	return 0, fmt.Errorf("text %s: plural forms without a count", t.Key)
}

func (c *Catalogue) value(l Lang, typ Type, v any) (string, error) {
	switch v := v.(type) {
	case Label:
		return c.write(l, Line{Key: Key(v)})
	case Line:
		return c.write(l, v)
	case Lines:
		all := make([]string, len(v))
		for i, line := range v {
			s, err := c.write(l, line)
			if err != nil {
				return "", err
			}
			all[i] = s
		}
		return strings.Join(all, "\n"), nil
	case time.Time:
		return c.moment(l, typ, v)
	case time.Duration:
		if typ == "wait" {
			return c.wait(l, v)
		}
	case string:
		return v, nil
	case Each:
		if name, ok := v[l]; ok {
			return name, nil
		}
		return v[French], nil
	case Ref:
		return string(v), nil
	}
	if n, ok := whole(v); ok {
		return strconv.Itoa(n), nil
	}
	return "", fmt.Errorf("a %T can't be written", v)
}

// moment writes dates 30/12/2026 and hours 23:59: groups that keep their order
// in right-to-left text.
func (c *Catalogue) moment(l Lang, typ Type, t time.Time) (string, error) {
	switch typ {
	case "date":
		return t.Format("02/01/2006"), nil
	case "time":
		return t.Format("15:04"), nil
	case "day", "day_short":
		name, err := c.write(l, Line{Key: Key("text." + string(typ) + "." + strconv.Itoa(int(t.Weekday())))})
		return name + t.Format(" 02/01"), err
	}
	return "", fmt.Errorf("a time for a parameter of type %s", typ)
}

// wait writes a duration with its unit, rounded up: minutes below two hours,
// hours above.
func (c *Catalogue) wait(l Lang, d time.Duration) (string, error) {
	if d <= 2*time.Hour {
		return c.write(l, L("text.minutes", Params{"n": minutes(d)}))
	}
	return c.write(l, L("text.hours", Params{"n": int((d + time.Hour - 1) / time.Hour)}))
}

func minutes(d time.Duration) int { return int((d + time.Minute - 1) / time.Minute) }

func whole(v any) (int, bool) {
	switch v := v.(type) {
	case int:
		return v, true
	case int16:
		return int(v), true
	case int32:
		return int(v), true
	case int64:
		return int(v), true
	case time.Duration:
		return minutes(v), true
	}
	return 0, false
}

// Worst writes the text in every plural form with the longest value of each
// parameter: what a length budget has to bear.
func (c *Catalogue) Worst(t *Text, l Lang) ([]string, error) {
	var out []string
	for _, pieces := range t.forms[l] {
		var s strings.Builder
		for _, p := range pieces {
			if p.param < 0 {
				s.WriteString(p.literal)
				continue
			}
			v, err := c.worstValue(l, t.Params[p.param].Type)
			if err != nil {
				return nil, err
			}
			s.WriteString(v)
		}
		out = append(out, s.String())
	}
	return out, nil
}

func (c *Catalogue) worstValue(l Lang, typ Type) (string, error) {
	if typ != "day" && typ != "day_short" {
		return c.value(l, typ, types[typ])
	}
	longest := ""
	for d := range 7 {
		s, err := c.moment(l, typ, time.Date(2028, 12, 24+d, 0, 0, 0, 0, time.UTC))
		if err != nil {
			return "", err
		}
		if len([]rune(s)) > len([]rune(longest)) {
			longest = s
		}
	}
	return longest, nil
}

// Uses lists the parameters that a language's wording shows in some form.
func (t *Text) Uses(l Lang) []string {
	var names []string
	for _, p := range t.Params {
		for _, pieces := range t.forms[l] {
			if uses(pieces, t.Params, p.Name) {
				names = append(names, p.Name)
				break
			}
		}
	}
	return names
}

func uses(pieces []piece, params []Param, name string) bool {
	for _, p := range pieces {
		if p.param >= 0 && params[p.param].Name == name {
			return true
		}
	}
	return false
}
