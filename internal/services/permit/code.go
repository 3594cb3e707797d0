package permit

import (
	"crypto/subtle"
	"fmt"
	"time"

	"github.com/wasl-sms/wasl/internal/casework"
)

// Coder makes keyed hashes for codes.
type Coder interface {
	CodeMAC(what string) []byte
}

// Code gives the code of a permit. It depends on number, visitor and last day,
// so that whoever holds the key can check a printed list without the database.
func Code(keys Coder, number string, visitor int64, to *time.Time) string {
	end := string(Permanent)
	if to != nil {
		end = to.Format(time.DateOnly)
	}
	return casework.Code(keys.CodeMAC(fmt.Sprintf("permit/%s/%d/%s", number, visitor, end)))
}

// Genuine tells whether a code belongs to what is printed beside it.
func Genuine(keys Coder, code, number string, visitor int64, to *time.Time) bool {
	return casework.ValidRef(number) && subtle.ConstantTimeCompare([]byte(code), []byte(Code(keys, number, visitor, to))) == 1
}
