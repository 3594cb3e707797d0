package gateway

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/wasl-sms/wasl/ussd"
)

// LoadOperators reads an operators file. Password and CA files are looked for
// beside it.
func LoadOperators(path string) (Operators, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("operators file: %w", err)
	}
	ops, err := ParseOperators(string(text), filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("operators file %s: %w", path, err)
	}
	return ops, nil
}

// ParseOperators reads the text of an operators file, and checks it: an error
// says which operator and what to change.
func ParseOperators(text, dir string) (Operators, error) {
	// The dialect starts from a shipped one, whose name is read first.
	type withUSSD struct {
		Operator
		USSD *toml.Primitive `toml:"ussd"`
	}
	var file struct {
		Operator []withUSSD `toml:"operator"`
	}
	meta, err := toml.Decode(text, &file)
	if err != nil {
		return nil, err
	}
	var ops Operators
	for i, o := range file.Operator {
		op := o.Operator
		if o.USSD != nil {
			if op.USSD, err = readDialect(meta, *o.USSD); err != nil {
				return nil, fmt.Errorf("operator %q: ussd: %w", op.Name, err)
			}
		}
		if op.Name == "" {
			return nil, fmt.Errorf("operator %d has no name: give it one", i+1)
		}
		if err := op.complete(dir); err != nil {
			return nil, fmt.Errorf("operator %q: %w", op.Name, err)
		}
		ops = append(ops, op)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return nil, fmt.Errorf("unknown setting %q: correct or remove it", unknown[0])
	}
	return ops, ops.agree()
}

func readDialect(meta toml.MetaData, p toml.Primitive) (*ussd.Dialect, error) {
	var base struct {
		Dialect string `toml:"dialect"`
	}
	if err := meta.PrimitiveDecode(p, &base); err != nil {
		return nil, err
	}
	if base.Dialect == "" {
		base.Dialect = "spec"
	}
	d, ok := ussd.Lookup(base.Dialect)
	if !ok {
		var names []string
		for _, d := range ussd.Shipped() {
			names = append(names, d.Name)
		}
		return nil, fmt.Errorf("no dialect %q: take one of %s", base.Dialect, strings.Join(names, ", "))
	}
	if err := meta.PrimitiveDecode(p, &d); err != nil {
		return nil, err
	}
	return &d, d.Validate()
}
