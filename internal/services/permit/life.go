// Package permit is the public service "ask for a permit": the request a family
// sends, its way through the authorities, and the permit that comes of it.
package permit

import "github.com/wasl-sms/wasl/internal/casework"

// States of a request. A draft is no case yet: it lives with the dialogue.
const (
	Submitted   casework.State = "SUBMITTED"
	UnderReview casework.State = "UNDER_REVIEW"
	InfoNeeded  casework.State = "INFO_NEEDED"
	Opinion     casework.State = "OPINION"
	Granted     casework.State = "GRANTED"
	GrantedPart casework.State = "GRANTED_PART"
	Refused     casework.State = "REFUSED"
	Withdrawn   casework.State = "WITHDRAWN"
	Lapsed      casework.State = "LAPSED"
	NoObject    casework.State = "CLOSED_NO_OBJECT"
	Appealed    casework.State = "APPEALED"
	Upheld      casework.State = "UPHELD"
	Overturned  casework.State = "OVERTURNED"
)

// States of a permit.
const (
	Active       casework.State = "ACTIVE"
	PendingSight casework.State = "PENDING_SIGHT"
	Suspended    casework.State = "SUSPENDED"
	Revoked      casework.State = "REVOKED"
	Exhausted    casework.State = "EXHAUSTED"
	Expired      casework.State = "EXPIRED"
	Review       casework.State = "REVIEW"
	Closed       casework.State = "CLOSED"
)

// RequestLife is the whole life of a request.
//
//	"" -send-> SUBMITTED -route-> UNDER_REVIEW -grant_all/grant_some/refuse-> GRANTED, GRANTED_PART, REFUSED
//	UNDER_REVIEW <-> INFO_NEEDED (a paper is asked for), <-> OPINION; REFUSED -appeal-> APPEALED -> UPHELD, OVERTURNED
//
// SUBMITTED, UNDER_REVIEW -cannot_match-> INFO_NEEDED -corrected-> SUBMITTED. What
// is overturned stays so; a new request that replaces it begins with "reopen".
func RequestLife() casework.Machine {
	family := []string{"citizen"}
	office := []string{"authority", "clerk"}
	decider := []string{"authority"}
	m := casework.Machine{Name: "permit_request", Version: 1, Rules: []casework.Rule{
		{From: "", Event: "send", To: Submitted, By: []string{"citizen", "clerk"}},
		{From: "", Event: "reopen", To: UnderReview, By: decider, HumanOnly: true},
		{From: Submitted, Event: "route", To: UnderReview, By: []string{"system", "citizen", "clerk"}},
		{From: Submitted, Event: "cannot_match", To: InfoNeeded, By: office, HumanOnly: true, NeedsReason: true},
		{From: UnderReview, Event: "cannot_match", To: InfoNeeded, By: office, HumanOnly: true, NeedsReason: true},
		{From: UnderReview, Event: "need_paper", To: InfoNeeded, By: office, HumanOnly: true, NeedsReason: true},
		{From: InfoNeeded, Event: "supplied", To: UnderReview, By: []string{"citizen", "authority", "clerk"}},
		{From: InfoNeeded, Event: "corrected", To: Submitted, By: []string{"citizen", "clerk"}},
		{From: InfoNeeded, Event: "lapse", To: Lapsed, By: []string{"job"}, NeedsReason: true},
		{From: UnderReview, Event: "refer", To: UnderReview, By: office, HumanOnly: true, NeedsReason: true},
		{From: UnderReview, Event: "ask_opinion", To: Opinion, By: decider, HumanOnly: true},
		{From: Opinion, Event: "opinion_in", To: UnderReview, By: office, HumanOnly: true},
		{From: UnderReview, Event: "grant_all", To: Granted, By: decider, HumanOnly: true},
		{From: UnderReview, Event: "grant_some", To: GrantedPart, By: decider, HumanOnly: true, NeedsReason: true},
		{From: UnderReview, Event: "refuse", To: Refused, By: decider, HumanOnly: true, NeedsReason: true},
		{From: Refused, Event: "appeal", To: Appealed, By: family},
		{From: Appealed, Event: "uphold", To: Upheld, By: decider, HumanOnly: true, NeedsReason: true},
		{From: Appealed, Event: "overturn", To: Overturned, By: decider, HumanOnly: true},
	}}
	for _, open := range []casework.State{Submitted, UnderReview, InfoNeeded, Opinion} {
		m.Rules = append(m.Rules,
			casework.Rule{From: open, Event: "withdraw", To: Withdrawn, By: family},
			casework.Rule{From: open, Event: "close_no_object", To: NoObject, By: []string{"system", "clerk"}, NeedsReason: true})
	}
	return m
}

// Life is the whole life of a permit.
func Life() casework.Machine {
	decider := []string{"authority"}
	holder := []string{"authority", "establishment"}
	m := casework.Machine{Name: "permit", Version: 1, Rules: []casework.Rule{
		{From: "", Event: "issue", To: Active, By: decider, HumanOnly: true},
		{From: "", Event: "issue_unsighted", To: PendingSight, By: decider, HumanOnly: true},
		{From: PendingSight, Event: "sight", To: Active, By: []string{"gate", "clerk", "establishment"}, HumanOnly: true},
		{From: Active, Event: "suspend", To: Suspended, By: holder, HumanOnly: true, NeedsReason: true},
		{From: Suspended, Event: "lift", To: Active, By: holder, HumanOnly: true},
		{From: Active, Event: "exhaust", To: Exhausted, By: []string{"gate", "job"}},
		{From: PendingSight, Event: "exhaust", To: Exhausted, By: []string{"gate", "job"}},
		{From: Active, Event: "review", To: Review, By: []string{"system", "clerk"}, NeedsReason: true},
		{From: PendingSight, Event: "review", To: Review, By: []string{"system", "clerk"}, NeedsReason: true},
		{From: Review, Event: "confirm", To: Active, By: decider, HumanOnly: true},
	}}
	for _, live := range []casework.State{Active, PendingSight, Suspended, Review} {
		m.Rules = append(m.Rules,
			casework.Rule{From: live, Event: "revoke", To: Revoked, By: decider, HumanOnly: true, NeedsReason: true},
			casework.Rule{From: live, Event: "expire", To: Expired, By: []string{"job"}},
			casework.Rule{From: live, Event: "close", To: Closed, By: []string{"system", "clerk"}, NeedsReason: true})
	}
	return m
}
