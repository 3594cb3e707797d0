package aggregator

import "github.com/wasl-sms/wasl/ussd"

// nalo is the format of Nalo Solutions. It used to name no session, so that the
// number stands for it; where it names one, that is taken. Nothing tells a
// repeat.
func nalo() Format {
	b := ussd.DefaultBudget()
	b.First, b.Next = 120, 120
	return Format{Name: "nalo", methods: []string{"POST"}, secretName: "key", Budget: b, decode: decodeNalo}
}

type naloReply struct {
	UserID string `json:"USERID"`
	Msisdn string `json:"MSISDN"`
	Msg    string `json:"MSG"`
	More   bool   `json:"MSGTYPE"`
}

func decodeNalo(m message) (call, error) {
	var in struct {
		UserID    text `json:"USERID"`
		Msisdn    text `json:"MSISDN"`
		UserData  text `json:"USERDATA"`
		First     text `json:"MSGTYPE"`
		SessionID text `json:"SESSIONID"`
	}
	if err := m.json(&in); err != nil {
		return call{}, err
	}
	if in.Msisdn == "" {
		return call{}, missing("MSISDN")
	}
	c := call{number: string(in.Msisdn), request: stepOf(in.First.truth(), string(in.UserData), m.code)}
	c.request.SessionID = string(in.SessionID)
	c.write = func(r ussd.Reply) answer {
		return inJSON(naloReply{string(in.UserID), string(in.Msisdn), r.Text, !r.End})
	}
	return c, nil
}
