package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/wasl-sms/wasl/internal/gateway"
	"github.com/wasl-sms/wasl/smpp"
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

// pages are all that is written for people.
func pages(t *testing.T) (all []string) {
	t.Helper()
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/adr/*.md"} {
		found, err := fs.Glob(os.DirFS("../.."), pattern)
		if err != nil || len(found) < 5 {
			t.Fatalf("%d pages are %s: %v", len(found), pattern, err)
		}
		all = append(all, found...)
	}
	return all
}

var link = regexp.MustCompile(`\]\(([^)#:]+)\)`)

func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	for _, from := range pages(t) {
		for _, to := range link.FindAllStringSubmatch(page(t, from), -1) {
			if _, err := os.Stat(filepath.Join("../..", path.Dir(from), to[1])); err != nil {
				t.Errorf("%s: %v", from, err)
			}
		}
	}
}

var testName = regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w+)`")

func TestNamedTestsExist(t *testing.T) {
	t.Parallel()
	exists := map[string]bool{}
	walk(t, func(file string, src []byte) {
		for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`).FindAllSubmatch(src, -1) {
			exists[string(m[1])] = true
		}
	})
	for _, name := range pages(t) {
		for _, m := range testName.FindAllStringSubmatch(page(t, name), -1) {
			if !exists[m[1]] {
				t.Errorf("%s names %s, which is no test", name, m[1])
			}
		}
	}
}

// Every PDU, parameter and status that package smpp knows has its line, and
// every line that says what happens names a test.
func TestConformancePage(t *testing.T) {
	t.Parallel()
	text := page(t, "docs/smpp-conformance.md")
	for _, c := range constants(t, "command.go", "Command") {
		if name := smpp.Command(c).String(); !strings.Contains(text, "`"+name+"`") || !strings.Contains(text, fmt.Sprintf("0x%08X", c)) {
			t.Errorf("docs/smpp-conformance.md has no line for %s, 0x%08X", name, c)
		}
	}
	for _, c := range constants(t, "tlv.go", "Tag") {
		if !strings.Contains(text, fmt.Sprintf("` | 0x%04X |", c)) {
			t.Errorf("docs/smpp-conformance.md has no line for the parameter 0x%04X", c)
		}
	}
	for _, c := range constants(t, "status.go", "Status") {
		if name := smpp.Status(c).Name(); strings.HasPrefix(name, "ESME_") && !strings.Contains(text, "`"+name+"`") {
			t.Errorf("docs/smpp-conformance.md does not say what %s means", name)
		}
	}
	_, tables, _ := strings.Cut(text, "## PDUs")
	for line := range strings.Lines(tables) {
		if strings.HasPrefix(line, "| `") && !testName.MatchString(line) {
			t.Errorf("no test is named for %s", line)
		}
	}
}

// constants reads those of one type from a file of package smpp.
func constants(t *testing.T, file, typeName string) []uint32 {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), filepath.Join("../../smpp", file), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var all []uint32
	ast.Inspect(tree, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if id, ok := spec.Type.(*ast.Ident); ok && id.Name == typeName {
			v, err := strconv.ParseUint(spec.Values[0].(*ast.BasicLit).Value, 0, 32)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, uint32(v))
		}
		return true
	})
	if len(all) < 20 {
		t.Fatalf("%s has %d constants of type %s", file, len(all), typeName)
	}
	return all
}

func TestEveryPackageIsOnTheMap(t *testing.T) {
	t.Parallel()
	text := page(t, "ARCHITECTURE.md")
	folders := map[string]bool{}
	walk(t, func(file string, _ []byte) { folders[path.Dir(file)] = true })
	for folder := range folders {
		if !forTests(folder) && !strings.Contains(text, "`"+folder+"`") {
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
	for _, of := range []reflect.Type{reflect.TypeFor[gateway.Operator](), reflect.TypeFor[gateway.Bind](), reflect.TypeFor[gateway.Parameter](), reflect.TypeFor[gateway.Statuses](), reflect.TypeFor[ussd.Dialect](), reflect.TypeFor[ussd.Budget]()} {
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
