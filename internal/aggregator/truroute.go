package aggregator

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/encoding/charmap"

	"github.com/wasl-sms/wasl/ussd"
)

// truRoute is the XML format of TruRoute, in use in Malawi and Namibia. Nothing
// in it tells a repeat.
func truRoute() Format {
	return Format{Name: "truroute", methods: []string{"POST"}, secretName: "key", Budget: ussd.DefaultBudget(), decode: decodeTruRoute}
}

// Types of TruRoute's messages.
const (
	truRouteRequest  = "1"
	truRouteResponse = "2"
	truRouteRelease  = "3"
	truRouteTimeout  = "4"
	truRouteCharge   = "10" // a charge failed; we ask for none
)

func decodeTruRoute(m message) (call, error) {
	var in struct {
		XMLName   xml.Name `xml:"ussd"`
		Msisdn    string   `xml:"msisdn"`
		SessionID string   `xml:"sessionid"`
		Type      string   `xml:"type"`
		Msg       string   `xml:"msg"`
	}
	d := xml.NewDecoder(bytes.NewReader(m.body))
	d.CharsetReader = latin1
	if err := d.Decode(&in); err != nil {
		return call{}, fmt.Errorf("%w: not the XML it should be", errMalformed)
	}
	session, number := strings.TrimSpace(in.SessionID), strings.TrimSpace(in.Msisdn)
	switch {
	case session == "":
		return call{}, missing("sessionid")
	case number == "":
		return call{}, missing("msisdn")
	}
	c := call{number: number, write: writeTruRoute}
	said := strings.TrimSpace(in.Msg)
	switch kind := strings.TrimSpace(in.Type); kind {
	case truRouteRequest, truRouteResponse:
		c.request = stepOf(kind == truRouteRequest, said, m.code)
	case truRouteRelease:
		c.request.Kind = ussd.Abort
	case truRouteTimeout:
		c.request.Kind = ussd.Timeout
	case truRouteCharge:
		c.write = func(ussd.Reply) answer { return writeTruRoute(ussd.Reply{End: true}) }
	default:
		return call{}, missing("type that is a step")
	}
	c.request.SessionID = session
	return c, nil
}

// latin1 reads the other encoding that such documents are declared in.
func latin1(name string, r io.Reader) (io.Reader, error) {
	switch strings.ToLower(name) {
	case "iso-8859-1", "windows-1252", "us-ascii":
		return charmap.Windows1252.NewDecoder().Reader(r), nil
	}
	return nil, errMalformed
}

func writeTruRoute(r ussd.Reply) answer {
	kind := truRouteResponse
	if r.End {
		kind = truRouteRelease
	}
	msg := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(r.Text)
	return answer{contentType: xmlUTF8, body: []byte(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" +
		"<ussd><type>" + kind + "</type><msg>" + msg + "</msg><premium><cost>0</cost><ref></ref></premium></ussd>")}
}
