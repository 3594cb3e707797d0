package permit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/person"
	"github.com/wasl-sms/wasl/internal/text"
)

// Sending is a complete request as a family sends it.
type Sending struct {
	AccountID int64
	Claim     Claim
	Visitors  []Coming
	Hint      establishment.Hint
}

// Coming is one person who wants to come: of the household, or new to it.
type Coming struct {
	VisitorID int64
	New       *person.VisitorInput
	Relation  string
}

// Sent is what the family is told.
type Sent struct {
	ID  int64
	Ref string
	Due time.Time
}

// Send files a request, routes it where the register is sure, and texts the
// receipt. Whether the person asked for was found changes nothing the family
// can see: not the answer, not the due date.
func (s *Service) Send(ctx context.Context, cmd casework.Command, in Sending) (Sent, error) {
	acc, err := s.persons.Account(ctx, in.AccountID)
	if err != nil {
		return Sent{}, err
	}
	rules, err := s.places.CountryRules(ctx, acc.Country, s.now())
	if err != nil {
		return Sent{}, err
	}
	if len(in.Visitors) == 0 || len(in.Visitors) > rules.VisitorsPerRequest {
		return Sent{}, fault.Invalid("permit.too_many", text.Params{"n": rules.VisitorsPerRequest})
	}
	found, err := s.match(ctx, acc.Country, in.Claim, in.Hint, in.Visitors[0].Relation)
	if err != nil {
		return Sent{}, err
	}
	calendar, err := s.places.CountryCalendar(ctx, acc.Country, s.now())
	if err != nil {
		return Sent{}, err
	}
	due, err := calendar.Due(s.now(), rules.PermitWorkingDays)
	if err != nil {
		return Sent{}, err
	}

	var out Sent
	_, err = s.book.Do(ctx, cmd, &out, func(ctx context.Context, tx *casework.Tx) error {
		if err := s.mayAsk(ctx, tx, in, rules); err != nil {
			return err
		}
		ids, relations, err := s.household(ctx, tx, in, rules)
		if err != nil {
			return err
		}
		if err := s.notTwice(ctx, tx, in, ids); err != nil {
			return err
		}
		f, err := tx.Begin(ctx, RequestLife(), casework.Opening{
			AccountID: in.AccountID, EstablishmentID: found.establishmentID, DueAt: &due,
		}, casework.Move{Event: "send"})
		if err != nil {
			return err
		}
		claim, hash, err := s.sealClaim(f.ID, in.Claim)
		if err != nil {
			return err
		}
		batch := &pgx.Batch{}
		batch.Queue(sqlInsertRequest, f.ID, found.establishmentID, found.detaineeID, claim, hash, purpose(acc.Quality), in.Hint, tx.Now(), nil)
		batch.Queue(sqlInsertRequestVisitors, f.ID, ids, relations)
		if found.detaineeID != nil {
			batch.Queue(sqlInsertKinship, f.ID, *found.detaineeID)
		}
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return fmt.Errorf("store request: %w", err)
		}
		if found.authorityID != nil {
			if err := s.route(ctx, tx, f, *found.authorityID, found.establishmentID); err != nil {
				return err
			}
		}
		tx.Tell(message.Outbound{
			Account: in.AccountID, Class: message.Decision, CaseID: f.ID, Dedupe: "received",
			Line: text.L("permit.received", text.Params{"ref": text.Ref(f.Ref), "due": due}),
		})
		out = Sent{ID: f.ID, Ref: f.Ref, Due: due}
		return nil
	})
	return out, err
}

// mayAsk locks the account, so that two sendings at once count each other.
func (s *Service) mayAsk(ctx context.Context, tx *casework.Tx, in Sending, rules establishment.Rules) error {
	var open, today int
	batch := &pgx.Batch{}
	batch.Queue(sqlLockAccount, in.AccountID)
	batch.Queue(sqlOpenRequests, in.AccountID).QueryRow(func(row pgx.Row) error { return row.Scan(&open) })
	batch.Queue(sqlClaimsToday, in.AccountID, tx.Now().Add(-24*time.Hour)).QueryRow(func(row pgx.Row) error { return row.Scan(&today) })
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("count requests: %w", err)
	}
	if open >= rules.OpenRequestsMax {
		return fault.Conflict("permit.too_many_open", text.Params{"n": open})
	}
	if today >= rules.ClaimsPerDay {
		return fault.Conflict("permit.enough_today", nil)
	}
	return nil
}

// purpose is why an account asks: agents ask for families.
func purpose(q person.Quality) string {
	if q == person.Agent {
		return string(person.Family)
	}
	return string(q)
}

// household gives the visitors' ids, each once, adding those who are new to
// the household. Somebody keyed again is taken as who they are.
func (s *Service) household(ctx context.Context, tx *casework.Tx, in Sending, rules establishment.Rules) (ids []int64, relations []string, err error) {
	for _, v := range in.Visitors { // at most VisitorsPerRequest
		id := v.VisitorID
		if v.New != nil {
			who := *v.New
			who.Max = rules.HouseholdMax
			added, err := s.persons.AddVisitor(ctx, tx, in.AccountID, who)
			if err != nil && fault.KeyOf(err) != "household.known" {
				return nil, nil, err
			}
			id = added.ID
		}
		if !slices.Contains(ids, id) {
			ids, relations = append(ids, id), append(relations, v.Relation)
		}
	}
	var own int
	if err := tx.QueryRow(ctx, sqlOwnVisitors, in.AccountID, ids).Scan(&own); err != nil {
		return nil, nil, fmt.Errorf("count visitors: %w", err)
	}
	if own != len(ids) {
		return nil, nil, fault.NotFound("household.nobody", nil)
	}
	return ids, relations, nil
}

func (s *Service) notTwice(ctx context.Context, tx *casework.Tx, in Sending, visitors []int64) error {
	var ref string
	err := tx.QueryRow(ctx, sqlSameRequest, in.AccountID, s.claimHash(in.Claim), visitors).Scan(&ref)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for the same request: %w", err)
	}
	return fault.Conflict("permit.already_open", text.Params{"ref": text.Ref(ref)})
}

// place is what the register and the routing table know about a claim.
type place struct {
	detaineeID      *int64
	establishmentID *int64
	authorityID     *int64
}

// match looks the claim up in silence. Where nobody can be sure, the request
// waits for a clerk.
func (s *Service) match(ctx context.Context, country string, c Claim, hint establishment.Hint, relation string) (place, error) {
	var p place
	if c.PlaceID != 0 {
		p.establishmentID = &c.PlaceID
	}
	d, ok, err := s.places.Find(ctx, c.register(country))
	if err != nil || !ok {
		return p, err
	}
	phase, err := s.places.Phase(ctx, d.EstablishmentID, "permit")
	if err != nil || !phase.Takes() {
		return p, err
	}
	p.detaineeID, p.establishmentID = &d.ID, &d.EstablishmentID
	p.authorityID, err = s.authority(ctx, d, hint, relation)
	return p, err
}

func (c Claim) register(country string) establishment.Claim {
	out := establishment.Claim{Country: country, DetentionNo: c.Number, Family: c.Family, Given: c.Given, EstablishmentID: c.PlaceID}
	if t, err := time.Parse(time.DateOnly, c.Birth); err == nil {
		out.BirthDate = establishment.DayOf(t)
	}
	return out
}

func (s *Service) authority(ctx context.Context, d establishment.Detainee, hint establishment.Hint, relation string) (*int64, error) {
	id, err := s.places.Route(ctx, establishment.Routing{
		EstablishmentID: d.EstablishmentID, Status: d.LegalStatus, Hint: hint, Relation: relation,
	})
	if fault.KindOf(err) == fault.KindNotFound {
		return nil, nil //nolint:nilnil // nobody answers for the place: a clerk chooses
	}
	if err != nil {
		return nil, err
	}
	return &id, nil
}

// route hands a request to the authority that decides; the clock runs on.
func (s *Service) route(ctx context.Context, tx *casework.Tx, f casework.File, authority int64, place *int64) error {
	f, err := tx.Move(ctx, RequestLife(), f, casework.Move{Event: "route", Detail: map[string]any{"authority": authority}})
	if err != nil {
		return err
	}
	return tx.Assign(ctx, f, &authority, place, f.DueAt, f.ClockLeft)
}
