package desk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/text"
)

// Person is one visitor as staff compare them with their papers.
type Person struct {
	ID        int64
	Self      bool
	IDType    string
	IDNumber  private.NationalID
	NameLatin private.Name
	NameAr    private.Name
	BirthDate time.Time
	Status    string // "keyed", "sighted", "registry", "refuted"
}

// Family is the account that asks.
type Family struct {
	ID      int64
	Lang    text.Lang
	Quality string
	Level   int16
	Msisdn  private.Msisdn
	OptOut  bool
}

// People gives visitors by id. The caller has checked the scope and notes the
// reading.
func (d *Desk) People(ctx context.Context, ids []int64) (map[int64]Person, error) {
	rows, err := d.db.Query(ctx, sqlPeople, ids)
	if err != nil {
		return nil, fmt.Errorf("read visitors: %w", err)
	}
	all := make(map[int64]Person, len(ids))
	var p Person
	var number, latin, arabic []byte
	_, err = pgx.ForEachRow(rows, []any{&p.ID, &p.Self, &p.IDType, &number, &latin, &arabic, &p.BirthDate, &p.Status}, func() error {
		id, err1 := d.openVisitor(p.ID, "id_number_sealed", number)
		la, err2 := d.openVisitor(p.ID, "name_latin_sealed", latin)
		ar, err3 := d.openVisitor(p.ID, "name_ar_sealed", arabic)
		p.IDNumber, p.NameLatin, p.NameAr = private.NewNationalID(id), private.NewName(la), private.NewName(ar)
		all[p.ID] = p
		return errors.Join(err1, err2, err3)
	})
	if err != nil {
		return nil, fmt.Errorf("read visitors: %w", err)
	}
	return all, nil
}

func (d *Desk) openVisitor(id int64, column string, sealed []byte) (string, error) {
	if sealed == nil {
		return "", nil
	}
	plain, err := d.keys.Open("visitor", column, id, sealed)
	return string(plain), err
}

// Family gives the account of a case.
func (d *Desk) Family(ctx context.Context, account int64) (Family, error) {
	f := Family{ID: account}
	var row int64
	var number []byte
	err := d.db.QueryRow(ctx, sqlFamily, account).Scan(&f.Lang, &f.Quality, &f.Level, &f.OptOut, &row, &number)
	if errors.Is(err, pgx.ErrNoRows) {
		return f, fault.NotFound("account.unknown", nil)
	}
	if err != nil {
		return f, fmt.Errorf("read account %d: %w", account, err)
	}
	if number != nil {
		raw, err := d.keys.Open("msisdn", "number_sealed", row, number)
		if err != nil {
			return f, fmt.Errorf("open the number of account %d: %w", account, err)
		}
		f.Msisdn = private.StoredMsisdn(string(raw))
	}
	return f, nil
}

// Told is one text to the family as it went out.
type Told struct {
	ID        int64
	At        time.Time
	Key       text.Key
	Lang      text.Lang
	Body      private.Body
	Parts     int
	State     string // the least happy of its parts: later, queued, in_doubt, accepted, delivered, or a failure
	Reason    string
	Accepted  *time.Time
	Delivered *time.Time
}

// Texts lists what a case's family was told, oldest first, each as it was
// written.
func (d *Desk) Texts(ctx context.Context, caseID int64) ([]Told, error) {
	rows, err := d.db.Query(ctx, sqlTexts, caseID)
	if err != nil {
		return nil, fmt.Errorf("texts of case %d: %w", caseID, err)
	}
	var all []Told
	var t Told
	var body []byte
	_, err = pgx.ForEachRow(rows, []any{&t.ID, &t.At, &t.Key, &t.Lang, &body, &t.Parts, &t.State, &t.Reason, &t.Accepted, &t.Delivered}, func() error {
		plain, err := d.keys.Open("message", "body_sealed", t.ID, body)
		if err != nil {
			return fmt.Errorf("open text %d: %w", t.ID, err)
		}
		t.Body = private.NewBody(string(plain))
		all = append(all, t)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("texts of case %d: %w", caseID, err)
	}
	return all, nil
}

// Happened is one line of a case's history with the name of who did it.
type Happened struct {
	casework.Happening
	Name string // of the member of staff; "" for others
}

// History tells all that happened to a case, oldest first.
func (d *Desk) History(ctx context.Context, caseID int64) ([]Happened, error) {
	all, err := casework.History(ctx, d.db, caseID)
	if err != nil {
		return nil, err
	}
	var ids []int64
	for _, h := range all {
		if h.Actor.Kind == casework.Staff {
			ids = append(ids, h.Actor.ID)
		}
	}
	names, err := d.names(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := make([]Happened, len(all))
	for i, h := range all {
		out[i] = Happened{Happening: h}
		if h.Actor.Kind == casework.Staff {
			out[i].Name = names[h.Actor.ID]
		}
	}
	return out, nil
}

func (d *Desk) names(ctx context.Context, ids []int64) (map[int64]string, error) {
	rows, err := d.db.Query(ctx, sqlNames, ids)
	if err != nil {
		return nil, fmt.Errorf("names of staff: %w", err)
	}
	names := map[int64]string{}
	var id int64
	var name string
	_, err = pgx.ForEachRow(rows, []any{&id, &name}, func() error {
		names[id] = name
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("names of staff: %w", err)
	}
	return names, nil
}

// Paper is one permit as its page and its printed sheet show it.
type Paper struct {
	ID          int64
	RequestRef  string
	VisitorID   int64
	DetaineeID  int64
	Code        string
	Relation    string
	Kind        string
	From        time.Time
	To          *time.Time
	Allowed     *int
	Committed   int
	Used        int
	Separation  bool
	AuthorityID int64
	IssuedBy    string
	IssuedAt    time.Time
}

// Permit gives a permit's own particulars.
func (d *Desk) Permit(ctx context.Context, id int64) (Paper, error) {
	rows, err := d.db.Query(ctx, sqlPaper, id)
	if err != nil {
		return Paper{}, fmt.Errorf("read permit %d: %w", id, err)
	}
	p, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Paper])
	if errors.Is(err, pgx.ErrNoRows) {
		return p, fault.NotFound("case.unknown", nil)
	}
	if err != nil {
		return p, fmt.Errorf("read permit %d: %w", id, err)
	}
	return p, nil
}

// FindDetainee searches the register for a case's match, by detention number
// only. The search is noted with the case it was made for.
func (d *Desk) FindDetainee(ctx context.Context, w Who, s Standing, number string) ([]establishment.Detainee, error) {
	if err := w.Allow(Match); err != nil {
		return nil, err
	}
	found, err := d.places.Candidates(ctx, establishment.Claim{Country: s.Country, DetentionNo: number})
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(found))
	for i, f := range found {
		ids[i] = f.ID
	}
	err = d.note(ctx, w.Actor(), casework.Entry{
		Action: "detainee.search", ObjectKind: s.Machine, ObjectID: s.ID,
		Detail: map[string]any{"found": ids},
	})
	return found, err
}

// PermitAtGate gives the permit on which a visitor comes to a visit.
func (d *Desk) PermitAtGate(ctx context.Context, visitID, visitorID int64) (id int64, err error) {
	err = d.db.QueryRow(ctx, sqlPermitAtGate, visitID, visitorID).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, fault.NotFound("visit.unknown", nil)
	}
	if err != nil {
		return 0, fmt.Errorf("permit of visitor %d: %w", visitorID, err)
	}
	return id, nil
}
