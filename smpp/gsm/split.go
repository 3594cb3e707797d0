package gsm

import "github.com/rivo/uniseg"

// Part is one short message of a longer text.
type Part struct {
	UDH     []byte // user data header with its length octet; nil for a single part or a bare one
	Payload []byte // the text, encoded
}

// Options say how a text is cut.
type Options struct {
	Ref   uint16 // the reference all parts share; its low octet unless Ref16
	Ref16 bool   // 16 bit reference: one septet less in each part
	// Bare parts have no header, for a link that tells a part's place in fields
	// of its own; they leave room for it, because the air knows no other way.
	Bare bool
}

// maxParts is what the one octet of TS 23.040 §9.2.3.24.1 can count.
const maxParts = 255

// limits of one part: 140 octets, less 6 or 7 for the header (TS 23.040
// §9.2.3.24.1 and §9.2.3.24.8).
func (a Alphabet) limits(ref16 bool) (single, part int) {
	switch {
	case a == GSM7 && ref16:
		return 160, 152
	case a == GSM7:
		return 160, 153
	case ref16:
		return 70, 66
	}
	return 70, 67
}

// Parts is how many short messages s takes with an 8 bit reference.
func Parts(s string) int { return Options{}.Parts(s) }

// Parts is how many short messages s takes when cut so.
func (o Options) Parts(s string) int {
	n, _ := cut(s, o.Ref16, nil)
	return n
}

// Split cuts s into parts ready to send. It never cuts an escape pair or a
// surrogate pair, and cuts a letter from its marks only where the two are
// longer than a part. A text longer than 255 parts gives no parts.
func Split(s string, o Options) (parts []Part, a Alphabet) {
	var texts []string
	n, a := cut(s, o.Ref16, func(text string) {
		if len(texts) <= maxParts {
			texts = append(texts, text)
		}
	})
	if n > maxParts {
		return nil, a
	}
	parts = make([]Part, n)
	for i, text := range texts {
		if a == GSM7 {
			parts[i].Payload, _ = EncodeGSM7(text)
		} else {
			parts[i].Payload = EncodeUCS2(text)
		}
		if n > 1 && !o.Bare {
			parts[i].UDH = Concat{Ref: o.Ref, Wide: o.Ref16, Total: uint8(n), Seq: uint8(i + 1)}.UDH()
		}
	}
	return parts, a
}

// cut walks s once and hands each part's text to emit.
func cut(s string, ref16 bool, emit func(string)) (n int, a Alphabet) {
	if emit == nil {
		emit = func(string) {}
	}
	total, a := Units(s)
	single, limit := a.limits(ref16)
	if total <= single {
		emit(s)
		return 1, a
	}
	start, at, used := 0, 0, 0
	take := func(length, units int) {
		if used+units > limit {
			emit(s[start:at])
			n++
			start, used = at, 0
		}
		at += length
		used += units
	}
	for rest, state := s, -1; rest != ""; {
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if units := a.unitsOf(cluster); units <= limit {
			take(len(cluster), units)
			continue
		}
		from := at
		for i, r := range cluster {
			at = from + i
			take(0, a.unitsOf(string(r)))
		}
		at = from + len(cluster)
	}
	emit(s[start:])
	return n + 1, a
}
