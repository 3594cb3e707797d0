package private

import "sync"

// remembered bounds what a Reader knows; then it begins anew.
const remembered = 8192

// Reader reads numbers as ParseMsisdn does and remembers those it has read: a
// family writes several times in a row, and to read its number costs more than
// to decode its message. It is safe for concurrent use; the zero Reader is
// ready.
type Reader struct {
	mu    sync.Mutex
	known map[written]Msisdn
}

type written struct{ number, region string }

// Parse reads a mobile number of the countries that are served.
func (r *Reader) Parse(s, region string) (Msisdn, error) {
	w := written{s, region}
	r.mu.Lock()
	n, ok := r.known[w]
	r.mu.Unlock()
	if ok {
		return n, nil
	}
	n, err := ParseMsisdn(s, region)
	if err != nil {
		return n, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil || len(r.known) >= remembered {
		r.known = map[written]Msisdn{}
	}
	r.known[w] = n
	return n, nil
}
