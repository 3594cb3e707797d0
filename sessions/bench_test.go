package sessions_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/sessions"
	"github.com/wasl-sms/wasl/sessions/sessionstest"
)

// BenchmarkStep is one step of a dialogue as the store sees it: load, open,
// seal, commit.
func BenchmarkStep(b *testing.B) {
	for name, open := range map[string]func() sessions.Store{
		"memory": func() sessions.Store { return sessions.NewMemoryStore(nil) },
		"redis":  func() sessions.Store { return openRedis(b, sessionstest.StartRedis(b)) },
	} {
		b.Run(name, func(b *testing.B) {
			store, sealer := open(), newSealer(b, 1, map[byte][]byte{1: key32(1)})
			state, screen := bytes.Repeat([]byte("answer;"), 17), sessions.Pack("1 Permis\n2 Visite\n0 Retour")
			version := uint64(0)
			b.ReportAllocs()
			for b.Loop() {
				s, err := store.Load(b.Context(), "k")
				if err == nil {
					if state, err = sealer.Open("k", s.Version, s.Blob); err != nil {
						b.Fatal(err)
					}
				}
				version = s.Version + 1
				request := time.Duration(version).String()
				out, err := store.Commit(b.Context(), "k", s.Version, sealer.Seal("k", version, state), time.Minute,
					request, sealer.Seal(request, 0, screen))
				if err != nil || out.Kind != sessions.Applied {
					b.Fatal(out.Kind, err)
				}
			}
		})
	}
}
