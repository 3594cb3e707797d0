package keys_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/wasl-sms/wasl/internal/keys"
)

func TestSealedValueOpensInItsPlaceOnly(t *testing.T) {
	t.Parallel()
	ring := keys.New()
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		row := rapid.Int64().Draw(t, "row")
		sealed, err := ring.Seal("account", "number", row, plain)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ring.Open("account", "number", row, sealed)
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("Open = %x, %v; want %x", got, err, plain)
		}
		at := rapid.IntRange(0, len(sealed)-1).Draw(t, "at")
		changed := bytes.Clone(sealed)
		changed[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		for name, open := range map[string]func() ([]byte, error){
			"other table":  func() ([]byte, error) { return ring.Open("visitor", "number", row, sealed) },
			"other column": func() ([]byte, error) { return ring.Open("account", "name", row, sealed) },
			"shifted name": func() ([]byte, error) { return ring.Open("accountnumber", "", row, sealed) },
			"other row":    func() ([]byte, error) { return ring.Open("account", "number", row+1, sealed) },
			"changed":      func() ([]byte, error) { return ring.Open("account", "number", row, changed) },
			"cut":          func() ([]byte, error) { return ring.Open("account", "number", row, sealed[:at]) },
			"other ring":   func() ([]byte, error) { return keys.New().Open("account", "number", row, sealed) },
		} {
			if _, err := open(); !errors.Is(err, keys.ErrSealed) {
				t.Fatalf("%s: %v", name, err)
			}
		}
	})
}

func mustSeal(t *testing.T, r *keys.Ring) []byte {
	t.Helper()
	sealed, err := r.Seal("t", "c", 1, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestBlindIndex(t *testing.T) {
	t.Parallel()
	a, b := keys.New(), keys.New()
	one := a.BlindIndex("msisdn", "+212612345678")
	if !bytes.Equal(one, a.BlindIndex("msisdn", "+212612345678")) || len(one) != 32 {
		t.Error("not the same again")
	}
	for name, other := range map[string][]byte{
		"value": a.BlindIndex("msisdn", "+212612345679"),
		"kind":  a.BlindIndex("id", "+212612345678"),
		"ring":  b.BlindIndex("msisdn", "+212612345678"),
		"use":   a.CodeMAC("msisdn\x00+212612345678"),
	} {
		if bytes.Equal(one, other) {
			t.Errorf("another %s has the same index", name)
		}
	}
}

func TestFileIsMadeOnceAndPrivate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new", "keys")
	var rings [8]*keys.Ring
	var wg sync.WaitGroup
	for i := range rings {
		wg.Go(func() {
			var err error
			if rings[i], _, err = keys.LoadOrCreate(path); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	sealed := mustSeal(t, rings[0])
	for i, r := range rings {
		if _, err := r.Open("t", "c", 1, sealed); err != nil {
			t.Errorf("ring %d: %v", i, err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if _, made, err := keys.LoadOrCreate(path); made || err != nil {
		t.Errorf("made again: %t, %v", made, err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".keys-*")); left != nil {
		t.Errorf("left behind: %v", left)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Load(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file for everybody: %v", err)
	}
}

func TestRenewedKeyStillOpensTheOld(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys")
	before, _, err := keys.LoadOrCreate(path)
	if err != nil {
		t.Fatal(err)
	}
	old := mustSeal(t, before)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(f, "seal 2", base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32)))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	after, err := keys.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := after.Open("t", "c", 1, old); string(got) != "x" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	fresh := mustSeal(t, after)
	if !after.Outdated(old) || after.Outdated(fresh) {
		t.Error("outdated values are not told from fresh ones")
	}
	if _, err := before.Open("t", "c", 1, fresh); !errors.Is(err, keys.ErrSealed) {
		t.Errorf("opened without the key: %v", err)
	}
}

func TestBadFileIsExplainedWithoutTellingKeys(t *testing.T) {
	t.Parallel()
	key := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
	for in, want := range map[string]string{
		"":                                       "no key of kind seal",
		"seal 1":                                 "line 1: want a kind",
		"\nzeal 1 " + key:                        "line 2: the kind of key",
		"seal 0 " + key:                          "line 1: the id",
		"seal 256 " + key:                        "line 1: the id",
		"seal 1 " + key[:40]:                     "line 1: the key must be 32 bytes",
		"seal 1 " + key + "\n" + "seal 1 " + key: "line 2: seal 1 is there twice",
		"seal 1 " + key + "\npepper 1 " + key:    "no key of kind index",
		"seal 1 " + strings.Repeat("A", 100_000): "too long",
	} {
		path := filepath.Join(t.TempDir(), "keys")
		if err := os.WriteFile(path, []byte(in), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := keys.Load(path)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), key[:8]) {
			t.Errorf("%.20q: %v; want %q", in, err, want)
		}
	}
}

func TestRingDoesNotPrint(t *testing.T) {
	t.Parallel()
	ring := keys.New()
	b, err := json.Marshal(map[string]any{"ring": ring})
	if err != nil {
		t.Fatal(err)
	}
	out := fmt.Sprintf("%v %+v %#v %s %x %d %s", ring, ring, ring, ring, ring, ring, b)
	if strings.Contains(out, "[") || strings.Count(out, "keys:…") != 7 {
		t.Error(out)
	}
}
