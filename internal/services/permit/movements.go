package permit

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/text"
)

var _ establishment.Watcher = (*Service)(nil)

// fate is what a batch of events means for the permits to see one person.
type fate struct {
	gone    bool // for good: nothing is left to ask or to hold
	escaped bool
	moved   bool
	status  bool
	place   int64
	at      time.Time
}

func fates(changes []establishment.Change) map[int64]fate {
	all := map[int64]fate{}
	for _, c := range changes {
		f := all[c.DetaineeID]
		switch c.Kind {
		case establishment.Released, establishment.Died:
			f.gone = true
		case establishment.Escaped:
			f.escaped = true
		default: // told by place and status
		}
		f.moved = f.moved || c.From != 0 && c.To != c.From
		f.status = f.status || c.Was != "" && c.Is != c.Was
		f.place, f.at = c.To, c.At
		if f.gone || f.escaped || f.moved || f.status {
			all[c.DetaineeID] = f
		}
	}
	return all
}

// DetaineesChanged lets requests and permits follow the people they are about:
// who is free again needs none, and after a transfer or a change of status a
// permit stays valid or is looked at again, as the rules of the place say.
func (s *Service) DetaineesChanged(ctx context.Context, tx *casework.Tx, changes []establishment.Change) error {
	all := fates(changes)
	if len(all) == 0 {
		return nil
	}
	people := slices.Sorted(maps.Keys(all)) // the register has locked them
	if _, err := tx.Exec(ctx, sqlLockPermitsAbout, people); err != nil {
		return fmt.Errorf("lock permits of people who moved: %w", err)
	}
	rows, err := tx.Query(ctx, sqlAbout, people)
	if err != nil {
		return fmt.Errorf("cases about people who moved: %w", err)
	}
	type about struct{ Case, Detainee int64 }
	cases, err := pgx.CollectRows(rows, pgx.RowToStructByPos[about])
	if err != nil {
		return fmt.Errorf("cases about people who moved: %w", err)
	}
	follow := follower{Service: s, tx: tx}
	for _, c := range cases { // few: what is open about the people of one batch
		f, err := tx.Read(ctx, c.Case)
		if err != nil {
			return err
		}
		if f.Machine == RequestLife().Name {
			err = follow.request(ctx, f, all[c.Detainee])
		} else {
			err = follow.permit(ctx, f, all[c.Detainee])
		}
		if err != nil {
			return err
		}
	}
	follow.tell()
	return nil
}

// follower gathers what families are told, so that a household with three
// permits gets one text.
type follower struct {
	*Service
	tx    *casework.Tx
	texts []news
}

type news struct {
	account int64
	key     text.Key
	at      time.Time
	first   int64 // case
	due     time.Time
	numbers []string
}

func (w *follower) mean() *casework.Actor {
	return &casework.Actor{Kind: casework.System, Role: "register"}
}

func (w *follower) request(ctx context.Context, f casework.File, to fate) error {
	if to.gone {
		return closeRequest(ctx, w.tx, f, casework.Move{Event: "close_no_object", Reason: "person_left", By: w.mean()})
	}
	// The office that has it sees this in its history and refers it when it is no longer its own.
	w.tx.Audit(casework.Entry{
		Action: "permit.person_moved", ObjectKind: f.Machine, ObjectID: f.ID,
		Detail: map[string]any{"place": to.place, "status": to.status},
	})
	return nil
}

func (w *follower) permit(ctx context.Context, f casework.File, to fate) error {
	if to.gone {
		return w.end(ctx, f, to)
	}
	rules, err := w.places.Rules(ctx, to.place, w.tx.Now())
	if err != nil {
		return err
	}
	stays := !to.escaped && (!to.moved || rules.PermitSurvivesTransfer) && (!to.status || rules.PermitSurvivesStatus)
	if stays || f.State != Active && f.State != PendingSight {
		if to.moved && stays && f.State != Suspended {
			w.add("permit.still_valid", f, to, time.Time{})
		}
		return w.tx.Assign(ctx, f, f.AuthorityID, &to.place, f.DueAt, f.ClockLeft)
	}
	if f, err = w.tx.Move(ctx, Life(), f, casework.Move{Event: "review", Reason: "status_changed", By: w.mean()}); err != nil {
		return err
	}
	due, err := w.places.DueDate(ctx, *f.AuthorityID, w.tx.Now(), rules.PermitReviewWorkingDays)
	if err != nil {
		return err
	}
	w.add("permit.in_review", f, to, due)
	return w.tx.Assign(ctx, f, f.AuthorityID, &to.place, &due, nil)
}

// end closes a permit and calls off the visits that stood on it. The register
// has locked the person, so that none is booked meanwhile.
func (w *follower) end(ctx context.Context, f casework.File, to fate) error {
	callOff, err := w.visits.Resting(ctx, f.ID)
	if err != nil {
		return err
	}
	if err := callOff(ctx, w.tx); err != nil {
		return err
	}
	if f, err = w.tx.Move(ctx, Life(), f, casework.Move{Event: "close", Reason: "person_left", By: w.mean()}); err != nil {
		return err
	}
	w.add("permit.closed", f, to, time.Time{})
	return w.tx.Assign(ctx, f, f.AuthorityID, f.EstablishmentID, nil, nil)
}

func (w *follower) add(key text.Key, f casework.File, to fate, due time.Time) {
	for i := range w.texts {
		if n := &w.texts[i]; n.account == f.AccountID && n.key == key && n.at.Equal(to.at) && n.due.Equal(due) {
			n.numbers = append(n.numbers, f.Ref)
			return
		}
	}
	w.texts = append(w.texts, news{account: f.AccountID, key: key, at: to.at, first: f.ID, due: due, numbers: []string{f.Ref}})
}

func (w *follower) tell() {
	for _, n := range w.texts {
		p := text.Params{"numbers": strings.Join(n.numbers, ", ")}
		if !n.due.IsZero() {
			p["due"] = n.due
		}
		w.tx.Tell(message.Outbound{
			Account: n.account, Class: message.Decision, CaseID: n.first, Dedupe: fmt.Sprintf("%s/%d", n.key, n.at.Unix()),
			Line: text.L(n.key, p),
		})
	}
}
