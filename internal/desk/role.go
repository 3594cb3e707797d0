package desk

import (
	"slices"

	"github.com/wasl-sms/wasl/internal/fault"
)

// Role is what a member of staff is trained and appointed for.
type Role string

// Roles.
const (
	Authority     Role = "authority"     // one of the five kinds that decide
	Clerk         Role = "clerk"         // matches, takes papers, refers; decides nothing
	Establishment Role = "establishment" // timetable, closings, permits at its house
	Gate          Role = "gate"          // lets people in
	Admin         Role = "admin"         // staff and grants, the links to operators, texts set aside; sees no file
	Auditor       Role = "auditor"       // the audit trail, and how the links stand
)

// AllRoles lists the roles in menu order.
func AllRoles() []Role { return []Role{Authority, Clerk, Establishment, Gate, Admin, Auditor} }

// Act is something a page lets staff do.
type Act string

// Acts.
const (
	SeeInbox       Act = "see_inbox"
	SeeCase        Act = "see_case"
	Decide         Act = "decide"
	AskPaper       Act = "ask_paper"
	TakePaper      Act = "take_paper"
	Refer          Act = "refer"
	Match          Act = "match"
	CloseRequest   Act = "close_request" // nothing can come of it any more
	Judge          Act = "judge"
	SuspendPermit  Act = "suspend_permit"
	RevokePermit   Act = "revoke_permit"
	SeeTimetable   Act = "see_timetable"
	RunTimetable   Act = "run_timetable" // capacity, closings
	SeeDay         Act = "see_day"
	SettleVisit    Act = "settle_visit" // how it went, and setting that right
	AnswerWish     Act = "answer_wish"
	WorkGate       Act = "work_gate"
	CallFamilies   Act = "call_families" // whom a text did not reach
	ImportRegister Act = "import_register"
	RunStaff       Act = "run_staff"
	SeeAudit       Act = "see_audit"
	SeeOperators   Act = "see_operators"
	RunOperators   Act = "run_operators" // pause, drain, record a bind; read their file again
	SettleTexts    Act = "settle_texts"  // of people, that failed too often
	Own            Act = "own"           // one's own language, role, session
)

// acts is who may do what at all; where is a matter of grants.
func acts(r Role) []Act {
	switch r {
	case Authority:
		return []Act{SeeInbox, SeeCase, Decide, AskPaper, TakePaper, Refer, Judge, SuspendPermit, RevokePermit, Own}
	case Clerk:
		return []Act{SeeInbox, SeeCase, AskPaper, TakePaper, Refer, Match, CloseRequest, CallFamilies, ImportRegister, Own}
	case Establishment:
		return []Act{SeeCase, SuspendPermit, SeeTimetable, RunTimetable, SeeDay, SettleVisit, AnswerWish, WorkGate, CallFamilies, ImportRegister, Own}
	case Gate:
		return []Act{SeeDay, WorkGate, Own}
	case Admin:
		return []Act{RunStaff, SeeOperators, RunOperators, SettleTexts, Own}
	case Auditor:
		return []Act{SeeAudit, SeeOperators, Own}
	}
	return nil
}

// May tells whether the role allows an act somewhere.
func (r Role) May(a Act) bool { return slices.Contains(acts(r), a) }

// Allow refuses an act that the role has no part in.
func (w Who) Allow(a Act) error {
	if !w.Role.May(a) {
		return fault.Forbidden("desk.not_your_role", nil)
	}
	return nil
}

// House refuses an act at an establishment outside the grants, as if there
// were no such place.
func (w Who) House(id int64, a Act) error {
	if err := w.Allow(a); err != nil {
		return err
	}
	if !slices.Contains(w.Establishments, id) {
		return fault.NotFound("establishment.unknown", nil)
	}
	return nil
}
