package texttest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/wasl-sms/wasl/internal/text"
)

// takers are the functions whose first argument is the key of a text.
var takers = []string{"L", "Label", "Key", "Invalid", "NotFound", "Conflict", "Forbidden", "Unavailable", "Internal", "Again"}

// fields hold the key of a text in a declaration.
var fields = []string{"AskKey", "Label"}

var keyShape = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[A-Za-z0-9_]*)+$`)

// Used fails the test for every text that the program's Go files name and the
// catalogue lacks. Of a key that is put together, its beginning must be there.
// A surface may word some texts its own way, under a prefix.
func Used(t testing.TB, c *text.Catalogue, root fs.FS, prefixes ...string) {
	t.Helper()
	faults, err := unknown(c, root, prefixes...)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range faults {
		t.Error(f)
	}
}

func unknown(c *text.Catalogue, root fs.FS, prefixes ...string) (faults []string, err error) {
	err = fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || strings.HasSuffix(d.Name(), "test")) {
			return fs.SkipDir
		}
		if d.IsDir() || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		src, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, src, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			key, whole := named(n)
			if key == "" {
				return true
			}
			own := slices.ContainsFunc(prefixes, func(p string) bool { return there(c, p+key, whole) })
			if !own && !there(c, key, whole) {
				faults = append(faults, fmt.Sprintf("%s: no text %s in the catalogue", files.Position(n.Pos()), key))
			}
			return true
		})
		return nil
	})
	return faults, err
}

// named gives the key a piece of Go names as a text; whole is false when only
// its beginning is written there.
func named(n ast.Node) (key string, whole bool) {
	var value ast.Expr
	switch n := n.(type) {
	case *ast.CallExpr:
		if f, ok := n.Fun.(*ast.SelectorExpr); ok && len(n.Args) > 0 && slices.Contains(takers, f.Sel.Name) {
			value = n.Args[0]
		}
	case *ast.KeyValueExpr:
		if f, ok := n.Key.(*ast.Ident); ok && slices.Contains(fields, f.Name) {
			value = n.Value
		}
	}
	whole = true
	for {
		sum, ok := value.(*ast.BinaryExpr)
		if !ok {
			break
		}
		value, whole = sum.X, false
	}
	literal, ok := value.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return "", false
	}
	key, err := strconv.Unquote(literal.Value)
	if err != nil || !keyShape.MatchString(key) {
		return "", false
	}
	return key, whole
}

func there(c *text.Catalogue, key string, whole bool) bool {
	if whole {
		return c.Has(text.Key(key))
	}
	return slices.ContainsFunc(c.All(), func(t *text.Text) bool { return strings.HasPrefix(string(t.Key), key) })
}
