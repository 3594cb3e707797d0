// Package outbox holds every text that has been promised to a person, from the
// transaction that promises it to the operator's receipt.
//
// Enqueue stores a text in the caller's transaction. A Lane takes its parts to
// one bind of an operator:
//
//	later ──→ queued ──→ in_doubt ──→ accepted ──→ delivered, undelivered
//
// The ways that are not straight on:
//
//	queued    → expired                    its time was over when it was taken
//	in_doubt  → queued                     throttled, or not written
//	          → later, refused             refused for now; for good, or once too often
//	          → delivered, undelivered     a receipt, and no response
//	          → queued, unknown, expired   neither: sent again, where it may be
//	accepted  → later                      not delivered, and worth another try
//	queued, unknown, expired → delivered, accepted   the operator's word came after all
//
// A lane takes as many parts as its window has room for, the most urgent first,
// straight into doubt: that is committed before the PDU is written, so a crash
// or a broken link leaves at most a window of parts of which nobody knows
// whether the operator has them. A late response or a receipt settles these;
// after two minutes of listening to the operator in vain they are sent again,
// except one-time codes, which are never sent twice. What follows each outcome,
// and what each class is worth, stands in two tables in outcome.go.
//
// Texts and parts lie in a table for each month, so that what was delivered
// long ago costs nothing and is dropped whole.
//
// The package knows parts, operators and outcomes, and no wire: a Link carries
// a part and tells what became of it.
package outbox
