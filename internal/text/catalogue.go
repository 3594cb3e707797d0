package text

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// Kind says where a text is read; budgets and rules go by it.
type Kind string

// Kinds.
const (
	Screen   Kind = "screen" // USSD, and questions by SMS
	Option   Kind = "option" // one line of a menu
	Nav      Kind = "nav"    // back, home, more
	SMS      Kind = "sms"
	Native   Kind = "native" // a name in its own script, the same in every language
	StaffRow Kind = "staff"  // back-office
)

//go:embed texts/*.toml
var own embed.FS

// Text is one entry of the catalogue.
type Text struct {
	Key    Key
	Kind   Kind
	Params []Param // in the order of the file
	parts  map[Lang]int
	forms  map[Lang]forms
}

// Param is one placeholder: its name and what sort of value it takes.
type Param struct {
	Name string
	Type Type
}

// forms holds one language's wording by plural category; a text without
// plurals has only "other".
type forms map[string][]piece

// piece is literal text, or the value of a parameter.
type piece struct {
	literal string
	param   int // index into Text.Params; -1: literal
}

// Catalogue holds all texts. It is safe for concurrent use once loaded.
type Catalogue struct {
	texts   map[Key]*Text
	onFault func(error)
}

// Load reads every texts/*.toml of the given file systems. It refuses unknown
// fields, kinds and types, a missing language, a key given twice and a
// placeholder that is not declared.
func Load(files ...fs.FS) (*Catalogue, error) {
	c := &Catalogue{texts: map[Key]*Text{}}
	for _, f := range append([]fs.FS{own}, files...) {
		names, err := fs.Glob(f, "texts/*.toml")
		if err != nil {
			return nil, fmt.Errorf("list texts: %w", err)
		}
		for _, name := range names {
			if err := c.read(f, name); err != nil {
				return nil, fmt.Errorf("texts %s: %w", name, err)
			}
		}
	}
	return c, nil
}

// OnFault sets what is told of a text that can't be written: an unknown key or
// a parameter missing or of the wrong type. The reader sees the key then.
func (c *Catalogue) OnFault(f func(error)) { c.onFault = f }

// Has tells whether a key is in the catalogue.
func (c *Catalogue) Has(k Key) bool { return c.texts[k] != nil }

// All gives every text in the order of their keys.
func (c *Catalogue) All() []*Text {
	all := make([]*Text, 0, len(c.texts))
	for _, k := range slices.Sorted(maps.Keys(c.texts)) {
		all = append(all, c.texts[k])
	}
	return all
}

// Languages lists the languages the text is read in.
func (t *Text) Languages() []Lang {
	if t.Kind == StaffRow {
		return Staff()
	}
	return Citizen()
}

// Parts is the budget: message parts of an SMS, pages of a screen.
func (t *Text) Parts(l Lang) int { return t.parts[l] }

// source is a text as its file has it.
type source struct {
	Kind   Kind              `toml:"kind"`
	Params map[string]string `toml:"params"`
	Note   string            `toml:"note"` // for translators
	Parts  int               `toml:"parts"`
	PartsA int               `toml:"parts_ar"`
	PartsF int               `toml:"parts_fr"`
	PartsD int               `toml:"parts_ary"`
	PartsE int               `toml:"parts_en"`
	Ar     wording           `toml:"ar"`
	Fr     wording           `toml:"fr"`
	Ary    wording           `toml:"ary"`
	En     wording           `toml:"en"`
}

// wording is one string, or strings by plural category.
type wording map[string]string

// UnmarshalTOML takes both forms.
func (w *wording) UnmarshalTOML(v any) error {
	switch v := v.(type) {
	case string:
		*w = wording{"other": v}
	case map[string]any:
		*w = wording{}
		for category, s := range v {
			str, ok := s.(string)
			if !ok || !slices.Contains(categories, category) {
				return fmt.Errorf("plural form %q: want a text under one of %v", category, categories)
			}
			(*w)[category] = str
		}
		if (*w)["other"] == "" {
			return fmt.Errorf("plural forms without %q", "other")
		}
	default:
		return fmt.Errorf("want a text or plural forms, found %T", v)
	}
	return nil
}

func (c *Catalogue) read(f fs.FS, name string) error {
	var file map[string]source
	md, err := toml.DecodeFS(f, name, &file)
	if err != nil {
		return err
	}
	for _, k := range md.Undecoded() {
		if len(k) == 2 { // deeper keys belong to a wording, which read itself
			return fmt.Errorf("%s: unknown field", k)
		}
	}
	order := map[string][]string{}
	for _, k := range md.Keys() {
		if len(k) == 3 && k[1] == "params" {
			order[k[0]] = append(order[k[0]], k[2])
		}
	}
	for key, src := range file {
		if c.texts[Key(key)] != nil {
			return fmt.Errorf("%s: is in another file already", key)
		}
		t, err := compile(Key(key), src, order[key])
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		c.texts[t.Key] = t
	}
	return nil
}

func compile(key Key, src source, order []string) (*Text, error) {
	t := &Text{Key: key, Kind: src.Kind, parts: map[Lang]int{}, forms: map[Lang]forms{}}
	if !slices.Contains([]Kind{Screen, Option, Nav, SMS, Native, StaffRow}, t.Kind) {
		return nil, fmt.Errorf("kind %q: want screen, option, nav, sms, native or staff", t.Kind)
	}
	for _, name := range order {
		typ := Type(src.Params[name])
		if _, ok := types[typ]; !ok {
			return nil, fmt.Errorf("parameter %s has unknown type %q", name, typ)
		}
		t.Params = append(t.Params, Param{Name: name, Type: typ})
	}
	own := map[Lang]int{Arabic: src.PartsA, French: src.PartsF, Darija: src.PartsD, English: src.PartsE}
	wordings := map[Lang]wording{Arabic: src.Ar, French: src.Fr, Darija: src.Ary, English: src.En}
	for _, l := range t.Languages() {
		t.parts[l] = max(1, src.Parts)
		if own[l] > 0 {
			t.parts[l] = own[l]
		}
		t.forms[l] = forms{}
		for category, s := range wordings[l] {
			pieces, err := t.parse(s)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", l, err)
			}
			t.forms[l][category] = pieces
		}
		if len(t.forms[l]["other"]) == 0 {
			return nil, fmt.Errorf("no text in %q", l)
		}
	}
	return t, nil
}

// parse cuts "… {name} …" into pieces.
func (t *Text) parse(s string) ([]piece, error) {
	var out []piece
	for s != "" {
		open := strings.IndexAny(s, "{}")
		if open < 0 {
			return append(out, piece{literal: s, param: -1}), nil
		}
		if open > 0 {
			out = append(out, piece{literal: s[:open], param: -1})
		}
		name, rest, ok := strings.Cut(s[open+1:], "}")
		if s[open] == '}' || !ok {
			return nil, fmt.Errorf("a brace stands alone in %q", s)
		}
		i := slices.IndexFunc(t.Params, func(p Param) bool { return p.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("{%s} is not among the parameters", name)
		}
		out = append(out, piece{param: i})
		s = rest
	}
	return out, nil
}
