package visit

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/wasl-sms/wasl/internal/casework"
)

// Code gives the visit code spoken at the gate: seven digits of a keyed hash
// of reference and day, and a check digit. Whoever has the key can verify a
// printed list without the database.
func Code(codes Codes, ref string, day time.Time) string {
	mac := codes.CodeMAC("visit " + ref + " " + day.Format(time.DateOnly))
	return casework.WithCheck(fmt.Sprintf("%07d", binary.BigEndian.Uint64(mac)%10_000_000))
}
