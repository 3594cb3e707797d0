// Package ussd holds what every keypad dialogue needs and no service: screens
// cut into pages that an operator and a handset can carry, the reading of what
// a person keyed, and the ways operators carry USSD over SMPP (dialects).
//
// Lengths are counted as the network counts them: septets of the GSM 7 bit
// alphabet, or UTF-16 units where a page needs UCS-2 (3GPP TS 23.038).
package ussd
