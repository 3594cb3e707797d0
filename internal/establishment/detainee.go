package establishment

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5"
	"golang.org/x/text/unicode/norm"

	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/private"
)

// Kinds of blind indexes: equal values of different kinds share no hash.
const (
	indexDetention = "detention_no"
	indexName      = "detainee_name"
)

// Detainee is one person held, as the register has it.
type Detainee struct {
	ID              int64
	Country         string
	DetentionNo     private.NationalID
	NameLatin       private.Name
	NameAr          private.Name
	BirthDate       time.Time
	EstablishmentID int64
	Sector          string
	Category        string
	LegalStatus     LegalStatus
	StatusSince     time.Time
	Minor           bool
	ContactBanUntil *time.Time
	SeparatedOnly   bool
	SanctionUntil   *time.Time
	Present         bool // not released, escaped or dead
	AwayFrom        *time.Time
	AwayUntil       *time.Time
	StateAt         time.Time
	Version         int
}

// Claim is what a family states about a person: the number, or else name,
// birth date and, when known, the place.
type Claim struct {
	Country         string
	DetentionNo     string
	Family          string
	Given           string
	BirthDate       Day
	EstablishmentID int64 // 0: not known
}

// Find matches a claim silently: ok only when it fits exactly one person. The
// caller must not let the family see which it was.
func (d *Directory) Find(ctx context.Context, c Claim) (found Detainee, ok bool, err error) {
	all, err := d.candidates(ctx, c, true, 2)
	if err != nil || len(all) != 1 {
		return Detainee{}, false, err
	}
	return all[0], true, nil
}

// candidatesMax is as many people as a clerk is ever shown at once.
const candidatesMax = 20

// Candidates lists whom a claim may mean, for a clerk who matches by eye: any
// word of the name with the birth date will do.
func (d *Directory) Candidates(ctx context.Context, c Claim) ([]Detainee, error) {
	return d.candidates(ctx, c, false, candidatesMax)
}

func (d *Directory) candidates(ctx context.Context, c Claim, strict bool, limit int) ([]Detainee, error) {
	number := normalNumber(c.DetentionNo)
	words := d.nameKeys(c.Family, c.Given)
	var birth *time.Time
	if c.BirthDate != (Day{}) {
		t := c.BirthDate.Time()
		birth = &t
	}
	if number == "" && (birth == nil || strict && len(words) == 0) {
		return nil, nil
	}
	var index []byte
	if number != "" {
		index = d.keys.BlindIndex(indexDetention, c.Country+":"+number)
	}
	rows, err := d.db.Query(ctx, sqlCandidates, c.Country, index, birth, words, c.EstablishmentID, strict, limit)
	if err != nil {
		return nil, fmt.Errorf("match a claim: %w", err)
	}
	return d.collect(rows)
}

// Detainee gives one by id. Whoever shows it to staff writes the read into
// the audit trail.
func (d *Directory) Detainee(ctx context.Context, id int64) (Detainee, error) {
	rows, err := d.db.Query(ctx, sqlDetainee, id)
	if err != nil {
		return Detainee{}, fmt.Errorf("detainee %d: %w", id, err)
	}
	all, err := d.collect(rows)
	if err != nil {
		return Detainee{}, err
	}
	if len(all) == 0 {
		return Detainee{}, fault.NotFound("detainee.unknown", nil)
	}
	return all[0], nil
}

// sealedDetainee is a row as it is stored.
type sealedDetainee struct {
	Detainee
	number, latin, arabic []byte
}

func scanDetainee(row pgx.CollectableRow) (s sealedDetainee, err error) {
	d := &s.Detainee
	err = row.Scan(&d.ID, &d.Country, &s.number, &s.latin, &s.arabic, &d.BirthDate, &d.EstablishmentID, &d.Sector,
		&d.Category, &d.LegalStatus, &d.StatusSince, &d.Minor, &d.ContactBanUntil, &d.SeparatedOnly, &d.SanctionUntil,
		&d.Present, &d.AwayFrom, &d.AwayUntil, &d.StateAt, &d.Version)
	return s, err
}

func (d *Directory) collect(rows pgx.Rows) ([]Detainee, error) {
	sealed, err := pgx.CollectRows(rows, scanDetainee)
	if err != nil {
		return nil, fmt.Errorf("read the register: %w", err)
	}
	all := make([]Detainee, len(sealed))
	for i, s := range sealed {
		number, err1 := d.open(s.ID, "detention_no_sealed", s.number)
		latin, err2 := d.open(s.ID, "name_latin_sealed", s.latin)
		arabic, err3 := d.open(s.ID, "name_ar_sealed", s.arabic)
		if err := errors.Join(err1, err2, err3); err != nil {
			return nil, fmt.Errorf("open detainee %d: %w", s.ID, err)
		}
		all[i] = s.Detainee
		all[i].DetentionNo = private.NewNationalID(number)
		all[i].NameLatin, all[i].NameAr = private.NewName(latin), private.NewName(arabic)
	}
	return all, nil
}

func (d *Directory) open(id int64, column string, sealed []byte) (string, error) {
	if sealed == nil {
		return "", nil
	}
	plain, err := d.keys.Open("detainee", column, id, sealed)
	return string(plain), err
}

// nameKeys hashes each word of names, folded, so that neither order nor
// accents nor the writing of an alif matter.
func (d *Directory) nameKeys(names ...string) [][]byte {
	var keys [][]byte
	seen := map[string]bool{}
	for _, word := range foldName(strings.Join(names, " ")) {
		if !seen[word] {
			seen[word] = true
			keys = append(keys, d.keys.BlindIndex(indexName, word))
		}
	}
	return keys
}

// normalNumber drops what people put into a number, and zeros before it.
func normalNumber(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= '٠' && r <= '٩':
			return '0' + r - '٠'
		case r >= '۰' && r <= '۹':
			return '0' + r - '۰'
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToUpper(r)
		}
		return -1
	}, norm.NFKC.String(s))
	return strings.TrimLeft(s, "0")
}

var foldArabic = strings.NewReplacer("أ", "ا", "إ", "ا", "آ", "ا", "ٱ", "ا", "ى", "ي", "ة", "ه", "ؤ", "و", "ئ", "ي", "ـ", "")

// foldName splits a name into words without accents, vowel marks, case and
// articles.
func foldName(s string) []string {
	s = foldArabic.Replace(norm.NFKC.String(s))
	words := strings.FieldsFunc(norm.NFD.String(s), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.Is(unicode.Mn, r)
	})
	var out []string
	for _, w := range words {
		w = strings.Map(func(r rune) rune {
			if unicode.Is(unicode.Mn, r) {
				return -1
			}
			return unicode.ToUpper(r)
		}, w)
		if rest, ok := strings.CutPrefix(w, "ال"); ok && len([]rune(rest)) >= 3 {
			w = rest
		}
		switch w {
		case "", "EL", "AL", "ال":
		default:
			out = append(out, w)
		}
	}
	return out
}
