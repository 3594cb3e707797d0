package permit

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/batch"
	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/person"
)

//go:embed texts/*.toml
var texts embed.FS

// Texts gives the catalogue files of this package.
func Texts() fs.FS { return texts }

// Database reads; what changes state goes through casework.
type Database interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// Keys seals what a family keyed and makes the hashes that find it again.
type Keys interface {
	Seal(table, column string, row int64, plaintext []byte) ([]byte, error)
	Open(table, column string, row int64, sealed []byte) ([]byte, error)
	BlindIndex(kind, value string) []byte
	CodeMAC(what string) []byte
}

// Visits knows what rests on a permit. Resting finds the visits to come before
// the transaction in which the permit falls, and gives what cancels them in it.
type Visits interface {
	Resting(ctx context.Context, permitID int64) (callOff func(context.Context, *casework.Tx) error, err error)
}

// Service runs permit requests and permits. It is safe for concurrent use.
type Service struct {
	db      Database
	book    *casework.Book
	persons *person.Registry
	places  *establishment.Directory
	keys    Keys
	visits  Visits
	now     func() time.Time
	refs    *batch.Group[owned, mine]
}

// New makes a Service.
func New(db Database, book *casework.Book, persons *person.Registry, places *establishment.Directory, keys Keys, visits Visits, now func() time.Time) *Service {
	s := &Service{db: db, book: book, persons: persons, places: places, keys: keys, visits: visits, now: now}
	s.refs = batch.New(batch.Config[owned, mine]{Do: s.allByRef})
	return s
}

// Claim is what a family says of the person it wants to see: a number, or a
// name, birth date and place. Nothing ever tells the family whether it matched.
type Claim struct {
	Number  string `json:"number,omitempty"`
	Family  string `json:"family,omitempty"`
	Given   string `json:"given,omitempty"`
	Birth   string `json:"birth,omitempty"` // 2006-01-02
	PlaceID int64  `json:"place,omitempty"`
}

func (s *Service) sealClaim(id int64, c Claim) (sealed, hash []byte, err error) {
	raw, err := json.Marshal(c)
	if err != nil {
		return nil, nil, fmt.Errorf("encode claim: %w", err)
	}
	if sealed, err = s.keys.Seal("permit_request", "claim", id, raw); err != nil {
		return nil, nil, fmt.Errorf("seal claim: %w", err)
	}
	return sealed, s.claimHash(c), nil
}

// claimHash is the same for claims that differ only in how they were keyed.
func (s *Service) claimHash(c Claim) []byte {
	if c.Number != "" {
		return s.keys.BlindIndex("claim", strings.TrimLeft(c.Number, "0"))
	}
	fold := func(name string) string { return strings.ToUpper(strings.Join(strings.Fields(name), " ")) }
	return s.keys.BlindIndex("claim", fmt.Sprintf("%s/%s/%s/%d", fold(c.Family), fold(c.Given), c.Birth, c.PlaceID))
}

func (s *Service) openClaim(id int64, sealed []byte) (Claim, error) {
	raw, err := s.keys.Open("permit_request", "claim", id, sealed)
	if err != nil {
		return Claim{}, fmt.Errorf("open claim of case %d: %w", id, err)
	}
	var c Claim
	if err := json.Unmarshal(raw, &c); err != nil {
		return Claim{}, fmt.Errorf("read claim of case %d: %w", id, err)
	}
	return c, nil
}
