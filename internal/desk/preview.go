package desk

import (
	"strings"

	"github.com/wasl-sms/wasl/smpp/gsm"
)

// AsSent gives a text as the family's phone will show it, and how many
// message parts it takes.
func AsSent(body string) (shown string, parts int) {
	shown = gsm.Fold(strings.TrimSpace(body))
	return shown, gsm.Parts(shown)
}
