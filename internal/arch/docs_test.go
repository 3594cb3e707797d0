package arch

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/wasl-sms/wasl/internal/gateway"
	"github.com/wasl-sms/wasl/ussd"
)

// What the papers say of the tree is looked up in the tree.

func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var link = regexp.MustCompile(`\]\(([^)#:]+)\)`)

func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	for _, from := range []string{"README.md", "ARCHITECTURE.md", "HACKING.md", "DEPENDENCIES.md", "SECURITY.md", "CHANGELOG.md", "docs/operators.md"} {
		for _, to := range link.FindAllStringSubmatch(page(t, from), -1) {
			if _, err := os.Stat(filepath.Join("../..", path.Dir(from), to[1])); err != nil {
				t.Errorf("%s: %v", from, err)
			}
		}
	}
}

var testName = regexp.MustCompile("`(Test[A-Z]\\w+)`")

func TestNamedTestsExist(t *testing.T) {
	t.Parallel()
	exists := map[string]bool{}
	walk(t, func(file string, src []byte) {
		for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllSubmatch(src, -1) {
			exists[string(m[1])] = true
		}
	})
	for _, name := range []string{"ARCHITECTURE.md", "SECURITY.md"} {
		for _, m := range testName.FindAllStringSubmatch(page(t, name), -1) {
			if !exists[m[1]] {
				t.Errorf("%s names %s, which is no test", name, m[1])
			}
		}
	}
}

func TestEveryPackageIsOnTheMap(t *testing.T) {
	t.Parallel()
	text := page(t, "ARCHITECTURE.md")
	folders := map[string]bool{}
	walk(t, func(file string, _ []byte) { folders[path.Dir(file)] = true })
	for folder := range folders {
		if !forTests(folder) && !strings.HasSuffix(folder, "bench") && !strings.Contains(text, "`"+folder+"`") {
			t.Errorf("ARCHITECTURE.md does not say what %s is for", folder)
		}
	}
}

func TestEveryDependencyHasItsReason(t *testing.T) {
	t.Parallel()
	imported := map[string]bool{}
	walk(t, func(file string, src []byte) {
		tree, err := parser.ParseFile(token.NewFileSet(), file, src, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range tree.Imports {
			if full := strings.Trim(i.Path.Value, `"`); !strings.HasSuffix(file, "_test.go") && !forTests(path.Dir(file)) {
				imported[full] = true
			}
		}
	})
	text := page(t, "DEPENDENCIES.md")
	direct, _, _ := strings.Cut(page(t, "go.mod"), "\n)")
	product := 0
	for _, m := range regexp.MustCompile(`(?m)^\t(\S+) v`).FindAllStringSubmatch(direct, -1) {
		module := m[1]
		if !strings.Contains(text, "`"+strings.TrimPrefix(module, "github.com/")+"`") {
			t.Errorf("DEPENDENCIES.md gives no reason for %s", module)
		}
		for i := range imported {
			if under(i, module) {
				product++
				break
			}
		}
	}
	if product > 18 {
		t.Errorf("%d direct dependencies: which of them can go?", product)
	}
}

func TestEveryOperatorSettingIsExplained(t *testing.T) {
	t.Parallel()
	text := page(t, "docs/operators.md")
	for _, of := range []reflect.Type{reflect.TypeFor[gateway.Operator](), reflect.TypeFor[gateway.Bind](), reflect.TypeFor[ussd.Dialect](), reflect.TypeFor[ussd.Budget]()} {
		for f := range of.Fields() {
			tag, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
			if tag != "" && tag != "-" && !strings.Contains(text, "`"+tag+"`") && !strings.Contains(text, "[operator."+tag+"]") {
				t.Errorf("docs/operators.md does not explain %s of %s", tag, of)
			}
		}
	}
	_, example, _ := strings.Cut(text, "```toml\n")
	example, _, _ = strings.Cut(example, "```")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "north.password"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if ops, err := gateway.ParseOperators(example, dir); err != nil || len(ops) != 1 {
		t.Errorf("the example gives %d operators, %v", len(ops), err)
	}
}

// walk visits every Go file of the module.
func walk(t *testing.T, visit func(file string, src []byte)) {
	t.Helper()
	tree := os.DirFS("../..")
	err := fs.WalkDir(tree, ".", func(file string, d fs.DirEntry, err error) error {
		name := d.Name()
		if err == nil && d.IsDir() && (name == "testdata" || name == "node_modules" || len(name) > 1 && name[0] == '.') {
			return fs.SkipDir
		}
		if err != nil || path.Ext(file) != ".go" {
			return err
		}
		src, err := fs.ReadFile(tree, file)
		visit(file, src)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
