package aggregator

import (
	"cmp"
	"net/http"

	"github.com/wasl-sms/wasl/ussd"
)

// airtel is Comviva's Flares as Airtel runs it: the HTTP pull interface. A new
// SessionID is all that marks a dial, whose code comes without its star and
// hash. A session that the network closed is told by a call with clean.
func airtel() Format {
	return Format{
		Name: "airtel", methods: []string{"GET"}, secretName: "password", userName: "userid",
		Budget: ussd.DefaultBudget(), decode: decodeAirtel,
	}
}

func decodeAirtel(m message) (call, error) {
	session := m.query.Get("SessionID")
	number := cmp.Or(m.query.Get("MSISDN"), m.query.Get("msisdn"))
	switch {
	case session == "":
		return call{}, missing("SessionID")
	case number == "":
		return call{}, missing("MSISDN")
	}
	c := call{number: number, write: writeAirtel, request: ussd.Request{SessionID: session}}
	switch {
	case m.query.Has("clean"):
		c.request.Kind = ussd.Abort
		c.write = nothing
	case m.query.Has("input"):
		c.request.Kind, c.request.Input = ussd.Keyed, m.query.Get("input")
		c.request.Code = opening(c.request.Input, m.code)
	default:
		return call{}, missing("input")
	}
	return c, nil
}

// writeAirtel says in headers whether the session goes on, and that it costs
// the person nothing.
func writeAirtel(r ussd.Reply) answer {
	flow := "FC"
	if r.End {
		flow = "FB"
	}
	return answer{
		contentType: textUTF8, body: []byte(r.Text),
		header: http.Header{"Freeflow": {flow}, "Charge": {"N"}, "Amount": {"0"}},
	}
}
