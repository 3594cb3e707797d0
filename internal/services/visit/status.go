package visit

import (
	"context"

	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/text"
)

// Status tells the family how one of its own visits stands; found is false for
// any other reference. Without a PIN it gives the state and nothing else.
func (s *Service) Status(ctx context.Context, w form.Who, ref string) (line text.Line, found bool, err error) {
	if w.Account == 0 {
		return text.Line{}, false, nil
	}
	mine, err := s.read(ctx, s.db, sqlVisitByRef, ref, w.Account)
	if err != nil || len(mine) == 0 {
		return text.Line{}, false, err
	}
	v := mine[0]
	state := text.Label("visit.state." + string(v.State))
	if !w.PINGiven || !Open(v.State) {
		return text.L("visit.status", text.Params{"ref": text.Ref(ref), "state": state}), true, nil
	}
	h, err := s.house(ctx, v.EstablishmentID)
	if err != nil {
		return text.Line{}, false, err
	}
	p := when(h, v)
	p["state"] = state
	return text.L("visit.status_full", p), true, nil
}
