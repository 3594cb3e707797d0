package fault_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/wasl-sms/wasl/internal/fault"
)

func TestKindAndTextSurviveWrapping(t *testing.T) {
	t.Parallel()
	cause := errors.New("no row")
	err := fmt.Errorf("book: %w", fault.Conflict("visit.full", fault.Params{"day": "12/05/2026"}).With(cause))
	if got := fault.KindOf(err); got != fault.KindConflict {
		t.Errorf("kind is %v", got)
	}
	if got := fault.KeyOf(err); got != "visit.full" {
		t.Errorf("key is %q", got)
	}
	if got := fault.LineOf(err).Params["day"]; got != "12/05/2026" {
		t.Errorf("parameter is %v", got)
	}
	if !errors.Is(err, cause) {
		t.Error("the cause is lost")
	}
	if got := err.Error(); got != "book: conflict: visit.full: no row" || strings.Contains(got, "2026") {
		t.Errorf("message is %q", got)
	}
}

func TestKindOfOtherErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want fault.Kind
	}{
		{errors.New("x"), fault.KindInternal},
		{nil, fault.KindInternal},
		{fmt.Errorf("ask: %w", context.DeadlineExceeded), fault.KindUnavailable},
		{fault.Invalid("a.b", nil).With(context.Canceled), fault.KindInvalid},
		{fault.Internal("a.b", nil), fault.KindInternal},
		{fault.Unavailable("a.b", nil), fault.KindUnavailable},
		{fault.NotFound("a.b", nil), fault.KindNotFound},
		{fault.Forbidden("a.b", nil), fault.KindForbidden},
	} {
		if got := fault.KindOf(c.err); got != c.want {
			t.Errorf("KindOf(%v) = %v, want %v", c.err, got, c.want)
		}
	}
}

// With must not write into a fault that others may share.
func TestWithLeavesTheFaultAlone(t *testing.T) {
	t.Parallel()
	shared := fault.NotFound("case.unknown", nil)
	_ = shared.With(errors.New("one"))
	if errors.Unwrap(shared) != nil {
		t.Error("With changed the fault it was called on")
	}
}
