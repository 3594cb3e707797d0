package info_test

import (
	"testing"

	"github.com/wasl-sms/wasl/internal/services/info"
	"github.com/wasl-sms/wasl/internal/text/texttest"
)

func TestTexts(t *testing.T) {
	t.Parallel()
	texttest.Lint(t, info.Texts())
}
