package person

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/text/unicode/norm"

	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/text"
)

// IDRule is the shape of one kind of identity number in one country.
type IDRule struct {
	Type    string // "cin", "nin", "passport"
	pattern *regexp.Regexp
}

// Label is the kind's catalogue key.
func (r IDRule) Label() text.Key { return text.Key("id_type." + r.Type) }

// Check gives the number as it is stored, or an Invalid fault that says how
// such a number looks.
func (r IDRule) Check(number string) (private.NationalID, error) {
	n := normalID(number)
	if !r.pattern.MatchString(n) {
		return private.NationalID{}, fault.Invalid(text.Key("id_shape."+r.Type), nil)
	}
	return private.NewNationalID(n), nil
}

// normalID drops what people put between the characters of a number.
func normalID(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c >= '٠' && c <= '٩':
			return '0' + c - '٠'
		case c >= '۰' && c <= '۹':
			return '0' + c - '۰'
		case c == ' ' || c == '-' || c == '/' || c == '.':
			return -1
		}
		return c
	}, strings.ToUpper(norm.NFKC.String(s)))
}

// IDTypes lists the identity numbers a country takes today, in menu order.
func (r *Registry) IDTypes(ctx context.Context, country string) ([]IDRule, error) {
	return r.idTypes(ctx, r.db, country)
}

// querier is the pool or, inside a command, its transaction: a command that
// waited for a second connection could wait for one held by its like.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

func (r *Registry) idTypes(ctx context.Context, q querier, country string) ([]IDRule, error) {
	rows, err := q.Query(ctx, sqlIDRules, country, r.now())
	if err != nil {
		return nil, fmt.Errorf("identity numbers of %s: %w", country, err)
	}
	var all []IDRule
	var idType, pattern string
	_, err = pgx.ForEachRow(rows, []any{&idType, &pattern}, func() error {
		p, err := regexp.Compile(pattern)
		if err != nil {
			return err
		}
		all = append(all, IDRule{idType, p})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("identity numbers of %s: %w", country, err)
	}
	return all, nil
}

// CheckID checks a number against its country's rule and gives it as stored.
func (r *Registry) CheckID(ctx context.Context, country, idType, number string) (private.NationalID, error) {
	return r.checkID(ctx, r.db, country, idType, number)
}

func (r *Registry) checkID(ctx context.Context, q querier, country, idType, number string) (private.NationalID, error) {
	rules, err := r.idTypes(ctx, q, country)
	if err != nil {
		return private.NationalID{}, err
	}
	for _, rule := range rules {
		if rule.Type == idType {
			return rule.Check(number)
		}
	}
	return private.NationalID{}, fault.Invalid("id_type.unknown", nil)
}

// Country tells where a number's accounts belong, by its dialling prefix.
func (r *Registry) Country(ctx context.Context, m private.Msisdn) (string, error) {
	return country(ctx, r.db, m)
}

func country(ctx context.Context, q querier, m private.Msisdn) (string, error) {
	var code string
	if err := q.QueryRow(ctx, sqlCountryOf, strings.TrimPrefix(m.Raw(), "+")).Scan(&code); err != nil {
		return "", fmt.Errorf("country of a number: %w", err)
	}
	return code, nil
}

// oldest bounds a birth date; nobody older has been recorded.
const oldest = 122

// CheckBirth refuses a birth date that nobody living has.
func (r *Registry) CheckBirth(d time.Time) error {
	now := r.now()
	if d.After(now) {
		return fault.Invalid("birth.future", nil)
	}
	if d.Before(now.AddDate(-oldest, 0, 0)) {
		return fault.Invalid("birth.too_old", nil)
	}
	return nil
}

// MatchID finds which kind of identity number a person has keyed, by its
// shape, so that nobody is asked for the kind. A number of no known shape is
// an Invalid fault that describes the commonest.
func (r *Registry) MatchID(ctx context.Context, country, number string) (idType string, id private.NationalID, err error) {
	rules, err := r.IDTypes(ctx, country)
	if err != nil {
		return "", private.NationalID{}, err
	}
	var first error
	for _, rule := range rules {
		id, err := rule.Check(number)
		if err == nil {
			return rule.Type, id, nil
		}
		if first == nil {
			first = err
		}
	}
	if first == nil {
		first = fmt.Errorf("no identity numbers are declared for %s", country)
	}
	return "", private.NationalID{}, first
}
