package dialog

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/wasl-sms/wasl/sessions"
)

const guardSpan = time.Hour

// allow counts the sessions of a number and refuses more than the hour's
// share: a phone in a loop costs the person money. The counts live beside the
// sessions; an exact count is not worth a dial, so a lost race lets it pass.
func (st *step) allow(ctx context.Context) (bool, error) {
	key := st.h + "/dials"
	had, err := st.Store.Load(ctx, key)
	if err != nil && !errors.Is(err, sessions.ErrNone) && !errors.Is(err, sessions.ErrCorrupt) {
		return false, fmt.Errorf("count the dials: %w", err)
	}
	// The blob is the times of the dials within the hour, oldest first.
	var recent []byte
	count := 0
	for b := had.Blob; len(b) >= 8; b = b[8:] {
		if st.now.Sub(time.UnixMilli(int64(binary.BigEndian.Uint64(b)))) < guardSpan {
			recent = append(recent, b[:8]...)
			count++
		}
	}
	if count >= st.Limits.PerHour {
		return false, nil
	}
	recent = binary.BigEndian.AppendUint64(recent, uint64(st.now.UnixMilli()))
	if _, err := st.Store.Commit(ctx, key, had.Version, recent, guardSpan, newID(), nil); err != nil {
		return false, fmt.Errorf("count the dials: %w", err)
	}
	return true, nil
}
