// Package text is the catalogue of everything a person reads: screens, SMS and
// staff pages, in every language, with parameters, plurals and length budgets.
//
// Texts live in TOML files beside the package that shows them, all languages
// of one key side by side. Load reads them once; Write is a look-up.
package text

// Lang is a language of the catalogue.
type Lang string

// The languages a citizen may choose, in menu order; staff pages have the
// same without Darija.
const (
	Arabic  Lang = "ar"
	French  Lang = "fr"
	Darija  Lang = "ary" // Moroccan Arabic in Latin letters
	English Lang = "en"
)

// Citizen lists the languages of screens and SMS in menu order.
func Citizen() []Lang { return []Lang{Arabic, French, Darija, English} }

// Staff lists the languages of the back-office in menu order.
func Staff() []Lang { return []Lang{Arabic, French, English} }

// Known tells whether l is a language of the catalogue.
func (l Lang) Known() bool {
	return l == Arabic || l == French || l == Darija || l == English
}

// Key names one text of the catalogue, "permit.granted".
type Key string

// Params are the values of a text's placeholders by name. Which names and
// types a text takes is declared in its catalogue file.
type Params map[string]any

// Line is a text still to be written out in some language.
type Line struct {
	Key    Key
	Params Params
}

// L makes a Line from a key and parameters.
func L(k Key, p Params) Line { return Line{Key: k, Params: p} }

// Ref is a reference or a code: digits shown as they are.
type Ref string

// Label as a parameter is another text, written in the same language.
type Label Key

// Lines as a parameter are further texts, one below the other.
type Lines []Line

// Each as a parameter is a name that is written differently in each language;
// the French one serves where a language has none.
type Each map[Lang]string
