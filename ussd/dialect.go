package ussd

import (
	"fmt"
	"slices"
	"time"
)

// Op is ussd_service_op, TLV 0x0501 of SMPP 3.4 §5.3.2.44.
type Op byte

const (
	OpPSSDIndication Op = 0
	OpPSSRIndication Op = 1 // the subscriber dialled: a session begins
	OpUSSRRequest    Op = 2 // our menu: the session stays open
	OpUSSNRequest    Op = 3 // our notice
	OpPSSDResponse   Op = 16
	OpPSSRResponse   Op = 17 // our last words: the session ends
	OpUSSRConfirm    Op = 18 // the subscriber's answer
	OpUSSNConfirm    Op = 19 // our notice was shown
	OpAbort          Op = 0x81
)

// Dialect is how one operator carries USSD over SMPP. It is all data, so that an
// operator not seen before is a matter of settings.
type Dialect struct {
	Name string `toml:"name"`

	// Which messages are USSD at all.
	Match       Match  `toml:"match"`
	ServiceType string `toml:"service_type"` // compared by MatchServiceType, and sent

	// What tells sessions of one subscriber apart.
	Session       SessionKey `toml:"session"`
	EchoInfo      Echo       `toml:"echo_info"`
	EchoReference bool       `toml:"echo_reference"`

	// Operations that come in, and those that go out.
	BeginOps  []Op `toml:"begin_ops"`
	AnswerOps []Op `toml:"answer_ops"`
	AbortOps  []Op `toml:"abort_ops"`
	NoticeOps []Op `toml:"notice_ops"`
	OpenOp    Op   `toml:"open_op"`
	EndOp     Op   `toml:"end_op"`

	// How an end is marked: by the operation, by bit 0 of its_session_info, or
	// both.
	End EndMark `toml:"end"`

	// Where the code and what was dialled stand in the message that begins.
	Dialled Place `toml:"dialled"`

	// data_coding of what goes out, and how that of what comes in is read.
	CodingGSM7 byte   `toml:"coding_gsm7"`
	CodingUCS2 byte   `toml:"coding_ucs2"`
	CodingIn   Coding `toml:"coding_in"`
	Packed     bool   `toml:"packed"` // eight septets in seven octets, both ways

	Budget        Budget        `toml:"budget"`
	Octets        Octets        `toml:"octets"`         // instead of Budget
	ReplyDeadline time.Duration `toml:"reply_deadline"` // later replies are dropped
	// AwaitResponse: an end is sent only after the submit_sm_resp of the page
	// before it.
	AwaitResponse bool `toml:"await_response"`
}

// Match is the rule by which a message is USSD.
type Match uint8

const (
	MatchOp          Match = iota // ussd_service_op is there
	MatchServiceType              // service_type is the dialect's
	MatchEither                   // one of the two
	MatchAll                      // the bind carries nothing else
)

// SessionKey is the field that holds the session's id, always beside the MSISDN:
// no field was found to be unique alone.
type SessionKey uint8

const (
	SessionOctet     SessionKey = iota // octet 1 of its_session_info, as SMPP 3.4 §5.3.2.43 has it
	SessionInfo                        // both octets but the end bit
	SessionReference                   // user_message_reference
	SessionNone                        // the MSISDN alone
)

// Echo is what a reply has for its_session_info.
type Echo uint8

const (
	EchoNone  Echo = iota
	EchoInfo       // the octets that came, with our end bit
	EchoCount      // octet 1 as it came; in octet 2 the dialogue number, one further (SMPP 3.4 §5.3.2.43)
)

// EndMark is how the end of a session is marked.
type EndMark uint8

const (
	EndByOp EndMark = iota
	EndByBit
	EndByBoth
)

// Place is where a field stands.
type Place uint8

const (
	PlaceText Place = iota // short_message holds the code with what was dialled after it
	PlaceDest              // destination_addr holds it, and the text is empty or repeats it
	PlaceBoth              // destination_addr holds the code, short_message what was dialled
)

// names gives each setting its words in the operators file.
type names[T ~uint8] map[T]string

func (n names[T]) parse(text []byte, what string) (T, error) {
	for value, name := range n {
		if name == string(text) {
			return value, nil
		}
	}
	return 0, fmt.Errorf("ussd: %q is no %s", text, what)
}

var (
	matchNames = names[Match]{
		MatchOp: "op", MatchServiceType: "service_type", MatchEither: "either", MatchAll: "all",
	}
	sessionNames = names[SessionKey]{
		SessionOctet: "octet", SessionInfo: "info", SessionReference: "reference", SessionNone: "none",
	}
	echoNames   = names[Echo]{EchoNone: "none", EchoInfo: "info", EchoCount: "count"}
	endNames    = names[EndMark]{EndByOp: "op", EndByBit: "bit", EndByBoth: "both"}
	codingNames = names[Coding]{CodingSMPP: "smpp", CodingCBS: "cbs"}
	placeNames  = names[Place]{PlaceText: "text", PlaceDest: "dest", PlaceBoth: "both"}
)

// UnmarshalText reads the setting's word.
func (m *Match) UnmarshalText(b []byte) (err error) {
	*m, err = matchNames.parse(b, "match rule")
	return err
}

// UnmarshalText reads the setting's word.
func (k *SessionKey) UnmarshalText(b []byte) (err error) {
	*k, err = sessionNames.parse(b, "session key")
	return err
}

// UnmarshalText reads the setting's word.
func (e *Echo) UnmarshalText(b []byte) (err error) {
	*e, err = echoNames.parse(b, "echo of its_session_info")
	return err
}

// UnmarshalText reads the setting's word.
func (e *EndMark) UnmarshalText(b []byte) (err error) {
	*e, err = endNames.parse(b, "end mark")
	return err
}

// UnmarshalText reads the setting's word.
func (p *Place) UnmarshalText(b []byte) (err error) {
	*p, err = placeNames.parse(b, "place of the dialled code")
	return err
}

// UnmarshalText reads the setting's word.
func (c *Coding) UnmarshalText(b []byte) (err error) {
	*c, err = codingNames.parse(b, "reading of data_coding")
	return err
}

func (m Match) String() string      { return matchNames[m] }
func (k SessionKey) String() string { return sessionNames[k] }
func (e Echo) String() string       { return echoNames[e] }
func (e EndMark) String() string    { return endNames[e] }
func (p Place) String() string      { return placeNames[p] }
func (c Coding) String() string     { return codingNames[c] }

// Validate says, in a sentence, what in the settings can't work together.
func (d Dialect) Validate() error {
	taken := map[Op]bool{}
	for _, op := range slices.Concat(d.BeginOps, d.AnswerOps, d.AbortOps, d.NoticeOps) {
		if taken[op] {
			return fmt.Errorf("ussd: dialect %s: operation %d is listed twice among begin_ops, answer_ops, abort_ops and notice_ops", d.Name, op)
		}
		taken[op] = true
	}
	switch {
	case d.End != EndByOp && d.EchoInfo == EchoNone:
		return fmt.Errorf("ussd: dialect %s: end = %q needs its_session_info in replies: set echo_info", d.Name, d.End)
	case d.End != EndByBit && d.OpenOp == d.EndOp:
		return fmt.Errorf("ussd: dialect %s: open_op and end_op are both %d: an end could not be told", d.Name, d.EndOp)
	case d.Match != MatchOp && d.Match != MatchAll && d.ServiceType == "":
		return fmt.Errorf("ussd: dialect %s: match = %q needs a service_type", d.Name, d.Match)
	case len(d.ServiceType) > 5:
		return fmt.Errorf("ussd: dialect %s: service_type holds at most 5 characters", d.Name)
	case d.ReplyDeadline <= 0:
		return fmt.Errorf("ussd: dialect %s: reply_deadline must be positive", d.Name)
	}
	if (d.Octets.First == 0) != (d.Octets.Next == 0) || max(d.Octets.First, d.Octets.Next) > MostOctets {
		return fmt.Errorf("ussd: dialect %s: octets needs first and next, of at most %d", d.Name, MostOctets)
	}
	if d.CodingGSM7 == d.CodingUCS2 {
		return fmt.Errorf("ussd: dialect %s: coding_gsm7 and coding_ucs2 are both %#x: a text could not be read", d.Name, d.CodingGSM7)
	}
	if err := d.Pages().Validate(); err != nil {
		return fmt.Errorf("dialect %s: %w", d.Name, err)
	}
	return nil
}

// Spec is USSD as SMPP 3.4 describes it and gateways commonly do it. It takes a
// message for USSD by either sign, since some leave one out.
func Spec() Dialect {
	return Dialect{
		Name: "spec", Match: MatchEither, ServiceType: "USSD",
		Session: SessionOctet, EchoInfo: EchoCount, EchoReference: true,
		BeginOps:  []Op{OpPSSRIndication, OpPSSDIndication},
		AnswerOps: []Op{OpUSSRConfirm},
		AbortOps:  []Op{OpAbort},
		NoticeOps: []Op{OpUSSNConfirm},
		OpenOp:    OpUSSRRequest, EndOp: OpPSSRResponse, End: EndByBoth,
		Dialled: PlaceText, CodingGSM7: 0x00, CodingUCS2: 0x08,
		Budget: DefaultBudget(), ReplyDeadline: 10 * time.Second,
	}
}

// Shipped lists the dialects that come with the package. Each operator's own
// settings start from one of them.
func Shipped() []Dialect {
	sixDEE := Spec()
	sixDEE.Name, sixDEE.Session, sixDEE.EchoInfo, sixDEE.End = "six-dee", SessionInfo, EchoInfo, EndByBoth

	tata := Spec()
	tata.Name, tata.Session, tata.EchoInfo, tata.End = "tata", SessionInfo, EchoInfo, EndByBoth
	tata.Dialled = PlaceDest

	mica := Spec()
	mica.Name, mica.Session, mica.EchoInfo, mica.End = "mica", SessionReference, EchoNone, EndByOp
	mica.Dialled = PlaceBoth

	huawei := Spec()
	huawei.Name, huawei.Session, huawei.EchoInfo, huawei.End = "huawei-msisdn", SessionNone, EchoNone, EndByOp
	huawei.EchoReference = false

	return []Dialect{Spec(), sixDEE, tata, mica, huawei}
}

// Lookup returns a shipped dialect by name.
func Lookup(name string) (Dialect, bool) {
	for _, d := range Shipped() {
		if d.Name == name {
			return d, true
		}
	}
	return Dialect{}, false
}
