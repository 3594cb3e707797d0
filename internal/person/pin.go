package person

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/crypto/argon2"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/fault"
)

// PINHash is a PIN as it is stored: argon2id over the peppered PIN.
type PINHash string

// Cost of one PIN: the second choice of RFC 9106 cut to what OWASP gives as
// its least for argon2id. Two at once is what a small machine has cores for.
const (
	memoryKiB     = 19 * 1024
	passes        = 2
	threads       = 1
	saltBytes     = 16
	hashBytes     = 32
	hashersAtOnce = 2
)

// Wrong PINs: three are free, then each doubles the lock.
const (
	freeTries = 3
	firstLock = time.Minute
	longLock  = 24 * time.Hour
)

// Lengths of a PIN in digits.
const (
	MinPIN = 4
	MaxPIN = 6
)

// Known is what somebody who knows a person would try first.
type Known struct {
	BirthDate time.Time
	IDNumber  string
	Number    string // the phone number
}

// WeakPIN refuses a PIN that has the wrong length, holds something else than
// digits or would be guessed first. The fault says which.
func WeakPIN(pin string, k Known) error {
	if len(pin) < MinPIN || len(pin) > MaxPIN || strings.Trim(pin, "0123456789") != "" {
		return fault.Invalid("pin.length", nil)
	}
	if repeats(pin) || runs(pin) || keypadLine(pin) {
		return fault.Invalid("pin.too_simple", nil)
	}
	if !k.BirthDate.IsZero() {
		for _, layout := range []string{"2006", "0201", "0102", "020106", "060102", "010206", "012006", "200601"} {
			if pin == k.BirthDate.Format(layout) {
				return fault.Invalid("pin.birth", nil)
			}
		}
	}
	if endsWith(k.Number, pin) || endsWith(normalID(k.IDNumber), pin) {
		return fault.Invalid("pin.own_number", nil)
	}
	return nil
}

// repeats finds 0000, 1212, 123123, 112233.
func repeats(pin string) bool {
	for n := 1; n <= len(pin)/2; n++ {
		if len(pin)%n == 0 && strings.Repeat(pin[:n], len(pin)/n) == pin {
			return true
		}
	}
	pairs := len(pin)%2 == 0
	for i := 0; pairs && i < len(pin); i += 2 {
		pairs = pin[i] == pin[i+1]
	}
	return pairs
}

// runs finds digits that follow each other up or down, over 9 and 0 too.
func runs(pin string) bool {
	for _, step := range []byte{1, 9} {
		run := true
		for i := 1; i < len(pin); i++ {
			run = run && pin[i]-'0' == (pin[i-1]-'0'+step)%10
		}
		if run {
			return true
		}
	}
	return false
}

// keypadLine finds the straight lines of a keypad and its corners.
func keypadLine(pin string) bool {
	return slices.Contains([]string{"2580", "0852", "1470", "3690", "1357", "7531", "1379", "1397", "1590", "3570", "147258", "258369", "159357", "147369"}, pin)
}

func endsWith(s, pin string) bool { return s != "" && strings.HasSuffix(s, pin) }

// HashPIN makes the stored form of a PIN. It takes some tens of milliseconds
// and waits for its turn.
func (r *Registry) HashPIN(ctx context.Context, pin string) (PINHash, error) {
	salt := make([]byte, saltBytes)
	if _, err := rand.Read(salt); err != nil {
		return "", fmt.Errorf("salt a PIN: %w", err)
	}
	hash, err := r.derive(ctx, pin, salt, memoryKiB, passes, threads, hashBytes)
	if err != nil {
		return "", err
	}
	b64 := base64.RawStdEncoding
	return PINHash(fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memoryKiB, passes, threads,
		b64.EncodeToString(salt), b64.EncodeToString(hash))), nil
}

// SamePIN tells whether a PIN is the one of a hash.
func (r *Registry) SamePIN(ctx context.Context, h PINHash, pin string) (bool, error) {
	f := strings.Split(string(h), "$")
	if len(f) != 6 || f[1] != "argon2id" {
		return false, errors.New("a stored PIN has an unknown form")
	}
	var memory, time uint32
	var lanes uint8
	if _, err := fmt.Sscanf(f[3], "m=%d,t=%d,p=%d", &memory, &time, &lanes); err != nil {
		return false, fmt.Errorf("read a stored PIN: %w", err)
	}
	salt, err := base64.RawStdEncoding.DecodeString(f[4])
	if err != nil {
		return false, fmt.Errorf("read a stored PIN: %w", err)
	}
	want, err := base64.RawStdEncoding.DecodeString(f[5])
	if err != nil {
		return false, fmt.Errorf("read a stored PIN: %w", err)
	}
	got, err := r.derive(ctx, pin, salt, memory, time, lanes, uint32(len(want)))
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}

func (r *Registry) derive(ctx context.Context, pin string, salt []byte, memory, time uint32, lanes uint8, n uint32) ([]byte, error) {
	select {
	case r.slot <- struct{}{}:
		defer func() { <-r.slot }()
	case <-ctx.Done():
		return nil, fmt.Errorf("hash a PIN: %w", ctx.Err())
	}
	peppered := hmac.New(sha256.New, r.keys.Pepper())
	peppered.Write([]byte(pin))
	return argon2.IDKey(peppered.Sum(nil), salt, time, memory, lanes, n), nil
}

// CheckPIN checks an account's PIN. A wrong one is an Invalid fault
// "pin.wrong" with the tries "left"; after three the account is locked, one
// minute at first and twice as long after each further wrong one, up to a day:
// a Forbidden fault "pin.locked" with the "minutes" to wait. Every try is counted before it is
// checked, so that neither a crash nor a thousand tries at once gives a free
// one. try, where it is not empty, names what the PIN came in and always comes
// with the same PIN: handed on again after a crash it is no further try.
func (r *Registry) CheckPIN(ctx context.Context, accountID int64, pin, try string) error {
	now := r.now()
	var hash PINHash
	var wrong int
	var locked *time.Time
	var charged bool
	err := r.db.QueryRow(ctx, sqlChargeTry, accountID, now, freeTries, firstLock, longLock, try).Scan(&hash, &wrong, &locked, &charged)
	if errors.Is(err, pgx.ErrNoRows) {
		return fault.NotFound("account.unknown", nil)
	}
	if err != nil {
		return fmt.Errorf("count a try at the PIN of account %d: %w", accountID, err)
	}
	if !charged {
		return lockedFor(*locked, now)
	}
	same, err := r.SamePIN(ctx, hash, pin)
	if err != nil {
		return fmt.Errorf("check the PIN of account %d: %w", accountID, err)
	}
	if same {
		if _, err := r.db.Exec(ctx, sqlForgiveTries, accountID, now); err != nil {
			return fmt.Errorf("forget the tries of account %d: %w", accountID, err)
		}
		return nil
	}
	if left := freeTries - wrong; left > 0 {
		return fault.Invalid("pin.wrong", fault.Params{"left": left})
	}
	return lockedFor(*locked, now)
}

func lockedFor(until, now time.Time) error {
	minutes := int(math.Ceil(until.Sub(now).Minutes()))
	return fault.Forbidden("pin.locked", fault.Params{"minutes": max(1, minutes)})
}

// SetPIN changes an account's PIN to one already hashed.
func (r *Registry) SetPIN(ctx context.Context, tx *casework.Tx, accountID int64, h PINHash) error {
	tag, err := tx.Exec(ctx, sqlSetPIN, accountID, h)
	if err != nil {
		return fmt.Errorf("change the PIN of account %d: %w", accountID, err)
	}
	if tag.RowsAffected() == 0 {
		return fault.NotFound("account.unknown", nil)
	}
	tx.Audit(casework.Entry{Action: "account.pin", ObjectKind: "account", ObjectID: accountID})
	return nil
}

// Unlock ends a lock after staff have seen the holder's identity card.
func (r *Registry) Unlock(ctx context.Context, tx *casework.Tx, accountID int64) error {
	if _, err := tx.Exec(ctx, sqlUnlock, accountID); err != nil {
		return fmt.Errorf("unlock account %d: %w", accountID, err)
	}
	tx.Audit(casework.Entry{Action: "account.unlock", ObjectKind: "account", ObjectID: accountID})
	return nil
}

// Known gathers what a new PIN of an account must not be.
func (r *Registry) Known(ctx context.Context, accountID int64) (Known, error) {
	var k Known
	var visitor, number int64
	var id, phone []byte
	err := r.db.QueryRow(ctx, sqlKnown, accountID).Scan(&visitor, &id, &k.BirthDate, &number, &phone)
	if errors.Is(err, pgx.ErrNoRows) {
		return k, fault.NotFound("account.unknown", nil)
	}
	if err != nil {
		return k, fmt.Errorf("what is known of account %d: %w", accountID, err)
	}
	if id, err = r.keys.Open("visitor", "id_number_sealed", visitor, id); err != nil {
		return k, fmt.Errorf("open visitor %d: %w", visitor, err)
	}
	if phone, err = r.keys.Open("msisdn", "number_sealed", number, phone); err != nil {
		return k, fmt.Errorf("open a number of account %d: %w", accountID, err)
	}
	k.IDNumber, k.Number = string(id), string(phone)
	return k, nil
}
