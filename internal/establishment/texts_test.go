package establishment_test

import (
	"testing"

	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/text/texttest"
)

func TestTexts(t *testing.T) {
	t.Parallel()
	texttest.Lint(t, establishment.Texts())
}
