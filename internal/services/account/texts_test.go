package account_test

import (
	"testing"

	"github.com/wasl-sms/wasl/internal/services/account"
	"github.com/wasl-sms/wasl/internal/text/texttest"
)

func TestTexts(t *testing.T) {
	t.Parallel()
	texttest.Lint(t, account.Texts())
}
