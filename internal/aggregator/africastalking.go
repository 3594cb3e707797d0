package aggregator

import (
	"cmp"
	"strings"

	"github.com/wasl-sms/wasl/ussd"
)

// africasTalking is the format of Africa's Talking, which others copy. Each
// request repeats all that was keyed in the session, joined by *, and nothing
// else tells a dial from an answer. A session that ended is reported to the
// path with /events behind it, or to the same one.
func africasTalking() Format {
	return Format{Name: "africastalking", methods: []string{"POST"}, secretName: "key", Budget: ussd.DefaultBudget(), decode: decodeAfricasTalking}
}

func decodeAfricasTalking(m message) (call, error) {
	f, err := m.form()
	if err != nil {
		return call{}, err
	}
	session, number := f.Get("sessionId"), f.Get("phoneNumber")
	switch {
	case session == "":
		return call{}, missing("sessionId")
	case number == "":
		return call{}, missing("phoneNumber")
	}
	c := call{number: number, write: writeAfricasTalking, request: ussd.Request{SessionID: session}}
	if m.rest == "/events" || f.Has("status") && !f.Has("text") {
		c.ended = strings.ToLower(f.Get("status"))
		// A session that came to its end needs nothing: we ended it.
		if c.ended == "incomplete" || c.ended == "failed" {
			c.request.Kind = ussd.Abort
		}
		c.write = nothing
		return c, nil
	}
	if m.rest != "" {
		return call{}, missing("such path")
	}
	keyed := f.Get("text")
	code := cmp.Or(f.Get("serviceCode"), m.code)
	c.request.Kind, c.request.Whole = ussd.Keyed, true
	c.request.Input, c.request.Code = keyed, dialled(code, keyed)
	c.request.RequestKey = "at/" + session + "/" + keyed
	return c, nil
}

func writeAfricasTalking(r ussd.Reply) answer {
	word := "CON "
	if r.End {
		word = "END "
	}
	return answer{contentType: textUTF8, body: []byte(word + r.Text)}
}
