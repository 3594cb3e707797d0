package aggregator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/wasl-sms/wasl/ussd"
)

// Format is how one aggregator writes its requests and reads our replies.
type Format struct {
	Name   string
	Budget ussd.Budget // what its pages hold, where nothing else is set

	methods []string // of HTTP
	decode  func(message) (call, error)
	// namesOnce: requests after the first may leave the number out.
	namesOnce bool

	// Where the secret stands unless the settings say otherwise: in these
	// parameters of the query.
	secretName, userName string
}

// Formats lists all formats.
func Formats() []Format {
	return []Format{
		africasTalking(), hubtel(), arkesel(), nalo(), beem(), airtel(), truRoute(), infobip(),
	}
}

// Lookup returns a format by name.
func Lookup(name string) (Format, bool) {
	all := Formats()
	i := slices.IndexFunc(all, func(f Format) bool { return f.Name == name })
	if i < 0 {
		return Format{}, false
	}
	return all[i], true
}

// message is a request as it came, read whole.
type message struct {
	rest  string     // of the path, behind the endpoint's own
	query url.Values // of the address
	body  []byte
	code  string // the operator's, where the request names none
}

// call is what a message asks. It holds a number and what a person keyed: it is
// never printed.
type call struct {
	number  string       // as the aggregator writes it
	request ussd.Request // but for Msisdn and At; Kind 0: there is nothing to do
	ended   string       // how a session ended, where a message reports that
	write   func(ussd.Reply) answer
}

// answer is what goes back.
type answer struct {
	contentType string
	header      http.Header
	body        []byte
}

const (
	textUTF8 = "text/plain; charset=utf-8"
	jsonUTF8 = "application/json; charset=utf-8"
	xmlUTF8  = "text/xml; charset=utf-8"
)

// nothing is the answer to what asks for none.
func nothing(ussd.Reply) answer { return answer{contentType: textUTF8} }

func inJSON(v any) answer {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // of our own structs of strings: can't fail
	return answer{contentType: jsonUTF8, body: bytes.TrimSuffix(b.Bytes(), []byte("\n"))}
}

// errMalformed is wrapped by what a decoder can't read. It names fields, never
// what is in them.
var errMalformed = errors.New("aggregator: malformed request")

func missing(field string) error { return fmt.Errorf("%w: no %s", errMalformed, field) }

// form reads the body as a form.
func (m message) form() (url.Values, error) {
	v, err := url.ParseQuery(string(m.body))
	if err != nil {
		return nil, fmt.Errorf("%w: not a form", errMalformed)
	}
	return v, nil
}

func (m message) json(into any) error {
	if err := json.Unmarshal(m.body, into); err != nil {
		return fmt.Errorf("%w: not the JSON it should be", errMalformed)
	}
	return nil
}

// text is a JSON string, or a number or truth value written without quotes, as
// some send it on some days.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, (*string)(t))
	}
	switch s := string(b); {
	case s == "null":
		*t = ""
	case s[0] == '{' || s[0] == '[':
		return errMalformed
	default:
		*t = text(s)
	}
	return nil
}

// truth is a JSON truth value, quoted or not.
func (t text) truth() bool { return strings.EqualFold(string(t), "true") || t == "1" }

// dialled writes a code with what was keyed behind it as a person dials it.
func dialled(code, rest string) string {
	lead := "*"
	if strings.HasPrefix(code, "#") {
		lead = "#"
	}
	code = lead + strings.Trim(code, "*#")
	if rest = strings.Trim(rest, "*#"); rest != "" {
		code += "*" + rest
	}
	return code + "#"
}

// stepOf is the request of a format that tells a dial from an answer.
func stepOf(begins bool, said, code string) ussd.Request {
	if !begins {
		return ussd.Request{Kind: ussd.Answer, Input: said}
	}
	r := ussd.Request{Kind: ussd.Begin, Input: opening(said, code)}
	r.Code, _, _ = ussd.ParseDial(r.Input)
	return r
}

// opening is what opened a session: what was said where it is a code, else the
// code it came by. Some leave out the first star and the last hash.
func opening(said, code string) string {
	if _, _, ok := ussd.ParseDial(said); ok {
		return said
	}
	bare := strings.Trim(code, "*#")
	if rest, ok := strings.CutPrefix(said, bare); ok && (rest == "" || rest[0] == '*') {
		return dialled(code, rest)
	}
	return dialled(code, "")
}
