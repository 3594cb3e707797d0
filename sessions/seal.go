package sessions

import (
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// HashKey names a person's session without their number: the same for every
// process that has the key, and of no use to anyone else. hmacKey should be 32
// random octets of its own.
func HashKey(hmacKey []byte, msisdn string) string {
	mac := hmac.New(sha256.New, hmacKey)
	mac.Write([]byte(msisdn))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

var (
	// ErrUnknownKey is returned for a value sealed under a key that is no longer
	// known.
	ErrUnknownKey = errors.New("sessions: sealed under an unknown key")
	// ErrSeal is returned for a value that was changed, moved to another session
	// or brought back from an earlier version.
	ErrSeal = errors.New("sessions: seal does not hold")
)

// Sealer encrypts states with XChaCha20-Poly1305. The key's id stands in front,
// so that a new key can be put in use while values under the old one still
// live. The session's key and version are bound in: a value copied to another
// session or rolled back to an earlier version does not open.
type Sealer struct {
	current byte
	aeads   map[byte]cipher.AEAD
}

// SealOverhead is what Seal adds to a value.
const SealOverhead = 1 + chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead

// NewSealer seals with the key of id current and opens with any of keys, each
// of 32 octets.
func NewSealer(current byte, keys map[byte][]byte) (*Sealer, error) {
	s := &Sealer{current: current, aeads: map[byte]cipher.AEAD{}}
	for id, key := range keys {
		aead, err := chacha20poly1305.NewX(key)
		if err != nil {
			return nil, fmt.Errorf("sessions: sealing key %d: %w", id, err)
		}
		s.aeads[id] = aead
	}
	if s.aeads[current] == nil {
		return nil, fmt.Errorf("sessions: sealing key %d: %w", current, ErrUnknownKey)
	}
	return s, nil
}

// Seal encrypts plain for the version it will be committed under. A kept reply
// is sealed the same way, under its request key and version 0.
func (s *Sealer) Seal(key string, version uint64, plain []byte) []byte {
	aead := s.aeads[s.current]
	out := make([]byte, 1+aead.NonceSize(), SealOverhead+len(plain))
	out[0] = s.current
	nonce := out[1:]
	rand.Read(nonce) // never fails: crypto/rand ends the process instead
	return aead.Seal(out, nonce, plain, associated(key, version))
}

// Open gives back what Seal was given, or ErrUnknownKey or ErrSeal.
func (s *Sealer) Open(key string, version uint64, sealed []byte) ([]byte, error) {
	if len(sealed) < SealOverhead {
		return nil, ErrSeal
	}
	aead := s.aeads[sealed[0]]
	if aead == nil {
		return nil, ErrUnknownKey
	}
	nonce, box := sealed[1:1+aead.NonceSize()], sealed[1+aead.NonceSize():]
	plain, err := aead.Open(nil, nonce, box, associated(key, version))
	if err != nil {
		return nil, ErrSeal
	}
	return plain, nil
}

func associated(key string, version uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte(key), version)
}
