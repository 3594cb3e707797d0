package keys

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"
)

const header = `# Keys of this Wasl. Keep a copy apart from the database's backups: without
# this file nobody can read its sealed columns, with both anybody can.
# To renew a key of kind seal, add a line with the next id; keep the old one.
`

// Load reads a key file.
func Load(path string) (*Ring, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	if info.Mode().Perm()&0o007 != 0 {
		return nil, fmt.Errorf("key file %s can be read by everybody on this machine: chmod 600 %s", path, path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	r, err := parse(b)
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return r, nil
}

// LoadOrCreate reads the key file, making it first if there is none. made
// tells, so that the caller can warn: keys made by the machine that also has
// the data are for trying out.
func LoadOrCreate(path string) (r *Ring, made bool, err error) {
	if _, err := os.Stat(path); err == nil {
		r, err := Load(path)
		return r, false, err
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, false, fmt.Errorf("key file: %w", err)
	}
	if err := create(path); err != nil {
		return nil, false, fmt.Errorf("make a key file: %w", err)
	}
	r, err = Load(path) // two processes may have begun at once: one file counts
	return r, true, err
}

// New makes a ring that is kept nowhere, for tests.
func New() *Ring {
	r, err := parse(fresh())
	if err != nil {
		panic(err)
	}
	return r
}

// create puts a whole file in its place, or leaves the one that is there.
func create(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".keys-*") // 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(fresh())
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

func fresh() []byte {
	b := []byte(header)
	for _, p := range purposes {
		key := make([]byte, chacha20poly1305.KeySize)
		_, _ = rand.Read(key) // ends the process rather than fail
		b = fmt.Appendf(b, "%s 1 %s\n", p, base64.StdEncoding.EncodeToString(key))
	}
	return b
}

// parse reads a file. Its errors name lines, never what is on them.
func parse(b []byte) (*Ring, error) {
	r := &Ring{keys: map[string]map[byte][]byte{}}
	for _, p := range purposes {
		r.keys[p] = map[byte][]byte{}
	}
	lines := bufio.NewScanner(bytes.NewReader(b))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		words := strings.Fields(line)
		if len(words) != 3 {
			return nil, fmt.Errorf("line %d: want a kind, an id and a key", n)
		}
		of, known := r.keys[words[0]]
		if !known {
			return nil, fmt.Errorf("line %d: the kind of key must be one of %s", n, strings.Join(purposes, ", "))
		}
		id, err := strconv.ParseUint(words[1], 10, 8)
		if err != nil || id == 0 {
			return nil, fmt.Errorf("line %d: the id must be a number from 1 to 255", n)
		}
		key, err := base64.StdEncoding.DecodeString(words[2])
		if err != nil || len(key) != chacha20poly1305.KeySize {
			return nil, fmt.Errorf("line %d: the key must be %d bytes in base64", n, chacha20poly1305.KeySize)
		}
		if of[byte(id)] != nil {
			return nil, fmt.Errorf("line %d: %s %d is there twice", n, words[0], id)
		}
		of[byte(id)] = key
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	for _, p := range purposes {
		if len(r.keys[p]) == 0 {
			return nil, fmt.Errorf("there is no key of kind %s", p)
		}
	}
	return r, nil
}
