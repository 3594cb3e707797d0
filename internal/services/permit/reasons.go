package permit

import (
	"slices"

	"github.com/wasl-sms/wasl/internal/text"
)

// Reasons lists the reason codes of refusals, in the order of the decision
// page. Each is a text that the family reads: permit.reason.<code>.
func Reasons() []string {
	return []string{"link_not_shown", "identity_doubt", "judge_order", "security", "person_refuses", "minor_alone", "other_office"}
}

// Papers lists the papers that can be asked for: permit.paper.<code>.
func Papers() []string {
	return []string{"id_card", "family_book", "marriage_act", "guardian_consent", "bar_card", "mandate"}
}

// ReferReasons lists why a case goes to another authority.
func ReferReasons() []string { return []string{"not_competent", "status_changed", "conflict"} }

// FallReasons lists why a permit is suspended or revoked.
func FallReasons() []string {
	return []string{"judge_order", "security", "false_statement", "status_changed"}
}

// CloseReasons lists why a clerk closes a request that is no longer needed.
func CloseReasons() []string { return []string{"person_left", "doubled"} }

// ValidReason tells whether a code may stand in a refusal.
func ValidReason(code string) bool { return slices.Contains(Reasons(), code) }

// ReasonLabel is what the family reads for a reason code.
func ReasonLabel(code string) text.Label { return text.Label("permit.reason." + code) }

// PaperLabel is what the family reads for a paper.
func PaperLabel(code string) text.Label { return text.Label("permit.paper." + code) }
