package main

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// What a step is for an aggregator.
const (
	dials   = "dial"
	answers = "answer"
	hangsUp = "hang up"
	expires = "time out"
)

// handset is a phone behind an aggregator: what it keeps of the session is what
// the aggregator does.
type handset struct {
	number  string // digits only
	session string
	keyed   []string
	steps   int
}

// webFormat plays one aggregator: its requests as its own documents have them,
// whatever the program's decoder thinks.
type webFormat struct {
	name string
	ask  func(at string, h *handset, what, input string) *http.Request
	read func(*http.Response, []byte) (text string, end bool)
	// What the format lacks.
	noSession, noHangUp, expires bool
	// exact: a repeat can be told however late it comes.
	exact bool
}

func posted(at, contentType, body string) *http.Request {
	r, err := http.NewRequest(http.MethodPost, at, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	r.Header.Set("Content-Type", contentType)
	return r
}

func inJSON(at string, v map[string]any) *http.Request {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return posted(at, "application/json", string(b))
}

// from reads a field of a JSON answer, "" where there is none.
func from(body []byte, path ...string) any {
	var v any
	if json.Unmarshal(body, &v) != nil {
		return ""
	}
	for _, p := range path {
		m, _ := v.(map[string]any)
		v = m[p]
	}
	return v
}

func webFormats() []webFormat {
	return []webFormat{
		{
			name: "africastalking",
			ask: func(at string, h *handset, what, _ string) *http.Request {
				f := url.Values{"sessionId": {"ATUid_" + h.session}, "phoneNumber": {"+" + h.number}, "networkCode": {"99999"}, "serviceCode": {"*369#"}}
				if what == hangsUp {
					f.Set("status", "Incomplete")
					f.Set("input", strings.Join(h.keyed, "*"))
					at = strings.Replace(at, "?", "/events?", 1)
				} else {
					f.Set("text", strings.Join(h.keyed, "*"))
				}
				return posted(at, "application/x-www-form-urlencoded", f.Encode())
			},
			read: func(_ *http.Response, b []byte) (string, bool) {
				word, text, _ := strings.Cut(string(b), " ")
				return text, word != "CON"
			},
			exact: true,
		},
		{
			name: "hubtel",
			ask: func(at string, h *handset, what, input string) *http.Request {
				kind := map[string]string{dials: "Initiation", answers: "Response", hangsUp: "Release", expires: "Timeout"}[what]
				if what == dials {
					input = "*369#"
				}
				return inJSON(at, map[string]any{"SessionId": h.session, "Mobile": h.number, "ServiceCode": "369", "Type": kind, "Message": input, "Operator": "mtn", "Sequence": h.steps})
			},
			read: func(_ *http.Response, b []byte) (string, bool) {
				return from(b, "Message").(string), from(b, "Type") == "Release"
			},
			expires: true, exact: true,
		},
		{
			name: "arkesel",
			ask: func(at string, h *handset, what, input string) *http.Request {
				if what == dials {
					input = "*369#"
				}
				return inJSON(at, map[string]any{"sessionID": h.session, "userID": "USSD_1", "newSession": what == dials, "msisdn": h.number, "userData": input, "network": "MTN"})
			},
			read: func(_ *http.Response, b []byte) (string, bool) {
				return from(b, "message").(string), from(b, "continueSession") == false
			},
			noHangUp: true,
		},
		{
			name: "nalo",
			ask: func(at string, h *handset, what, input string) *http.Request {
				if what == dials {
					input = "*369#"
				}
				return inJSON(at, map[string]any{"USERID": "NALOTest", "MSISDN": h.number, "MSGTYPE": what == dials, "USERDATA": input, "NETWORK": "MTN"})
			},
			read: func(_ *http.Response, b []byte) (string, bool) {
				return from(b, "MSG").(string), from(b, "MSGTYPE") == false
			},
			noHangUp: true, noSession: true,
		},
		{
			name: "beem",
			ask: func(at string, h *handset, what, input string) *http.Request {
				command := map[string]string{dials: "initiate", answers: "continue", hangsUp: "terminate"}[what]
				return inJSON(at, map[string]any{
					"command": command, "msisdn": h.number, "session_id": h.session, "operator": "vodacom",
					"payload": map[string]any{"request_id": strconv.Itoa(h.steps), "response": input},
				})
			},
			read: func(_ *http.Response, b []byte) (string, bool) {
				return from(b, "payload", "request").(string), from(b, "command") == "terminate"
			},
			exact: true,
		},
		{
			name: "airtel",
			ask: func(at string, h *handset, what, input string) *http.Request {
				if what == dials {
					input = "369"
				}
				q := url.Values{"SessionID": {h.session}, "MSISDN": {h.number}, "MSC": {"12"}, "input": {input}}
				if what == hangsUp {
					q = url.Values{"SessionID": {h.session}, "msisdn": {h.number}, "clean": {"clean-session"}, "error": {"522"}}
				}
				r, err := http.NewRequest(http.MethodGet, strings.Replace(at, "key=", "password=", 1)+"&userid=flares&"+q.Encode(), nil)
				if err != nil {
					panic(err)
				}
				return r
			},
			read: func(r *http.Response, b []byte) (string, bool) { return string(b), r.Header.Get("Freeflow") != "FC" },
		},
		{
			name: "truroute",
			ask: func(at string, h *handset, what, input string) *http.Request {
				kind := map[string]int{dials: 1, answers: 2, hangsUp: 3, expires: 4}[what]
				if what == dials {
					input = "*369#"
				}
				return posted(at, "text/xml", fmt.Sprintf("<ussd><msisdn>%s</msisdn><sessionid>%s</sessionid><type>%d</type><msg>%s</msg></ussd>", h.number, h.session, kind, input))
			},
			read: func(_ *http.Response, b []byte) (string, bool) {
				var v struct {
					Type string `xml:"type"`
					Msg  string `xml:"msg"`
				}
				_ = xml.Unmarshal(b, &v)
				return v.Msg, v.Type == "3"
			},
			expires: true,
		},
		{
			name: "infobip",
			ask: func(at string, h *handset, what, input string) *http.Request {
				verb := map[string]string{dials: "start", answers: "response", hangsUp: "end"}[what]
				at = strings.Replace(at, "?", "/session/"+h.session+"/"+verb+"?", 1)
				if what == hangsUp {
					r := inJSON(at, map[string]any{"exitCode": 3, "reason": "user"})
					r.Method = http.MethodPut
					return r
				}
				if what == dials {
					input = "*369#"
				}
				return inJSON(at, map[string]any{"msisdn": h.number, "text": input, "shortCode": "*369#", "language": nil})
			},
			read: func(_ *http.Response, b []byte) (string, bool) {
				return from(b, "ussdMenu").(string), from(b, "shouldClose") == true
			},
		},
	}
}
