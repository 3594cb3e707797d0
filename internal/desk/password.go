package desk

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/wasl-sms/wasl/internal/fault"
)

// Cost of one password: OWASP's least for argon2id, two at once.
const (
	memoryKiB     = 19 * 1024
	passes        = 2
	hashBytes     = 32
	hashersAtOnce = 2
)

const minPassword = 10

var b64 = base64.RawStdEncoding

func (d *Desk) hashPassword(ctx context.Context, password string) (string, error) {
	if utf8.RuneCountInString(password) < minPassword {
		return "", fault.Invalid("desk.password_short", fault.Params{"n": minPassword})
	}
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // ends the process rather than fail
	hash, err := d.derive(ctx, password, salt, memoryKiB, passes, hashBytes)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s", argon2.Version, memoryKiB, passes,
		b64.EncodeToString(salt), b64.EncodeToString(hash)), nil
}

// nobody is compared against when there is no such login, so that the answer
// takes as long.
var nobody = fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s", argon2.Version, memoryKiB, passes,
	b64.EncodeToString(make([]byte, 16)), b64.EncodeToString(make([]byte, hashBytes)))

func (d *Desk) samePassword(ctx context.Context, stored, password string) (bool, error) {
	f := strings.Split(stored, "$")
	if len(f) != 6 || f[1] != "argon2id" {
		return false, errors.New("a stored password has an unknown form")
	}
	var memory, time uint32
	if _, err := fmt.Sscanf(f[3], "m=%d,t=%d,p=1", &memory, &time); err != nil {
		return false, fmt.Errorf("read a stored password: %w", err)
	}
	salt, err1 := b64.DecodeString(f[4])
	want, err2 := b64.DecodeString(f[5])
	if err := errors.Join(err1, err2); err != nil {
		return false, fmt.Errorf("read a stored password: %w", err)
	}
	got, err := d.derive(ctx, password, salt, memory, time, uint32(len(want)))
	return err == nil && subtle.ConstantTimeCompare(got, want) == 1, err
}

func (d *Desk) derive(ctx context.Context, password string, salt []byte, memory, time, n uint32) ([]byte, error) {
	select {
	case d.slot <- struct{}{}:
		defer func() { <-d.slot }()
	case <-ctx.Done():
		return nil, fmt.Errorf("hash a password: %w", ctx.Err())
	}
	peppered := hmac.New(sha256.New, d.keys.Pepper())
	peppered.Write([]byte("staff\x00" + password))
	return argon2.IDKey(peppered.Sum(nil), salt, time, memory, 1, n), nil
}
