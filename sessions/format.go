package sessions

import "encoding/binary"

// A stored value is one string:
//
//	8 octets  version, big endian
//	1 octet   number of kept replies, newest first, each
//	          8 octets mark, 2 octets length, the reply
//	the rest  the caller's sealed state
const (
	versionLen = 8
	headLen    = versionLen + 1
	keptHead   = len(Mark{}) + 2
)

// Marshal gives the state as one string, for stores that keep it so.
func (s State) Marshal() []byte {
	size := headLen + len(s.Blob)
	for _, k := range s.Kept {
		size += keptHead + len(k.Reply)
	}
	b := make([]byte, 0, size)
	b = binary.BigEndian.AppendUint64(b, s.Version)
	b = append(b, byte(len(s.Kept)))
	for _, k := range s.Kept {
		b = appendKept(b, k)
	}
	return append(b, s.Blob...)
}

func appendKept(b []byte, k Kept) []byte {
	b = append(b, k.Mark[:]...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(k.Reply)))
	return append(b, k.Reply...)
}

// Unmarshal reads what Marshal wrote, or returns ErrCorrupt, with the version
// where that much can be read. The state shares b's memory.
func Unmarshal(b []byte) (State, error) {
	if len(b) < headLen {
		return State{}, ErrCorrupt
	}
	s := State{Version: binary.BigEndian.Uint64(b)}
	n, rest := int(b[versionLen]), b[headLen:]
	if n > KeptReplies || s.Version == 0 {
		return State{Version: s.Version}, ErrCorrupt
	}
	for range n {
		if len(rest) < keptHead {
			return State{Version: s.Version}, ErrCorrupt
		}
		k := Kept{Mark: Mark(rest[:len(Mark{})])}
		end := keptHead + int(binary.BigEndian.Uint16(rest[len(Mark{}):]))
		if len(rest) < end {
			return State{Version: s.Version}, ErrCorrupt
		}
		k.Reply, rest = rest[keptHead:end:end], rest[end:]
		s.Kept = append(s.Kept, k)
	}
	s.Blob = rest
	return s, nil
}
