// Package arch holds the rules of who may import whom, as its test.
package arch

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
)

const module = "github.com/wasl-sms/wasl/"

// A pattern is a folder of this module, or the path of another module or of a
// package of the standard library. It stands for everything below too.
type pattern = string

// rule forbids imports. Test files are free of it unless it says so.
type rule struct {
	who    []pattern
	not    []pattern
	except []pattern // of not
	tests  bool      // holds for test files too
	why    string
}

var rules = []rule{
	{
		who: []pattern{"smpp", "ussd", "sessions"}, not: []pattern{"internal", "cmd", "migrations"}, tests: true,
		why: "these are libraries that others may use: they know nothing of this application",
	},
	{
		who: []pattern{"internal", "smpp", "ussd", "sessions", "migrations"}, not: []pattern{"cmd"}, tests: true,
		why: "cmd wires, nobody stands on it",
	},
	{
		who: []pattern{"internal/services"},
		not: []pattern{
			"smpp", "ussd", "sessions", "net/http", "github.com/go-chi/chi", "github.com/redis/go-redis",
			"internal/web", "internal/dialog", "internal/gateway", "internal/outbox", "internal/desk", "internal/smsc",
		},
		why: "a service knows no surface and no wire",
	},
	{
		who: []pattern{"internal/web"},
		not: []pattern{"github.com/jackc/pgx", "database/sql", "smpp", "sessions", "internal/gateway", "internal/outbox"},
		why: "pages ask the desk and the services: no SQL, no SMPP",
	},
	{
		who: []pattern{"internal/gateway", "internal/outbox"},
		not: []pattern{"internal/services", "internal/desk", "internal/web", "internal/dialog"},
		why: "below the wire's end there are messages, not permits",
	},
	{
		who: []pattern{"internal/links"},
		not: []pattern{
			"internal/services", "internal/desk", "internal/web", "internal/dialog", "internal/gateway", "internal/outbox", "smpp",
		},
		why: "both the wire's side and the staff's stand on it",
	},
	{
		who: []pattern{"internal/aggregator"},
		not: []pattern{
			"github.com/jackc/pgx", "github.com/redis/go-redis", "smpp", "sessions",
			"internal/services", "internal/desk", "internal/web", "internal/dialog", "internal/gateway", "internal/outbox", "internal/inbox", "internal/postgres",
		},
		why: "aggregators' formats end at a step of a dialogue: no SQL, no SMPP, no service",
	},
	{
		who: []pattern{"internal/form"},
		not: []pattern{
			"net", "os", "database/sql", "github.com/jackc/pgx", "github.com/redis/go-redis", "internal/postgres",
			"smpp", "ussd", "sessions",
		},
		why: "questions are pure: no channel, no input or output",
	},
	{
		who: []pattern{"internal/casework", "internal/message", "internal/text", "internal/fault", "internal/private", "internal/keys"},
		not: []pattern{
			"internal/services", "internal/person", "internal/establishment", "internal/desk", "internal/web",
			"internal/dialog", "internal/gateway", "internal/outbox", "smpp", "ussd", "sessions",
		},
		except: []pattern{"smpp/gsm"}, // counting the parts of a text
		why:    "what all cases share stands below the services",
	},
	{
		who: []pattern{"internal/person", "internal/establishment"},
		not: []pattern{"internal/services", "internal/desk", "internal/web", "internal/dialog", "internal/gateway", "internal/outbox", "smpp", "ussd", "sessions"},
		why: "people and places stand below the services",
	},
	{
		who: []pattern{"internal/desk", "internal/dialog"},
		not: []pattern{"internal/web", "internal/gateway", "internal/outbox", "smpp"}, except: []pattern{"smpp/gsm"},
		why: "decisions and conversations know neither pages nor operators",
	},
	{
		who: []pattern{"internal/dialog"}, not: []pattern{"internal/services"},
		why: "dialogues run what services declare; cmd brings the two together",
	},
	{
		who: []pattern{"internal/smsc"}, not: []pattern{"internal"}, except: []pattern{"internal/smsc"},
		why: "the stand-in is the operator's side: it must not share our understanding of a message",
	},
	{
		who: []pattern{"internal/localdb"}, not: []pattern{"internal"}, except: []pattern{"internal/localdb"},
		why: "starting a server needs none of ours",
	},
}

// betweenServices lists which service may import which other: visits fall
// with the permit they rest on.
var betweenServices = map[string][]string{"permit": {"visit"}}

// only lists modules that few may import.
var only = []struct {
	what pattern
	by   func(file string) bool
	why  string
}{
	{"github.com/fiorix/go-smpp", func(file string) bool {
		return file == "smpp/codec.go" || under(file, "smpp") && strings.HasSuffix(file, "_test.go")
	}, "the codec is behind one file"},
	{"github.com/robfig/cron", func(file string) bool { return under(file, "internal/schedule") }, "its clock loses runs: only the parser is used"},
	{"github.com/nyaruka/phonenumbers", func(file string) bool { return under(file, "internal/private") }, "numbers are private.Msisdn"},
}

// statement recognises SQL outside a store.
var statement = regexp.MustCompile(`(?is)^\s*(select\s.+\sfrom\s|insert\s+into\s|update\s+\w+\s+set\s|delete\s+from\s|with\s+\w+\s+as\s*\()`)

// check returns what the Go files below fsys break.
func check(fsys fs.FS) ([]string, error) {
	var broken []string
	err := fs.WalkDir(fsys, ".", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if name := d.Name(); name == "testdata" || name == "node_modules" || len(name) > 1 && name[0] == '.' || ownModule(fsys, file) {
				return fs.SkipDir
			}
			return nil
		case path.Ext(file) != ".go":
			return nil
		}
		src, err := fs.ReadFile(fsys, file)
		if err != nil {
			return err
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, src, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		broken = append(broken, checkFile(file, tree)...)
		return nil
	})
	return broken, err
}

// ownModule reports whether a folder is a module of its own, which the program
// cannot import.
func ownModule(fsys fs.FS, folder string) bool {
	_, err := fs.Stat(fsys, path.Join(folder, "go.mod"))
	return folder != "." && err == nil
}

func checkFile(file string, tree *ast.File) (broken []string) {
	test := strings.HasSuffix(file, "_test.go") || forTests(path.Dir(file))
	for _, spec := range tree.Imports {
		full, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		imported := strings.TrimPrefix(full, module)
		for _, why := range refused(file, imported, test) {
			broken = append(broken, fmt.Sprintf("%s imports %s: %s", file, imported, why))
		}
	}
	if !test && !strings.HasPrefix(path.Base(file), "store") && under(file, "internal") && !under(file, "internal/postgres", "internal/arch") {
		ast.Inspect(tree, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if s, err := strconv.Unquote(lit.Value); err == nil && statement.MatchString(s) {
					broken = append(broken, fmt.Sprintf("%s holds SQL (%.40q): it belongs in a store.go", file, s))
				}
			}
			return true
		})
	}
	return broken
}

func refused(file, imported string, test bool) (why []string) {
	for _, r := range rules {
		if under(file, r.who...) && under(imported, r.not...) && !under(imported, r.except...) && (!test || r.tests) {
			why = append(why, r.why)
		}
	}
	for _, o := range only {
		if under(imported, o.what) && !o.by(file) {
			why = append(why, o.why)
		}
	}
	if forTests(imported) && !test {
		why = append(why, "only tests may use what is made for tests")
	}
	const services = "internal/services/"
	if under(file, services) && under(imported, services) && !test {
		from, _, _ := strings.Cut(strings.TrimPrefix(file, services), "/")
		to, _, _ := strings.Cut(strings.TrimPrefix(imported, services), "/")
		if from != to && !slices.Contains(betweenServices[from], to) {
			why = append(why, "one service does not stand on another, but "+fmt.Sprint(betweenServices))
		}
	}
	return why
}

// forTests reports whether a package of ours is made for tests: smpptest.
func forTests(pkg string) bool {
	return strings.HasSuffix(path.Base(pkg), "test") && under(pkg, "internal", "smpp", "ussd", "sessions")
}

// under reports whether p is one of the folders or modules, or lies in one.
func under(p string, folders ...pattern) bool {
	return slices.ContainsFunc(folders, func(f pattern) bool {
		f = strings.TrimSuffix(f, "/")
		return p == f || strings.HasPrefix(p, f+"/")
	})
}
