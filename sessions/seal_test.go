package sessions_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/wasl-sms/wasl/sessions"
	"github.com/wasl-sms/wasl/sessions/sessionstest"
)

func key32(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

func newSealer(t testing.TB, current byte, keys map[byte][]byte) *sessions.Sealer {
	t.Helper()
	s, err := sessions.NewSealer(current, keys)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSealer(t *testing.T) {
	t.Parallel()
	old := newSealer(t, 1, map[byte][]byte{1: key32(1)})
	both := newSealer(t, 2, map[byte][]byte{1: key32(1), 2: key32(2)})
	next := newSealer(t, 2, map[byte][]byte{2: key32(2)})
	plain := []byte("state of a dialogue")

	sealed := old.Seal("h", 4, plain)
	if bytes.Contains(sealed, plain[:8]) || len(sealed) != len(plain)+sessions.SealOverhead || sealed[0] != 1 {
		t.Errorf("sealed as %x", sealed)
	}
	if got, err := both.Open("h", 4, sealed); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("open after rotation: %q, %v", got, err)
	}
	if _, err := next.Open("h", 4, sealed); !errors.Is(err, sessions.ErrUnknownKey) {
		t.Errorf("open after the old key went: %v", err)
	}
	if s := both.Seal("h", 4, plain); s[0] != 2 {
		t.Errorf("sealed under key %d after rotation", s[0])
	}
	if bytes.Equal(old.Seal("h", 4, plain), sealed) {
		t.Error("two seals of one text are equal")
	}
	for name, open := range map[string]func() ([]byte, error){
		"another session": func() ([]byte, error) { return old.Open("g", 4, sealed) },
		"rolled back":     func() ([]byte, error) { return old.Open("h", 3, sealed) },
		"changed":         func() ([]byte, error) { return old.Open("h", 4, append(bytes.Clone(sealed[:30]), sealed[31:]...)) },
		"cut short":       func() ([]byte, error) { return old.Open("h", 4, sealed[:sessions.SealOverhead-1]) },
		"empty":           func() ([]byte, error) { return old.Open("h", 4, nil) },
	} {
		if got, err := open(); !errors.Is(err, sessions.ErrSeal) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for name, keys := range map[string]map[byte][]byte{
		"current unknown": {1: key32(1)}, "short key": {2: key32(2)[:31]}, "none": nil,
	} {
		if _, err := sessions.NewSealer(2, keys); err == nil {
			t.Errorf("%s: NewSealer accepts it", name)
		}
	}
}

func TestHashKey(t *testing.T) {
	t.Parallel()
	a := sessions.HashKey(key32(1), "+212600000001")
	if a != sessions.HashKey(key32(1), "+212600000001") || len(a) != 22 || strings.Contains(a, "2126") {
		t.Errorf("HashKey = %q", a)
	}
	if a == sessions.HashKey(key32(1), "+212600000002") || a == sessions.HashKey(key32(2), "+212600000001") {
		t.Error("two numbers, or two keys, give one name")
	}
}

func FuzzOpen(f *testing.F) {
	s := newSealer(f, 1, map[byte][]byte{1: key32(1)})
	f.Add("h", uint64(1), s.Seal("h", 1, []byte("x")))
	f.Add("h", uint64(2), s.Seal("h", 1, []byte("x")))
	f.Fuzz(func(t *testing.T, key string, version uint64, sealed []byte) {
		if plain, err := s.Open(key, version, sealed); err == nil && (key != "h" || version != 1) {
			t.Fatalf("opened %q", plain)
		}
	})
}

func FuzzUnmarshal(f *testing.F) {
	f.Add(sessions.State{Version: 3, Blob: []byte("b"), Kept: []sessions.Kept{{Reply: []byte("r")}}}.Marshal())
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 1, 3, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := sessions.Unmarshal(b)
		if err == nil && !bytes.Equal(s.Marshal(), b) {
			t.Fatalf("%x came back as %x", b, s.Marshal())
		}
	})
}

func FuzzPack(f *testing.F) {
	for _, s := range []string{"", "@", "1234567", "12345678", "à234567", "étage €", "طلب 12", "ê", "👍"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		sessions.Unpack([]byte(s))
		if !utf8.ValidString(s) {
			return
		}
		if b := sessions.Pack(s); sessions.Unpack(b) != s || len(b) > 2*len(s)+2 {
			t.Fatalf("%q came back as %q from %x", s, sessions.Unpack(b), b)
		}
	})
}

// TestSessionSize keeps a sealed session with three sealed screens within 600
// octets, and no number or text readable in it.
func TestSessionSize(t *testing.T) {
	t.Parallel()
	r := sessionstest.StartRedis(t)
	client := r.Client()
	defer client.Close()
	store, sealer := sessions.NewRedisStore(client), newSealer(t, 1, map[byte][]byte{1: key32(1)})
	key := sessions.HashKey(key32(9), "+212600000001")
	for name, screen := range map[string]string{
		"french": "Demande 4821307\n1 Etat de la demande\n2 Prendre un rendez-vous\n3 Mes visiteurs\n0 Retour\n00 Menu",
		"arabic": "الطلب 4821307\n1 حالة الطلب\n2 حجز موعد\n3 الزوار\n0 رجوع\n00 القائمة",
	} {
		if err := client.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		state := []byte(strings.Repeat("answer;", 17))
		for v := range uint64(5) {
			request := string(rune('a' + v))
			_, err := store.Commit(t.Context(), key, v, sealer.Seal(key, v+1, state), time.Minute,
				request, sealer.Seal(request, 0, sessions.Pack(screen)))
			if err != nil {
				t.Fatal(err)
			}
		}
		value, err := client.Get(t.Context(), "u:{"+key+"}").Bytes()
		if err != nil {
			t.Fatal(err)
		}
		memory, err := client.MemoryUsage(t.Context(), "u:{"+key+"}").Result()
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d octets, %d of memory", name, len(value), memory)
		if len(value) > 600 {
			t.Errorf("%s: a session takes %d octets, 600 allowed", name, len(value))
		}
		s, err := store.Load(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		reply, _ := s.Replay("e")
		opened, err := sealer.Open("e", 0, reply)
		if err != nil || sessions.Unpack(opened) != screen {
			t.Errorf("%s: kept reply opens as %q, %v", name, sessions.Unpack(opened), err)
		}
	}
	if n, err := client.DBSize(t.Context()).Result(); n != 1 || err != nil {
		t.Errorf("%d keys for one session, %v", n, err)
	}
	if d, err := client.PTTL(t.Context(), "u:{"+key+"}").Result(); d <= 0 || d > time.Minute || err != nil {
		t.Errorf("time to live %v, %v", d, err)
	}
}

func TestRedisOptions(t *testing.T) {
	t.Parallel()
	o := sessions.RedisOptions("a:1", "b:2")
	if worst := time.Duration(1+o.MaxRetries) * (o.DialTimeout + o.ReadTimeout + o.WriteTimeout + o.PoolTimeout); worst >= 2*time.Second {
		t.Errorf("a dead Redis may hold a step for %v", worst)
	}
	if o.MaxRetries != 1 || !o.ContextTimeoutEnabled || len(o.Addrs) != 2 {
		t.Errorf("options %+v", o)
	}
}
