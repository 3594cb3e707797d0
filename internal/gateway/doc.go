// Package gateway is where the wire ends. It keeps the binds to the telecom
// operators, and turns what they carry into numbers, texts and dialogue steps,
// and back. Octets, TON and NPI, data_coding and TLVs are known here and
// below; permits and visits are not known at all.
//
// A message from an operator takes one of three ways: a receipt goes to the
// outbox, a USSD step to the dialogue, a text to the inbox. Receipts and texts
// are committed before the operator is told that they are taken, and refused
// with ESME_RX_T_APPN when they can't be, so that the operator keeps them. A
// USSD step is acknowledged first, since its answer is a message of its own
// that must follow the acknowledgement.
package gateway
