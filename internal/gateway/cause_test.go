package gateway

import (
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/wasl-sms/wasl/internal/links"
	"github.com/wasl-sms/wasl/smpp"
)

// What ended a session is told by its kind; a TLS alert is one wherever it came.
func TestCausesOfAnEnd(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]links.Cause{
		smpp.ErrInvPaswd: links.LoginFailed, smpp.ErrTLS: links.TLS, smpp.ErrLinkDead: links.Silent,
		&net.OpError{Op: "remote error", Err: errors.New("tls: certificate required")}: links.TLS,
		&net.OpError{Op: "read", Err: errors.New("connection reset")}:                  links.Lost,
	} {
		if got, _ := causeOf(fmt.Errorf("bind: %w", err)); got != want {
			t.Errorf("%v is told as %s", err, got)
		}
	}
}
