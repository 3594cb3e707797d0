package visit

import (
	"context"
	"fmt"
	"time"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/establishment"
)

var _ establishment.Watcher = (*Service)(nil)

// DetaineesChanged flags the visits to come of people who were moved, freed,
// taken away or barred from contact.
func (s *Service) DetaineesChanged(ctx context.Context, tx *casework.Tx, changes []establishment.Change) error {
	for _, c := range changes { // each flags under its own key
		f, ok := flagOf(c)
		if !ok {
			continue
		}
		f.Source = fmt.Sprintf("%s/%d/%d", c.Kind, c.DetaineeID, c.At.Unix())
		if _, err := s.FlagDetainee(ctx, tx, c.DetaineeID, f); err != nil {
			return err
		}
	}
	return nil
}

// flagOf tells what an event means for visits that are booked. A transfer, an
// end or a ban makes the trip useless; an absence may be over by then.
func flagOf(c establishment.Change) (Flag, bool) {
	switch c.Kind {
	case establishment.Transferred:
		return Flag{Kind: "transferred", BlocksGate: true, Useless: true}, c.From != c.To
	case establishment.Released, establishment.Died, establishment.Escaped:
		return Flag{Kind: "released", BlocksGate: true, Useless: true}, true
	case establishment.Sanction, establishment.ContactBan:
		return Flag{Kind: "ban", BlocksGate: true, Useless: true, Until: c.Until}, true
	case establishment.Court, establishment.Hospital:
		until := c.Until
		if until.IsZero() { // not known: back tomorrow, or the next event says so
			until = c.At.Add(24 * time.Hour)
		}
		return Flag{Kind: string(c.Kind), Until: until}, true
	default:
		return Flag{}, false
	}
}
