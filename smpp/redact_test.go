package smpp_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/wasl-sms/wasl/smpp"
)

func TestNothingPrivateIsPrinted(t *testing.T) {
	t.Parallel()
	m := text("body-of-message")
	values := []any{
		m, &m, m.Dest, &m.Dest,
		[]smpp.ShortMessage{m},
		smpp.Multi{Message: m, Dests: []smpp.Destination{{Address: m.Dest}}},
		smpp.Replace{Source: m.Dest, Payload: m.Payload},
		smpp.Query{Source: m.Dest},
		smpp.Cancel{Dest: m.Dest},
		smpp.BindRequest{SystemID: "wasl", Password: "hunter2"},
		smpp.ClientConfig{SystemID: "wasl", Password: "hunter2"},
	}
	for _, v := range values {
		var out bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
			fmt.Fprintf(&out, verb, v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
		_ = json.NewEncoder(&out).Encode(v) // a config with functions is refused
		for _, private := range []string{
			"212600000001", "body-of-message", "hunter2",
			fmt.Sprintf("%x", "212600000001"), fmt.Sprintf("%x", "hunter2"), fmt.Sprintf("%v", m.Payload),
		} {
			if strings.Contains(out.String(), private) {
				t.Errorf("%T prints %q: %s", v, private, out.String())
			}
		}
	}
	if got := (smpp.Address{TON: 3, Addr: "36900"}).String(); !strings.Contains(got, "36900") {
		t.Errorf("a short code is no secret: %s", got)
	}
}
