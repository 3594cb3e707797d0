package establishment

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"

	"github.com/BurntSushi/toml"
	"github.com/jackc/pgx/v5"
)

//go:embed defaults.toml
var defaultsFile string

// Transactor runs fn in one database transaction.
type Transactor interface {
	InTx(ctx context.Context, fn func(context.Context, pgx.Tx) error) error
}

type defaults struct {
	Country []struct {
		Code       string
		DialPrefix string `toml:"dial_prefix"`
		TZ         string
		RestDays   []int16 `toml:"rest_days"`
		WeekStart  int16   `toml:"week_start"`
	}
	IDRule []struct {
		Country string
		IDType  string `toml:"id_type"`
		Place   int16
		Pattern string
	} `toml:"id_rule"`
	Relation map[string]string
	Routing  map[string]map[LegalStatus]map[string]AuthorityKind
	Hint     map[Hint]LegalStatus
	Rules    map[string]any
}

// Defaults loads what a country starts with: calendar, identity cards,
// relations, routing and rules. What is there already stays as it is.
func Defaults(ctx context.Context, db Transactor) error {
	var d defaults
	md, err := toml.Decode(defaultsFile, &d)
	if err != nil {
		return fmt.Errorf("read defaults: %w", err)
	}
	rules, err := json.Marshal(d.Rules)
	if err != nil {
		return fmt.Errorf("read defaults: %w", err)
	}
	if _, err := ParseRules(rules); err != nil {
		return fmt.Errorf("read defaults: %w", err)
	}
	batch := &pgx.Batch{}
	for _, c := range d.Country {
		batch.Queue(sqlDefaultCountry, c.Code, c.DialPrefix, c.TZ, c.RestDays, c.WeekStart)
		batch.Queue(sqlDefaultRules, c.Code, rules)
		for hint, status := range d.Hint {
			batch.Queue(sqlDefaultHint, c.Code, hint, status)
		}
		place := int16(0)
		for _, key := range md.Keys() { // in the order of the file
			if len(key) == 2 && key[0] == "relation" {
				place++
				batch.Queue(sqlDefaultRelation, c.Code, key[1], d.Relation[key[1]], place)
			}
		}
		for status, by := range d.Routing[c.Code] {
			for class, kind := range by {
				batch.Queue(sqlDefaultRouting, c.Code, status, class, kind)
			}
		}
	}
	for _, r := range d.IDRule {
		batch.Queue(sqlDefaultIDRule, r.Country, r.IDType, r.Place, r.Pattern)
	}
	return db.InTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return fmt.Errorf("load defaults: %w", err)
		}
		return nil
	})
}
