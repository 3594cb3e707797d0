// Package postgrestest checks every SQL statement of the program against the
// migrated schema, as a generator would, without one.
package postgrestest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/wasl-sms/wasl/internal/localdb/dbtest"
)

// Statement is a string constant named sqlSomething in a file store*.go.
type Statement struct {
	Where string // file and name
	SQL   string
}

// PrepareAll lets PostgreSQL parse, resolve and plan every statement found
// below fsys. It returns how many there were.
func PrepareAll(t *testing.T, fsys fs.FS) int {
	t.Helper()
	statements, err := Find(fsys)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := dbtest.New(t).Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	for _, s := range statements {
		if _, err := conn.Conn().Prepare(t.Context(), "", s.SQL); err != nil {
			t.Errorf("%s: %v\n%s", s.Where, err, s.SQL)
		}
	}
	return len(statements)
}

// Find returns every statement below fsys. A constant may be put together
// from other constants of its package.
func Find(fsys fs.FS) ([]Statement, error) {
	var dirs []string
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			dirs = append(dirs, p)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	var found []Statement
	for _, dir := range dirs {
		s, err := inPackage(fsys, dir)
		if err != nil {
			return nil, err
		}
		found = append(found, s...)
	}
	return found, nil
}

func inPackage(fsys fs.FS, dir string) ([]Statement, error) {
	files, err := fs.Glob(fsys, path.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	constants := map[string]ast.Expr{}
	type named struct{ file, name string }
	var statements []named
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		src, err := fs.ReadFile(fsys, file)
		if err != nil {
			return nil, err
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, src, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for name, value := range packageConstants(tree) {
			constants[name] = value
			if strings.HasPrefix(name, "sql") && strings.HasPrefix(path.Base(file), "store") {
				statements = append(statements, named{file, name})
			}
		}
	}
	slices.SortFunc(statements, func(a, b named) int { return strings.Compare(a.file+a.name, b.file+b.name) })
	found := make([]Statement, 0, len(statements))
	for _, s := range statements {
		sql, err := evaluate(constants[s.name], constants)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", s.file, s.name, err)
		}
		found = append(found, Statement{Where: s.file + ": " + s.name, SQL: sql})
	}
	return found, nil
}

func packageConstants(tree *ast.File) map[string]ast.Expr {
	found := map[string]ast.Expr{}
	for _, decl := range tree.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.CONST {
			continue
		}
		for _, spec := range gen.Specs {
			v, ok := spec.(*ast.ValueSpec)
			if !ok || len(v.Names) != len(v.Values) {
				continue
			}
			for i, name := range v.Names {
				found[name.Name] = v.Values[i]
			}
		}
	}
	return found
}

// evaluate works out a constant made of literals, names and +.
func evaluate(e ast.Expr, constants map[string]ast.Expr) (string, error) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", fmt.Errorf("%s is no string", e.Value)
		}
		return strconv.Unquote(e.Value)
	case *ast.ParenExpr:
		return evaluate(e.X, constants)
	case *ast.Ident:
		if of, ok := constants[e.Name]; ok {
			return evaluate(of, constants)
		}
		return "", fmt.Errorf("%s is no constant of this package", e.Name)
	case *ast.BinaryExpr:
		x, err := evaluate(e.X, constants)
		if err != nil {
			return "", err
		}
		y, err := evaluate(e.Y, constants)
		return x + y, err
	}
	return "", fmt.Errorf("a statement must be put together from literals and constants of its package, not %T", e)
}
