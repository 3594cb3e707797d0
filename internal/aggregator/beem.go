package aggregator

import (
	"strings"

	"github.com/wasl-sms/wasl/ussd"
)

// beem is the format of Beem. Each request has an id of its own, which tells
// repeats.
func beem() Format {
	return Format{Name: "beem", methods: []string{"POST"}, secretName: "key", Budget: ussd.DefaultBudget(), decode: decodeBeem}
}

type beemReply struct {
	Msisdn    string      `json:"msisdn"`
	Operator  string      `json:"operator"`
	SessionID string      `json:"session_id"`
	Command   string      `json:"command"`
	Payload   beemPayload `json:"payload"`
}

type beemPayload struct {
	RequestID string `json:"request_id"`
	Request   string `json:"request"`
}

func decodeBeem(m message) (call, error) {
	var in struct {
		Command   text `json:"command"`
		Msisdn    text `json:"msisdn"`
		SessionID text `json:"session_id"`
		Operator  text `json:"operator"`
		Payload   struct {
			RequestID text `json:"request_id"`
			Response  text `json:"response"`
		} `json:"payload"`
	}
	if err := m.json(&in); err != nil {
		return call{}, err
	}
	switch {
	case in.SessionID == "":
		return call{}, missing("session_id")
	case in.Msisdn == "":
		return call{}, missing("msisdn")
	}
	c := call{number: string(in.Msisdn)}
	command, said := strings.ToLower(string(in.Command)), string(in.Payload.Response)
	switch command {
	case "initiate", "continue":
		c.request = stepOf(command == "initiate", said, m.code)
	case "terminate":
		c.request.Kind = ussd.Abort
	default:
		return call{}, missing("command that is a step")
	}
	c.request.SessionID = string(in.SessionID)
	if id := string(in.Payload.RequestID); id != "" {
		c.request.RequestKey = strings.Join([]string{"beem", string(in.SessionID), id, command, said}, "/")
	}
	c.write = func(r ussd.Reply) answer {
		out := beemReply{
			Msisdn: string(in.Msisdn), Operator: string(in.Operator), SessionID: string(in.SessionID), Command: "continue",
			Payload: beemPayload{string(in.Payload.RequestID), r.Text},
		}
		if r.End {
			out.Command = "terminate"
		}
		return inJSON(out)
	}
	return c, nil
}
