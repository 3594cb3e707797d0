package casework_test

import (
	"testing"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/text/texttest"
)

func TestTexts(t *testing.T) {
	t.Parallel()
	texttest.Lint(t, casework.Texts())
}
