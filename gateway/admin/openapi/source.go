package openapi

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

const module = "github.com/llm-hub/llm-hub/"

// source is what the source says of types, by package, then by `Type` and
// `Type.Field`.
type source map[string]map[string]string

// comment describes an object by the comments on its type and fields, and says which
// lists are left out rather than null.
func (w *writer) comment(t reflect.Type, s *huma.Schema) {
	if t.Kind() != reflect.Struct {
		return
	}
	if s.Description == "" && !strings.Contains(t.Name(), "[") {
		s.Description = w.source.of(t, "")
	}
	for _, f := range reflect.VisibleFields(t) {
		key, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		p := s.Properties[key]
		if p == nil {
			continue
		}
		if p.Description == "" {
			p.Description = w.source.of(owner(t, f.Index), "."+f.Name)
		}
		if p.Type == huma.TypeArray && strings.Contains(options, "omit") {
			p.Nullable = false // it is left out
		}
	}
}

// owner is the type that a field was declared in.
func owner(t reflect.Type, index []int) reflect.Type {
	for _, i := range index[:len(index)-1] {
		for t = t.Field(i).Type; t.Kind() == reflect.Pointer; {
			t = t.Elem()
		}
	}
	return t
}

// of is the comment on a type, or on a field of it, in one line.
func (s source) of(t reflect.Type, field string) string {
	pkg := t.PkgPath()
	if s[pkg] == nil {
		s[pkg] = comments(pkg)
	}
	name, _, _ := strings.Cut(t.Name(), "[")
	return s[pkg][name+field]
}

// comments reads the source of a package of this module; of others it knows nothing.
func comments(pkg string) map[string]string {
	out := map[string]string{}
	dir, ours := strings.CutPrefix(pkg, module)
	if !ours {
		return out
	}
	files, _ := filepath.Glob(filepath.Join(root(), dir, "*.go")) // the pattern is well-formed
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			continue // it does not compile either
		}
		ast.Inspect(file, func(n ast.Node) bool {
			d, ok := n.(*ast.GenDecl)
			if !ok || d.Tok != token.TYPE {
				return true
			}
			for _, s := range d.Specs {
				ofType(out, d, s.(*ast.TypeSpec))
			}
			return false
		})
	}
	return out
}

// root is the directory of the module that the process was started in, as tests are.
// What the compiler knows of it is no help: a build with -trimpath forgets it.
func root() string {
	dir, _ := os.Getwd() // of an empty one nothing is found
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

func ofType(out map[string]string, d *ast.GenDecl, s *ast.TypeSpec) {
	name := s.Name.Name
	if out[name] = line(s.Doc); s.Doc == nil {
		out[name] = line(d.Doc)
	}
	fields, ok := s.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, f := range fields.Fields.List {
		text := line(f.Doc)
		if text == "" {
			text = line(f.Comment)
		}
		for _, n := range f.Names {
			out[name+"."+n.Name] = text
		}
	}
}

func line(c *ast.CommentGroup) string { return strings.Join(strings.Fields(c.Text()), " ") }
