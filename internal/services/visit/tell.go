package visit

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/text"
)

// place is the establishment's short name; never what kind of place it is.
func (h house) place() text.Each {
	return text.Each{text.Arabic: h.ShortNameAr, text.French: h.ShortName}
}

// when gives the parameters that nearly every text of a visit has.
func when(h house, v Visit) text.Params {
	start := v.Starts.In(h.Zone)
	return text.Params{"ref": text.Ref(v.Ref), "day": start, "time": start, "place": h.place()}
}

// tell queues a text about a visit: urgent on the day itself, pointless once it began.
func tell(tx *casework.Tx, h house, v Visit, key text.Key, more text.Params, m message.Outbound) {
	p := when(h, v)
	maps.Copy(p, more)
	m.Account, m.CaseID, m.Line = v.AccountID, v.ID, text.L(key, p)
	if m.Class == 0 {
		m.Class = message.Decision
	}
	if civil(tx.Now().In(h.Zone)).Equal(v.Day) && m.Class > message.Gate {
		m.Class = message.Gate
	}
	if m.Dedupe == "" {
		m.Dedupe = string(key)
	}
	tx.Tell(m)
}

// question queues a text whose answer is a bare digit, and binds that digit.
func (s *Service) question(ctx context.Context, tx *casework.Tx, h house, v Visit, key text.Key, more text.Params,
	m message.Outbound, entry string, args ...string,
) error {
	tell(tx, h, v, key, more, m)
	if s.questions == nil {
		return nil
	}
	err := s.questions.Expect(ctx, tx.Tx, v.AccountID, entry, append([]string{v.Ref}, args...), m.Expires)
	if err != nil {
		return fmt.Errorf("await the answer to %s: %w", key, err)
	}
	return nil
}

func tellBooked(tx *casework.Tx, h house, v Visit, old *Visit) {
	key := text.Key("visit.sms.booked")
	if old != nil {
		key = "visit.sms.moved"
	}
	arrive := v.Starts.In(h.Zone).Add(-time.Duration(h.Rules.ArriveMinutesBefore) * time.Minute)
	tell(tx, h, v, key, text.Params{"code": text.Ref(v.Code), "arrive": arrive}, message.Outbound{Expires: v.Ends})
}
