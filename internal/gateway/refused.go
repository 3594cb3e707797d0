package gateway

import (
	"fmt"
	"time"

	"github.com/wasl-sms/wasl/internal/links"
	"github.com/wasl-sms/wasl/smpp"
)

// RefusedFor is the longest pause after a refused login. Who tries meanwhile
// brings the account nearer to being locked.
const RefusedFor = 15 * time.Minute

// Refused is the finding of a bind that is not tried, for its login was
// refused lately.
func Refused(o Operator, b Bind, last links.Failure, now time.Time) Finding {
	t := refusedTrouble(b, smpp.Status(last.Code))
	f := Finding{Operator: o.Name, Bind: b.Name, About: b.String(), Do: t.do, Refused: t.refused}
	f.Wrong = fmt.Sprintf("not tried: refused %s ago. Then it was: %s", ago(now.Sub(last.Last)), t.wrong)
	f.Do = append(f.Do,
		fmt.Sprintf("`wasl serve` tries again by itself, at most %d minutes after a refusal, and at once when the operators file is read again with other settings of the bind", int(RefusedFor.Minutes())),
		"once the cause is put right, `wasl doctor --again` tries in spite of it")
	return f
}

func ago(d time.Duration) string {
	if d < 2*time.Minute {
		return fmt.Sprintf("%d seconds", max(0, int(d.Seconds())))
	}
	return fmt.Sprintf("%d minutes", int(d.Minutes()))
}
