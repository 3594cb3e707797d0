// Package keys holds the service's secret keys: one file, apart from the
// database and its backups, without which the sealed columns say nothing.
//
// The file has a line for each key: what it is for, its id, its 32 bytes in
// base64. The highest id of a purpose is the one in use; older ones still open
// what they sealed. A key is renewed by adding a line.
package keys

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// Purposes of keys.
const (
	seal        = "seal"         // columns of the database
	index       = "index"        // look-up of sealed values; renewing it means computing every index anew
	sessionSeal = "session-seal" // live dialogues
	sessionName = "session-name" // what a dialogue is filed under
	pepper      = "pepper"       // PINs; renewing it voids them
	code        = "code"         // check codes of permits and visits
)

var purposes = []string{seal, index, sessionSeal, sessionName, pepper, code}

// Ring is a complete set of keys. It prints as nothing.
type Ring struct{ keys map[string]map[byte][]byte }

// ErrSealed is returned for a value that does not open: it was changed, or
// moved from another row or column, or its key is not in the file.
var ErrSealed = errors.New("sealed value does not open")

// Seal encrypts a value for one place in the database: it opens at the same
// table, column and row only. The row's id must be known beforehand.
func (r *Ring) Seal(table, column string, row int64, plain []byte) ([]byte, error) {
	id := r.current(seal)
	aead, err := chacha20poly1305.NewX(r.keys[seal][id])
	if err != nil {
		return nil, fmt.Errorf("seal %s.%s of row %d: %w", table, column, row, err)
	}
	out := make([]byte, 1+chacha20poly1305.NonceSizeX, 1+chacha20poly1305.NonceSizeX+len(plain)+chacha20poly1305.Overhead)
	out[0] = id
	_, _ = rand.Read(out[1:]) // ends the process rather than fail
	return aead.Seal(out, out[1:], plain, place(table, column, row)), nil
}

// Open returns what Seal was given, or ErrSealed.
func (r *Ring) Open(table, column string, row int64, sealed []byte) ([]byte, error) {
	const head = 1 + chacha20poly1305.NonceSizeX
	if len(sealed) < head+chacha20poly1305.Overhead {
		return nil, fmt.Errorf("%s.%s of row %d: %w", table, column, row, ErrSealed)
	}
	aead, err := chacha20poly1305.NewX(r.keys[seal][sealed[0]])
	if err != nil {
		return nil, fmt.Errorf("%s.%s of row %d: %w: key %d is not in the key file", table, column, row, ErrSealed, sealed[0])
	}
	plain, err := aead.Open(nil, sealed[1:head], sealed[head:], place(table, column, row))
	if err != nil {
		return nil, fmt.Errorf("%s.%s of row %d: %w", table, column, row, ErrSealed)
	}
	return plain, nil
}

// Outdated reports whether a value was sealed with an older key than the one
// in use, and should be sealed again.
func (r *Ring) Outdated(sealed []byte) bool {
	return len(sealed) > 0 && sealed[0] != r.current(seal)
}

// BlindIndex returns 32 bytes by which a sealed value can be looked up. Equal
// values of one kind have equal indexes; without the key nothing follows from
// one, though there are few numbers to try.
func (r *Ring) BlindIndex(kind, value string) []byte {
	return r.mac(index, kind+"\x00"+value)
}

// CodeMAC returns 32 bytes to make the check code of a permit or visit from.
func (r *Ring) CodeMAC(what string) []byte { return r.mac(code, what) }

// Pepper returns the secret that is mixed into every PIN's hash.
func (r *Ring) Pepper() []byte { return r.keys[pepper][r.current(pepper)] }

// SessionName returns the key of the names of live dialogues.
func (r *Ring) SessionName() []byte { return r.keys[sessionName][r.current(sessionName)] }

// SessionSeal returns the keys that seal live dialogues, and which is in use.
func (r *Ring) SessionSeal() (current byte, keys map[byte][]byte) {
	return r.current(sessionSeal), r.keys[sessionSeal]
}

// Format prints a tag for every verb.
func (r *Ring) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("keys:…")) }

// MarshalJSON writes a tag.
func (r *Ring) MarshalJSON() ([]byte, error) { return []byte(`"keys:…"`), nil }

func (r *Ring) current(purpose string) (id byte) {
	for k := range r.keys[purpose] {
		id = max(id, k)
	}
	return id
}

func (r *Ring) mac(purpose, value string) []byte {
	h := hmac.New(sha256.New, r.keys[purpose][r.current(purpose)])
	h.Write([]byte(value))
	return h.Sum(nil)
}

func place(table, column string, row int64) []byte {
	b := append([]byte(table), 0)
	b = append(append(b, column...), 0)
	return binary.BigEndian.AppendUint64(b, uint64(row))
}
