package aggregator

import (
	"cmp"
	"strings"

	"github.com/wasl-sms/wasl/ussd"
)

// infobip is the format of Infobip's USSD gateway: the session and what is
// asked stand in the path, /session/ID/start, response, end or status. The
// number may come with start only.
func infobip() Format {
	return Format{Name: "infobip", methods: []string{"POST", "PUT", "GET"}, secretName: "key", Budget: ussd.DefaultBudget(), decode: decodeInfobip, namesOnce: true}
}

type infobipReply struct {
	ShouldClose bool   `json:"shouldClose"`
	Menu        string `json:"ussdMenu"`
	Code        int    `json:"responseExitCode"`
	Message     string `json:"responseMessage"`
}

type infobipStatus struct {
	Active  bool   `json:"sessionActive"`
	Code    int    `json:"responseExitCode"`
	Message string `json:"responseMessage"`
}

type infobipTaken struct {
	Code    int    `json:"responseExitCode"`
	Message string `json:"responseMessage"`
}

const infobipOK = 200

func decodeInfobip(m message) (call, error) {
	path, ok := strings.CutPrefix(m.rest, "/session/")
	session, verb, ok2 := strings.Cut(path, "/")
	if !ok || !ok2 || session == "" {
		return call{}, missing("path like /session/ID/start")
	}
	var in struct {
		Msisdn    text `json:"msisdn"`
		Text      text `json:"text"`
		ShortCode text `json:"shortCode"`
	}
	if len(m.body) > 0 {
		if err := m.json(&in); err != nil {
			return call{}, err
		}
	}
	c := call{number: string(in.Msisdn), write: writeInfobip, request: ussd.Request{SessionID: session}}
	switch verb {
	case "start":
		c.request = stepOf(true, string(in.Text), cmp.Or(string(in.ShortCode), m.code))
		c.write = func(r ussd.Reply) answer {
			r.End = false // their first page is a menu always
			return writeInfobip(r)
		}
	case "response":
		c.request = stepOf(false, string(in.Text), m.code)
	case "end":
		c.request.Kind = ussd.Abort
		c.write = func(ussd.Reply) answer { return inJSON(infobipTaken{Code: infobipOK}) }
	case "status":
		c.write = func(r ussd.Reply) answer { return inJSON(infobipStatus{Active: !r.End, Code: infobipOK}) }
	default:
		return call{}, missing("start, response, end or status")
	}
	c.request.SessionID = session
	return c, nil
}

func writeInfobip(r ussd.Reply) answer {
	return inJSON(infobipReply{ShouldClose: r.End, Menu: r.Text, Code: infobipOK})
}
