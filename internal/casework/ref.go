package casework

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
)

// damm is the quasigroup of H. M. Damm's check digit (2004): it finds every
// single wrong digit and every swap of neighbours.
var damm = [10][10]byte{
	{0, 3, 1, 7, 5, 9, 8, 6, 4, 2},
	{7, 0, 9, 2, 1, 5, 4, 8, 6, 3},
	{4, 2, 0, 6, 8, 7, 1, 3, 5, 9},
	{1, 7, 5, 0, 9, 8, 3, 4, 2, 6},
	{6, 1, 2, 3, 0, 4, 5, 9, 7, 8},
	{3, 6, 7, 4, 2, 0, 9, 5, 8, 1},
	{5, 8, 6, 9, 7, 2, 0, 1, 3, 4},
	{8, 9, 4, 5, 3, 6, 2, 0, 1, 7},
	{9, 4, 3, 8, 6, 1, 7, 2, 0, 5},
	{2, 5, 8, 1, 4, 3, 6, 7, 9, 0},
}

// NewRef draws a reference: seven random digits and a check digit, no
// separators, so that it can be keyed, read aloud and shown in Arabic text.
func NewRef() (string, error) {
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("draw a reference: %w", err)
	}
	return WithCheck(fmt.Sprintf("%07d", binary.BigEndian.Uint64(b[:])%10_000_000)), nil
}

// WithCheck appends the check digit to digits.
func WithCheck(digits string) string {
	return digits + string(rune('0'+checksum(digits)))
}

// ValidRef tells whether s is eight digits with a right check digit.
func ValidRef(s string) bool {
	if len(s) != 8 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return checksum(s) == 0
}

func checksum(digits string) byte {
	var c byte
	for i := range len(digits) {
		c = damm[c][digits[i]-'0']
	}
	return c
}

// Code makes eight digits of a keyed hash, with the check digit of references.
func Code(mac []byte) string {
	return WithCheck(fmt.Sprintf("%07d", binary.BigEndian.Uint64(mac[:8])%10_000_000))
}
