package aggregator_test

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// golden is one request of an aggregator, octet for octet, with what the
// dialogue is asked and the answer, octet for octet.
type golden struct {
	name    string
	request string // lines end with \n here and with \r\n on the wire
	asked   string // kind, session, input; "" when the dialogue is not asked
	answer  string
}

func (g golden) read(t *testing.T) *http.Request {
	t.Helper()
	head, body, _ := strings.Cut(g.request, "\n\n")
	wire := strings.ReplaceAll(head, "\n", "\r\n") + fmt.Sprintf("\r\nHost: wasl.example\r\nContent-Length: %d\r\n\r\n", len(body)) + body
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(wire)))
	if err != nil {
		t.Fatal(err)
	}
	r.RemoteAddr = "127.0.0.1:5555"
	return r
}

func play(t *testing.T, format string, all []golden) {
	t.Helper()
	for _, g := range all {
		t.Run(format+"/"+g.name, func(t *testing.T) {
			t.Parallel()
			d := &scripted{}
			got := call(t, handler(t, d, endpoint(t, format)), g.read(t))
			if diff := cmp.Diff(g.answer, got); diff != "" {
				t.Errorf("answer: -want +got\n%s", diff)
			}
			asked := ""
			if r := d.last(); r.Kind != 0 {
				asked = fmt.Sprintf("%v %s %s %q", r.Kind, r.Msisdn, r.SessionID, r.Input)
				if r.Code != "" {
					asked += " " + r.Code
				}
				if r.RequestKey != "" {
					asked += " key " + r.RequestKey
				}
			}
			if asked != g.asked {
				t.Errorf("asked %s\nwant  %s", asked, g.asked)
			}
		})
	}
}

const plain = "200\nContent-Type: text/plain; charset=utf-8\n\n"

func TestAfricasTalking(t *testing.T) {
	t.Parallel()
	const head = "POST /ussd/north HTTP/1.1\nContent-Type: application/x-www-form-urlencoded\n\n"
	const said = "sessionId=ATUid_5d3b&phoneNumber=%2B212600000001&networkCode=99999&serviceCode=%2A369%23&text="
	play(t, "africastalking", []golden{
		{"dial", head + said, `keyed +212600000001 ATUid_5d3b "" *369# key at/ATUid_5d3b/`, plain + "CON 1 Oui & non\n0 <Retour>"},
		{"path", head + said + "1%2A4826", `keyed +212600000001 ATUid_5d3b "1*4826" *369*1*4826# key at/ATUid_5d3b/1*4826`, plain + "CON 1 Oui & non\n0 <Retour>"},
		{"end", head + said + "1*9", `keyed +212600000001 ATUid_5d3b "1*9" *369*1*9# key at/ATUid_5d3b/1*9`, plain + "END 1 Oui & non\n0 <Retour>"},
		{"no number", head + "sessionId=a&text=1", "", "400\nContent-Type: text/plain; charset=utf-8\n\nBad Request\n"},
		{"not a number", head + "sessionId=a&phoneNumber=MTN&text=1", "", plain + "END " + sorry},
		{"incomplete", strings.Replace(head, "north", "north/events", 1) + "date=2026-09-29+10%3A11%3A12&sessionId=ATUid_5d3b&serviceCode=%2A369%23&networkCode=99999&phoneNumber=%2B212600000001&status=Incomplete&cost=MAD+0.10&durationInMillis=12345&hopsCount=3&input=1&lastAppResponse=CON+x", `abort +212600000001 ATUid_5d3b ""`, plain},
		{"success", head + "sessionId=ATUid_5d3b&phoneNumber=%2B212600000001&status=Success&input=1", "", plain},
	})
}
