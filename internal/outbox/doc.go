// Package outbox holds every text that has been promised to a person, from the
// transaction that promises it to the operator's receipt.
//
// Enqueue stores a text in the caller's transaction. A Lane takes its parts to
// one bind of an operator:
//
//	           ┌──────────── not written, throttled ─────────────┐
//	later → queued → claimed → in_doubt → accepted → delivered
//	  ↑        ↑        └lease┘    │ │        │
//	  │        └─ no word in 120 s ┘ │        └→ undelivered, or later
//	  └────── temporary refusal ─────┴→ refused, unknown, expired
//
// A part is committed as in_doubt before its PDU is written, so a crash or a
// broken link leaves at most a window of parts of which nobody knows whether
// the operator has them. A late response or a receipt settles these; after two
// minutes of silence they are sent again, except one-time codes, which are
// never sent twice.
//
// The package knows parts, operators and outcomes, and no wire: a Link carries
// a part and tells what became of it.
package outbox
