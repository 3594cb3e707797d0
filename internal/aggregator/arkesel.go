package aggregator

import "github.com/wasl-sms/wasl/ussd"

// arkesel is the format of Arkesel. Nothing in it tells a repeat.
func arkesel() Format {
	return Format{Name: "arkesel", methods: []string{"POST"}, secretName: "key", Budget: ussd.DefaultBudget(), decode: decodeArkesel}
}

type arkeselReply struct {
	SessionID string `json:"sessionID"`
	UserID    string `json:"userID"`
	Msisdn    string `json:"msisdn"`
	Message   string `json:"message"`
	Continue  bool   `json:"continueSession"`
}

func decodeArkesel(m message) (call, error) {
	var in struct {
		SessionID  text `json:"sessionID"`
		UserID     text `json:"userID"`
		NewSession text `json:"newSession"`
		Msisdn     text `json:"msisdn"`
		UserData   text `json:"userData"`
	}
	if err := m.json(&in); err != nil {
		return call{}, err
	}
	switch {
	case in.SessionID == "":
		return call{}, missing("sessionID")
	case in.Msisdn == "":
		return call{}, missing("msisdn")
	}
	c := call{number: string(in.Msisdn), request: stepOf(in.NewSession.truth(), string(in.UserData), m.code)}
	c.request.SessionID = string(in.SessionID)
	c.write = func(r ussd.Reply) answer {
		return inJSON(arkeselReply{string(in.SessionID), string(in.UserID), string(in.Msisdn), r.Text, !r.End})
	}
	return c, nil
}
