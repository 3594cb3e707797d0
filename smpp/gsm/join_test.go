package gsm_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wasl-sms/wasl/smpp/gsm"
)

func TestParseUDH(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		udh  []byte
		want gsm.Concat
		err  error
	}{
		{"none", nil, gsm.Concat{}, nil},
		{"empty header", []byte{0}, gsm.Concat{}, nil},
		{"8 bit", []byte{5, 0, 3, 0xAB, 2, 1}, gsm.Concat{Ref: 0xAB, Total: 2, Seq: 1}, nil},
		{"16 bit", []byte{6, 8, 4, 0xAB, 0xCD, 3, 3}, gsm.Concat{Ref: 0xABCD, Wide: true, Total: 3, Seq: 3}, nil},
		{"language before concat", []byte{8, 0x25, 1, 13, 0, 3, 1, 2, 2}, gsm.Concat{Ref: 1, Total: 2, Seq: 2}, nil},
		{"ports only", []byte{6, 5, 4, 0, 1, 0, 2}, gsm.Concat{}, nil},
		{"repeated: the last counts", []byte{10, 0, 3, 1, 2, 1, 0, 3, 2, 2, 2}, gsm.Concat{Ref: 2, Total: 2, Seq: 2}, nil},
		{"concat of another length is skipped", []byte{4, 0, 2, 1, 2}, gsm.Concat{}, nil},
		{"part 0", []byte{5, 0, 3, 1, 2, 0}, gsm.Concat{}, gsm.ErrConcat},
		{"part above total", []byte{5, 0, 3, 1, 2, 3}, gsm.Concat{}, gsm.ErrConcat},
		{"total 0", []byte{5, 0, 3, 1, 0, 1}, gsm.Concat{}, gsm.ErrConcat},
		{"length above header", []byte{9, 0, 3, 1, 2, 1}, gsm.Concat{}, gsm.ErrUDH},
		{"length below header", []byte{3, 0, 3, 1, 2, 1}, gsm.Concat{}, gsm.ErrUDH},
		{"element above header", []byte{5, 0, 9, 1, 2, 1}, gsm.Concat{}, gsm.ErrUDH},
		{"half an element", []byte{1, 0}, gsm.Concat{}, gsm.ErrUDH},
	}
	for _, tt := range tests {
		got, err := gsm.ParseUDH(tt.udh)
		if got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%s: %+v, %v; want %+v, %v", tt.name, got, err, tt.want, tt.err)
		}
	}
}

func FuzzParseUDH(f *testing.F) {
	f.Add([]byte{5, 0, 3, 1, 2, 1})
	f.Add([]byte{6, 8, 4, 1, 2, 3, 1})
	f.Fuzz(func(t *testing.T, udh []byte) {
		c, err := gsm.ParseUDH(udh)
		if err != nil || c == (gsm.Concat{}) {
			return
		}
		if c.Seq == 0 || c.Seq > c.Total {
			t.Fatalf("accepted %+v", c)
		}
		if again, err := gsm.ParseUDH(c.UDH()); again != c || err != nil {
			t.Fatalf("%+v came back as %+v, %v", c, again, err)
		}
	})
}

func segment(ref uint16, total, seq uint8, text string) gsm.Segment {
	return gsm.Segment{Concat: gsm.Concat{Ref: ref, Total: total, Seq: seq}, Payload: []byte(text)}
}

func texts(t *testing.T, joined []gsm.Joined) (out []string) {
	t.Helper()
	for _, j := range joined {
		text, complete, err := gsm.Join(j.Segments)
		if err != nil || complete != j.Complete {
			t.Errorf("Join of %q: complete %v, joiner says %v, error %v", text, complete, j.Complete, err)
		}
		out = append(out, fmt.Sprintf("%s:%s:%v", j.Key.Source, text, complete))
	}
	return out
}

type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func newJoiner(cfg gsm.JoinerConfig) (*gsm.Joiner, *clock) {
	c := &clock{at: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	cfg.Now = c.now
	return gsm.NewJoiner(cfg), c
}

func TestJoinerHostileCases(t *testing.T) {
	t.Parallel()
	type add struct {
		from string
		s    gsm.Segment
		want []string
	}
	tests := map[string][]add{
		"any order": {
			{"A", segment(1, 3, 3, "c"), nil},
			{"A", segment(1, 3, 1, "a"), nil},
			{"A", segment(1, 3, 2, "b"), []string{"A:abc:true"}},
		},
		"same reference from two senders": {
			{"A", segment(1, 2, 1, "a1"), nil},
			{"B", segment(1, 2, 2, "b2"), nil},
			{"B", segment(1, 2, 1, "b1"), []string{"B:b1b2:true"}},
			{"A", segment(1, 2, 2, "a2"), []string{"A:a1a2:true"}},
		},
		"repeated part": {
			{"A", segment(1, 2, 1, "a"), nil},
			{"A", segment(1, 2, 1, "a"), nil},
			{"A", segment(1, 2, 2, "b"), []string{"A:ab:true"}},
			{"A", segment(1, 2, 2, "b"), nil},
			{"A", segment(1, 2, 1, "a"), nil},
		},
		"reference used anew": {
			{"A", segment(1, 2, 1, "old"), nil},
			{"A", segment(1, 2, 1, "new"), []string{"A:old…:false"}},
			{"A", segment(1, 2, 2, "er"), []string{"A:newer:true"}},
			{"A", segment(1, 2, 1, "next"), nil},
			{"A", segment(1, 2, 2, "er"), []string{"A:nexter:true"}},
		},
		"8 and 16 bit references are apart": {
			{"A", segment(1, 2, 1, "a"), nil},
			{"A", gsm.Segment{Concat: gsm.Concat{Ref: 1, Wide: true, Total: 2, Seq: 2}, Payload: []byte("x")}, nil},
			{"A", segment(1, 2, 2, "b"), []string{"A:ab:true"}},
		},
		"alone": {
			{"A", gsm.Segment{Payload: []byte("solo")}, []string{"A:solo:true"}},
			{"A", segment(1, 1, 1, "one"), []string{"A:one:true"}},
		},
		"too many unfinished from one sender": {
			{"A", segment(1, 2, 1, "1"), nil},
			{"A", segment(2, 2, 1, "2"), nil},
			{"B", segment(1, 2, 1, "b"), nil},
			{"A", segment(3, 2, 1, "3"), []string{"A:1…:false"}},
			{"B", segment(1, 2, 2, "b"), []string{"B:bb:true"}},
		},
	}
	for name, adds := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j, c := newJoiner(gsm.JoinerConfig{PerSource: 2})
			for i, a := range adds {
				c.at = c.at.Add(time.Millisecond)
				if diff := cmp.Diff(a.want, texts(t, j.Add(a.from, "369", a.s))); diff != "" {
					t.Errorf("add %d: -want +got\n%s", i, diff)
				}
			}
		})
	}
}

func TestJoinerExpires(t *testing.T) {
	t.Parallel()
	j, c := newJoiner(gsm.JoinerConfig{Window: time.Minute})
	j.Add("A", "369", segment(1, 4, 2, "b"))
	j.Add("A", "369", segment(1, 4, 3, "c"))
	c.at = c.at.Add(time.Second)
	j.Add("B", "369", segment(1, 2, 1, "a"))
	c.at = c.at.Add(59 * time.Second)
	if diff := cmp.Diff([]string{"A:…bc…:false"}, texts(t, j.Expired())); diff != "" {
		t.Error(diff)
	}
	if j.Len() != 1 {
		t.Errorf("%d messages wait, want 1", j.Len())
	}
	j.Add("B", "369", segment(1, 2, 2, "b"))
	c.at = c.at.Add(2 * time.Minute)
	if got := j.Expired(); got != nil || j.Len() != 0 {
		t.Errorf("a finished message expired too: %v, %d wait", got, j.Len())
	}
}

func TestJoinerIsBounded(t *testing.T) {
	t.Parallel()
	j, c := newJoiner(gsm.JoinerConfig{Total: 50, PerSource: 1000})
	out := 0
	for i := range 1000 {
		c.at = c.at.Add(time.Millisecond)
		out += len(j.Add("A", "369", segment(uint16(i%200), 200, uint8(i%200+1), "x")))
	}
	if j.Len() > 50 {
		t.Errorf("%d messages wait, 50 allowed", j.Len())
	}
	if out == 0 {
		t.Error("what was pushed out was dropped")
	}
}

func TestJoinMendsCutPairs(t *testing.T) {
	t.Parallel()
	concat := func(seq uint8) gsm.Concat { return gsm.Concat{Ref: 9, Total: 2, Seq: seq} }
	for name, s := range map[string][]gsm.Segment{
		"👍":  {{Concat: concat(1), DataCoding: 8, Payload: []byte{0xD8, 0x3D}}, {Concat: concat(2), DataCoding: 8, Payload: []byte{0xDC, 0x4D}}},
		"€":  {{Concat: concat(1), Payload: []byte{0x1B}}, {Concat: concat(2), Payload: []byte{0x65}}},
		"aس": {{Concat: concat(1), Payload: []byte("a")}, {Concat: concat(2), DataCoding: 8, Payload: []byte{0x06, 0x33}}},
	} {
		if text, complete, err := gsm.Join(s); text != name || !complete || err != nil {
			t.Errorf("Join = %q, %v, %v; want %q", text, complete, err, name)
		}
	}
}

// FuzzJoiner: parts in any order, repeated, contradicting each other, with
// numbers that cannot be, from several senders: what is kept stays within its
// bounds, no sender sees another's text, and what is called complete is.
func FuzzJoiner(f *testing.F) {
	f.Add([]byte{0, 1, 2, 1, 0, 1, 2, 2, 9, 9, 9, 9})
	f.Add([]byte{0, 1, 2, 0, 0, 1, 2, 3, 0, 1, 2, 255, 0, 1, 255, 1})
	f.Fuzz(func(t *testing.T, script []byte) {
		j, c := newJoiner(gsm.JoinerConfig{Window: 10 * time.Second, PerSource: 3, Total: 8})
		check := func(all []gsm.Joined) {
			for _, got := range all {
				text, complete, err := gsm.Join(got.Segments)
				if got.Complete && !complete || err != nil || len(got.Segments) > 255 {
					t.Fatalf("complete %v, joined %v with %v from %d parts", got.Complete, complete, err, len(got.Segments))
				}
				if strings.Trim(text, got.Key.Source+"…") != "" {
					t.Fatalf("%s was given %q", got.Key.Source, text)
				}
			}
		}
		for script = script[:min(len(script), 256)]; len(script) >= 4; script = script[4:] {
			from := string(rune('A' + script[0]%4))
			check(j.Add(from, "369", gsm.Segment{
				Concat:  gsm.Concat{Ref: uint16(script[1] % 8), Wide: script[1] >= 128, Total: script[2], Seq: script[3]},
				Payload: []byte(from),
			}))
			c.at = c.at.Add(time.Duration(script[0]) * 50 * time.Millisecond)
			if script[0]%7 == 0 {
				for _, got := range j.Expired() {
					if got.Complete {
						t.Fatal("a complete message expired")
					}
				}
			}
			if j.Len() > 8 {
				t.Fatalf("%d messages wait", j.Len())
			}
		}
		c.at = c.at.Add(time.Hour)
		check(j.Expired())
		if j.Len() != 0 {
			t.Fatalf("%d messages left for ever", j.Len())
		}
	})
}
