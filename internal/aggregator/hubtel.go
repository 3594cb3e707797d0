package aggregator

import (
	"cmp"
	"strings"

	"github.com/wasl-sms/wasl/ussd"
)

// hubtel is the format of Hubtel's programmable services; Emergent and
// Cross-Switch use an older form of it. Types come in two ways of writing, and
// are answered as they came. Sequence, where it is sent, tells repeats.
func hubtel() Format {
	return Format{Name: "hubtel", methods: []string{"POST"}, secretName: "key", Budget: ussd.DefaultBudget(), decode: decodeHubtel}
}

type hubtelReply struct {
	SessionID   string `json:"SessionId"`
	Type        string
	Message     string
	Label       string
	ClientState string
	DataType    string
	FieldType   string
}

func decodeHubtel(m message) (call, error) {
	var in struct {
		SessionID   text `json:"SessionId"`
		Mobile      text
		ServiceCode text
		Type        text
		Message     text
		Sequence    text
	}
	if err := m.json(&in); err != nil {
		return call{}, err
	}
	switch {
	case in.SessionID == "":
		return call{}, missing("SessionId")
	case in.Mobile == "":
		return call{}, missing("Mobile")
	}
	c := call{number: string(in.Mobile)}
	said, kind := string(in.Message), strings.ToLower(string(in.Type))
	switch kind {
	case "initiation", "response":
		c.request = stepOf(kind == "initiation", said, cmp.Or(string(in.ServiceCode), m.code))
	case "release":
		c.request.Kind = ussd.Abort
	case "timeout":
		c.request.Kind = ussd.Timeout
	default:
		return call{}, missing("Type that is a step")
	}
	c.request.SessionID = string(in.SessionID)
	if in.Sequence != "" {
		c.request.RequestKey = strings.Join([]string{"hubtel", string(in.SessionID), string(in.Sequence), kind, said}, "/")
	}
	small := kind == string(in.Type)
	c.write = func(r ussd.Reply) answer {
		out := hubtelReply{SessionID: string(in.SessionID), Type: "Response", Message: r.Text, DataType: "input", FieldType: "text"}
		out.Label, _, _ = strings.Cut(r.Text, "\n")
		if r.End {
			out.Type, out.DataType = "Release", "display"
		}
		if small {
			out.Type = strings.ToLower(out.Type)
		}
		return inJSON(out)
	}
	return c, nil
}
