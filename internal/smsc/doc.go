// Package smsc plays the operator's part: an SMPP 3.4 server with handsets
// behind it, for the demo, for tests and for trying an application without an
// operator's test line. What the application sees on its side of the link is
// ordinary SMPP; what a person sees on the other side is a browser phone
// (Handler) or, in tests, the calls Dial, Answer, SendSMS and WaitSMS.
//
// A handset has at most one USSD dialogue (3GPP TS 23.090):
//
//	        dial: deliver_sm op 1
//	idle ───────────────────────────▶ waiting ──no answer──▶ failed
//	 ▲                                 │   ▲
//	 │            submit_sm op 2       │   │ answer: deliver_sm op 18
//	 │                                 ▼   │
//	 └──user ends, 180 s──────────── open ─┘
//	 └──submit_sm op 17────────────── ended
//
// The last page stays on the screen until the person dials again or dismisses
// it, as on a real handset.
package smsc
