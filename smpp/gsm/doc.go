// Package gsm turns text into what a handset can show and back: the choice of
// alphabet (3GPP TS 23.038), its encoding, the cutting of long messages into
// parts and the joining of the parts that come in (3GPP TS 23.040 §9.2.3.24).
//
// Everything here is a pure function, except Joiner, which only keeps parts in
// memory and takes its clock from the caller. Decoders accept any octets: they
// never panic and never return more than a small multiple of their input.
package gsm
