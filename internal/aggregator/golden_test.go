package aggregator_test

import (
	"strings"
	"testing"
)

const (
	jsonHead  = "POST /ussd/north HTTP/1.1\nContent-Type: application/json\n\n"
	inJSON    = "200\nContent-Type: application/json; charset=utf-8\n\n"
	badHead   = "400\nContent-Type: text/plain; charset=utf-8\n\nBad Request\n"
	showsMenu = `1 Oui & non\n0 <Retour>`
)

func TestHubtel(t *testing.T) {
	t.Parallel()
	ask := func(kind, said, more string) string {
		return jsonHead + `{"Type":"` + kind + `","Mobile":"212600000001","SessionId":"3c796dac","ServiceCode":"369","Message":"` + said + `","Operator":"mtn"` + more + `}`
	}
	reply := func(kind, data string) string {
		return inJSON + `{"SessionId":"3c796dac","Type":"` + kind + `","Message":"` + showsMenu + `","Label":"1 Oui & non","ClientState":"","DataType":"` + data + `","FieldType":"text"}`
	}
	nothing := func(kind string) string {
		return inJSON + `{"SessionId":"3c796dac","Type":"` + kind + `","Message":"","Label":"","ClientState":"","DataType":"display","FieldType":"text"}`
	}
	play(t, "hubtel", []golden{
		{"initiation", ask("Initiation", "*369#", ""), `begin +212600000001 3c796dac "*369#" *369#`, reply("Response", "input")},
		{"initiation with a way", ask("Initiation", "*369*2#", ""), `begin +212600000001 3c796dac "*369*2#" *369#`, reply("Response", "input")},
		{"initiation without a text", ask("initiation", "", `,"Sequence":1`), `begin +212600000001 3c796dac "*369#" *369# key hubtel/3c796dac/1/initiation/`, reply("response", "input")},
		{"response", ask("Response", "1", ""), `answer +212600000001 3c796dac "1"`, reply("Response", "input")},
		{"response numbered", ask("response", "1", `,"Sequence":"2","ClientState":"x"`), `answer +212600000001 3c796dac "1" key hubtel/3c796dac/2/response/1`, reply("response", "input")},
		{"last page", ask("Response", "9", ""), `answer +212600000001 3c796dac "9"`, reply("Release", "display")},
		{"release", ask("Release", "", ""), `abort +212600000001 3c796dac ""`, nothing("Release")},
		{"timeout", ask("Timeout", "", ""), `timeout +212600000001 3c796dac ""`, nothing("Release")},
		{"cart", ask("AddToCart", "", ""), "", badHead},
		{"cut", jsonHead + `{"Type":"Response"`, "", badHead},
		{"list", jsonHead + `{"Type":["Response"],"SessionId":"a","Mobile":"1"}`, "", badHead},
	})
}

func TestArkesel(t *testing.T) {
	t.Parallel()
	ask := func(first, said string) string {
		return jsonHead + `{"sessionID":"144acc95","userID":"USSD_1","newSession":` + first + `,"msisdn":"212600000001","userData":"` + said + `","network":"MTN"}`
	}
	reply := func(more string) string {
		return inJSON + `{"sessionID":"144acc95","userID":"USSD_1","msisdn":"212600000001","message":"` + showsMenu + `","continueSession":` + more + `}`
	}
	play(t, "arkesel", []golden{
		{"first", ask("true", "*369#"), `begin +212600000001 144acc95 "*369#" *369#`, reply("true")},
		{"bare code", ask("true", "369*1"), `begin +212600000001 144acc95 "*369*1#" *369#`, reply("true")},
		{"next", ask("false", "1"), `answer +212600000001 144acc95 "1"`, reply("true")},
		{"quoted truth", ask(`"true"`, "*369#"), `begin +212600000001 144acc95 "*369#" *369#`, reply("true")},
		{"arabic digits", ask("false", "٣"), `answer +212600000001 144acc95 "٣"`, reply("true")},
		{"last page", ask("false", "9"), `answer +212600000001 144acc95 "9"`, reply("false")},
		{"no session", jsonHead + `{"msisdn":"212600000001","userData":"1"}`, "", badHead},
	})
}

func TestNalo(t *testing.T) {
	t.Parallel()
	ask := func(first, said, more string) string {
		return jsonHead + `{"USERID":"NALOTest","MSISDN":"212600000001","USERDATA":"` + said + `","MSGTYPE":` + first + `,"NETWORK":"MTN"` + more + `}`
	}
	reply := func(more string) string {
		return inJSON + `{"USERID":"NALOTest","MSISDN":"212600000001","MSG":"` + showsMenu + `","MSGTYPE":` + more + `}`
	}
	play(t, "nalo", []golden{
		{"first", ask("true", "*369#", ""), `begin +212600000001  "*369#" *369#`, reply("true")},
		{"next", ask("false", "1", ""), `answer +212600000001  "1"`, reply("true")},
		{"with a session", ask("false", "1", `,"SESSIONID":"16590115252429751"`), `answer +212600000001 16590115252429751 "1"`, reply("true")},
		{"a number for a number", strings.Replace(ask("false", "1", ""), `"212600000001"`, `212600000001`, 1), `answer +212600000001  "1"`, reply("true")},
		{"last page", ask("false", "9", ""), `answer +212600000001  "9"`, reply("false")},
		{"no number", jsonHead + `{"USERID":"NALOTest","USERDATA":"1"}`, "", badHead},
	})
}

func TestBeem(t *testing.T) {
	t.Parallel()
	ask := func(command, id, said string) string {
		return jsonHead + `{"command":"` + command + `","msisdn":"212600000001","session_id":"8","operator":"vodacom","payload":{"request_id":` + id + `,"response":` + said + `}}`
	}
	reply := func(command, id string) string {
		return inJSON + `{"msisdn":"212600000001","operator":"vodacom","session_id":"8","command":"` + command + `","payload":{"request_id":"` + id + `","request":"` + showsMenu + `"}}`
	}
	play(t, "beem", []golden{
		{"initiate", ask("initiate", `"0"`, `0`), `begin +212600000001 8 "*369#" *369# key beem/8/0/initiate/0`, reply("continue", "0")},
		{"initiate with nothing", ask("initiate", `"0"`, `""`), `begin +212600000001 8 "*369#" *369# key beem/8/0/initiate/`, reply("continue", "0")},
		{"continue", ask("continue", `17`, `"1"`), `answer +212600000001 8 "1" key beem/8/17/continue/1`, reply("continue", "17")},
		{"last page", ask("continue", `18`, `9`), `answer +212600000001 8 "9" key beem/8/18/continue/9`, reply("terminate", "18")},
		{
			"terminate", ask("terminate", `19`, `""`), `abort +212600000001 8 "" key beem/8/19/terminate/`,
			inJSON + `{"msisdn":"212600000001","operator":"vodacom","session_id":"8","command":"terminate","payload":{"request_id":"19","request":""}}`,
		},
		{"other command", ask("charge", `1`, `""`), "", badHead},
	})
}

func TestAirtel(t *testing.T) {
	t.Parallel()
	ask := func(query string) string {
		return "GET /ussd/north?SessionID=139&MSISDN=212600000001&MSC=12&" + query + " HTTP/1.1\n\n"
	}
	reply := func(flow string) string {
		return plain[:len(plain)-1] + "Freeflow: " + flow + "\nCharge: N\nAmount: 0\n\n1 Oui & non\n0 <Retour>"
	}
	play(t, "airtel", []golden{
		{"dial", ask("input=369"), `keyed +212600000001 139 "369" *369#`, reply("FC")},
		{"dial whole", ask("input=%2A369*1%23"), `keyed +212600000001 139 "*369*1#" *369*1#`, reply("FC")},
		{"answer", ask("input=1"), `keyed +212600000001 139 "1" *369#`, reply("FC")},
		{"last page", ask("input=9"), `keyed +212600000001 139 "9" *369#`, reply("FB")},
		{"clean", "GET /ussd/north?SessionID=139&msisdn=212600000001&clean=clean-session&error=522 HTTP/1.1\n\n", `abort +212600000001 139 ""`, plain},
		{"nothing keyed", ask("x=1"), "", badHead},
		{"posted", strings.Replace(ask("input=1"), "GET", "POST", 1), "", "405\nContent-Type: text/plain; charset=utf-8\nAllow: GET\n\nMethod Not Allowed\n"},
	})
}

func TestTruRoute(t *testing.T) {
	t.Parallel()
	const head = "POST /ussd/north HTTP/1.1\nContent-Type: text/xml\n\n"
	ask := func(kind, said string) string {
		return head + `<?xml version="1.0" encoding="UTF-8"?>` + "\n<ussd>\n  <msisdn>212600000001</msisdn>\n  <sessionid>123789</sessionid>\n  <type>" + kind + "</type>\n  <msg>" + said + "</msg>\n</ussd>"
	}
	reply := func(kind, msg string) string {
		return "200\nContent-Type: text/xml; charset=utf-8\n\n" + `<?xml version="1.0" encoding="UTF-8"?>` + "\n<ussd><type>" + kind + "</type><msg>" + msg + "</msg><premium><cost>0</cost><ref></ref></premium></ussd>"
	}
	const menu = "1 Oui &amp; non\n0 &lt;Retour&gt;"
	play(t, "truroute", []golden{
		{"request", ask("1", "*369#"), `begin +212600000001 123789 "*369#" *369#`, reply("2", menu)},
		{"response", ask("2", "1"), `answer +212600000001 123789 "1"`, reply("2", menu)},
		{"escaped", ask("2", "a &amp; b"), `answer +212600000001 123789 "a & b"`, reply("2", menu)},
		{"latin", strings.Replace(ask("2", "\xe9"), "UTF-8", "ISO-8859-1", 1), `answer +212600000001 123789 "é"`, reply("2", menu)},
		{"last page", ask("2", "9"), `answer +212600000001 123789 "9"`, reply("3", menu)},
		{"release", ask("3", ""), `abort +212600000001 123789 ""`, reply("3", "")},
		{"timeout", ask("4", ""), `timeout +212600000001 123789 ""`, reply("3", "")},
		{"charge failed", ask("10", "no credit"), "", reply("3", "")},
		{"another type", ask("7", ""), "", badHead},
		{"other document", head + "<dialog/>", "", badHead},
		{"cut", head + "<ussd><msisdn>2126", "", badHead},
		{"other encoding", strings.Replace(ask("2", "1"), "UTF-8", "utf-16", 1), "", badHead},
	})
}

func TestInfobip(t *testing.T) {
	t.Parallel()
	ask := func(method, verb, body string) string {
		return method + " /ussd/north/session/52/" + verb + " HTTP/1.1\nContent-Type: application/json\n\n" + body
	}
	reply := func(end string) string {
		return inJSON + `{"shouldClose":` + end + `,"ussdMenu":"` + showsMenu + `","responseExitCode":200,"responseMessage":""}`
	}
	full := func(said string) string {
		return `{"msisdn":"212600000001","imsi":"604000000000001","text":"` + said + `","shortCode":"*369#","language":null,"optional":null,"ussdGwId":"live2"}`
	}
	play(t, "infobip", []golden{
		{"start", ask("POST", "start", full("*369*1#")), `begin +212600000001 52 "*369*1#" *369#`, reply("false")},
		{"start with nothing", ask("POST", "start", full("")), `begin +212600000001 52 "*369#" *369#`, reply("false")},
		{"response", ask("POST", "response", full("1")), `answer +212600000001 52 "1"`, reply("false")},
		{"last page", ask("POST", "response", full("9")), `answer +212600000001 52 "9"`, reply("true")},
		{"end", ask("PUT", "end", `{"exitCode":0,"reason":"ok","msisdn":"212600000001"}`), `abort +212600000001 52 ""`, inJSON + `{"responseExitCode":200,"responseMessage":""}`},
		{"end of whom", ask("PUT", "end", `{"exitCode":0,"reason":"ok"}`), "", inJSON + `{"responseExitCode":200,"responseMessage":""}`},
		{"status", ask("GET", "status", ""), "", inJSON + `{"sessionActive":false,"responseExitCode":200,"responseMessage":""}`},
		{"other verb", ask("POST", "push", "{}"), "", badHead},
		{"other path", "POST /ussd/north/start HTTP/1.1\n\n{}", "", badHead},
	})
}

// An aggregator that names the number once is answered by it later.
func TestTheNumberIsRemembered(t *testing.T) {
	t.Parallel()
	d := &scripted{}
	h := handler(t, d, endpoint(t, "infobip"))
	send := func(method, verb, body string) string {
		g := golden{request: method + " /ussd/north/session/52/" + verb + " HTTP/1.1\n\n" + body}
		return call(t, h, g.read(t))
	}
	send("POST", "start", `{"msisdn":"212600000001","text":"*369#"}`)
	if got := send("GET", "status", ""); !strings.Contains(got, `"sessionActive":true`) {
		t.Errorf("status of a live session: %s", got)
	}
	send("POST", "response", `{"text":"1"}`)
	if r := d.last(); r.Msisdn != "+212600000001" || r.Input != "1" {
		t.Errorf("a response without a number asked %s %q", r.Msisdn, r.Input)
	}
	send("PUT", "end", `{"exitCode":3,"reason":"user"}`)
	if r := d.last(); r.Kind.String() != "abort" || d.count() != 3 {
		t.Errorf("end asked %v, the %d. step", r.Kind, d.count())
	}
	if got := send("POST", "response", `{"text":"1"}`); !strings.Contains(got, sorry) || d.count() != 3 {
		t.Errorf("after the end: %s", got)
	}
}
