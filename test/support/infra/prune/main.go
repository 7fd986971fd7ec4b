// Leaves parts out of copies of Go modules: `prune PLACE IMPORT... [-- PLACE IMPORT...]...`.
//
// A program that speaks to every cloud there is takes ten times as long to build as what a test needs of it. In each
// file at or below PLACE that imports one of the packages, this takes out what uses it: an entry of a table, a case, a
// statement or a declaration, and then what used that.
package main

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	words := os.Args[1:]
	for len(words) > 0 {
		end := 0
		for end < len(words) && words[end] != "--" {
			end++
		}
		prune(words[0], words[1:end])
		words = words[min(end+1, len(words)):]
	}
}

func unwanted(imported string, prefixes []string) bool {
	for _, prefix := range prefixes {
		if imported == prefix || strings.HasPrefix(imported, prefix+"/") {
			return true
		}
	}
	return false
}

func prune(place string, imports []string) {
	must(filepath.WalkDir(place, func(file string, entry os.DirEntry, err error) error {
		must(err)
		if entry.IsDir() && (entry.Name() == "testdata" || strings.HasPrefix(entry.Name(), ".")) {
			return filepath.SkipDir
		}
		if strings.HasSuffix(file, ".go") && !strings.HasSuffix(file, "_test.go") {
			pruneFile(file, imports)
		}
		return nil
	}))
}

func pruneFile(file string, imports []string) {
	fset := token.NewFileSet()
	head, err := parser.ParseFile(fset, file, nil, parser.ImportsOnly)
	must(err)
	names := map[string]bool{}
	found := false
	for _, spec := range head.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		must(err)
		if !unwanted(imported, imports) {
			continue
		}
		found = true
		if name := nameOf(spec, imported); name != "_" {
			names[name] = true
		}
	}
	if !found {
		return
	}
	parsed, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution)
	must(err)
	before := usedNames(parsed)
	for cut(parsed, names) {
	}
	tidyImports(parsed, imports, before)
	text := bytes.NewBufferString(constraint(file))
	must(format.Node(text, fset, parsed))
	must(os.WriteFile(file, text.Bytes(), 0o644))
}

func nameOf(spec *ast.ImportSpec, imported string) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	base := path.Base(imported)
	if len(base) > 1 && base[0] == 'v' && strings.Trim(base[1:], "0123456789") == "" {
		base = path.Base(path.Dir(imported))
	}
	return base
}

// Whether something below the node is one of the names: `name.X`, or a declaration of this file that is gone.
func uses(node ast.Node, names map[string]bool) bool {
	found := false
	ast.Inspect(node, func(inner ast.Node) bool {
		switch inner := inner.(type) {
		case *ast.SelectorExpr:
			found = found || uses(inner.X, names)
			return false
		case *ast.KeyValueExpr:
			found = found || uses(inner.Value, names)
			return false
		case *ast.Ident:
			found = found || names[inner.Name]
		}
		return !found
	})
	return found
}

func keep[T ast.Node](nodes []T, names map[string]bool, removed *bool, may func(T) bool) []T {
	kept := nodes[:0]
	for _, node := range nodes {
		if may(node) && uses(node, names) {
			*removed = true
		} else {
			kept = append(kept, node)
		}
	}
	return kept
}

// Takes out the smallest things that use a name, innermost first, and learns the names of declarations that went.
func cut(file *ast.File, names map[string]bool) bool {
	removed := false
	var visit func(node ast.Node)
	visit = func(node ast.Node) {
		ast.Inspect(node, func(inner ast.Node) bool {
			if inner == node {
				return true
			}
			switch inner.(type) {
			case *ast.CompositeLit, *ast.BlockStmt:
				visit(inner)
				return false
			}
			return inner != nil
		})
		switch node := node.(type) {
		case *ast.CompositeLit:
			node.Elts = keep(node.Elts, names, &removed, func(elt ast.Expr) bool {
				pair, is := elt.(*ast.KeyValueExpr)
				if !is {
					return false
				}
				_, literal := pair.Key.(*ast.BasicLit)
				return literal
			})
		case *ast.BlockStmt:
			node.List = keep(node.List, names, &removed, func(stmt ast.Stmt) bool {
				switch stmt := stmt.(type) {
				case *ast.SwitchStmt, *ast.ForStmt, *ast.RangeStmt, *ast.IfStmt, *ast.ReturnStmt, *ast.DeclStmt:
					return false
				case *ast.AssignStmt:
					// What comes after it needs the name: then all of it goes.
					return stmt.Tok != token.DEFINE
				}
				return true
			})
		}
	}
	for _, decl := range file.Decls {
		visit(decl)
	}
	file.Decls = keep(file.Decls, names, &removed, func(decl ast.Decl) bool {
		general, is := decl.(*ast.GenDecl)
		if is && general.Tok == token.IMPORT {
			return false
		}
		if !uses(decl, names) {
			return false
		}
		for _, name := range declared(decl) {
			names[name] = true
		}
		return true
	})
	return removed
}

func declared(decl ast.Decl) []string {
	switch decl := decl.(type) {
	case *ast.FuncDecl:
		if decl.Recv == nil {
			return []string{decl.Name.Name}
		}
	case *ast.GenDecl:
		found := []string{}
		for _, spec := range decl.Specs {
			switch spec := spec.(type) {
			case *ast.ValueSpec:
				for _, name := range spec.Names {
					found = append(found, name.Name)
				}
			case *ast.TypeSpec:
				found = append(found, spec.Name.Name)
			}
		}
		return found
	}
	return nil
}

// The packages that are unwanted, and those that nothing is left to use.
func tidyImports(file *ast.File, imports []string, before map[string]bool) {
	after := usedNames(file)
	for _, decl := range file.Decls {
		general, is := decl.(*ast.GenDecl)
		if !is || general.Tok != token.IMPORT {
			continue
		}
		kept := general.Specs[:0]
		for _, spec := range general.Specs {
			spec := spec.(*ast.ImportSpec)
			imported, err := strconv.Unquote(spec.Path.Value)
			must(err)
			name := nameOf(spec, imported)
			if !unwanted(imported, imports) && (after[name] || !before[name]) {
				kept = append(kept, spec)
			}
		}
		general.Specs = kept
	}
}

// All of them but those of imports, whose packages may be called otherwise than they look.
func usedNames(file *ast.File) map[string]bool {
	used := map[string]bool{}
	for _, decl := range file.Decls {
		general, is := decl.(*ast.GenDecl)
		if is && general.Tok == token.IMPORT {
			continue
		}
		ast.Inspect(decl, func(node ast.Node) bool {
			if selector, is := node.(*ast.SelectorExpr); is {
				if name, is := selector.X.(*ast.Ident); is {
					used[name.Name] = true
				}
			}
			return true
		})
	}
	return used
}

// What says for which machines a file is: of its comments, the only one that means something.
func constraint(file string) string {
	text, err := os.ReadFile(file)
	must(err)
	for _, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, "//go:build ") {
			return line + "\n\n"
		}
		if strings.HasPrefix(line, "package ") {
			break
		}
	}
	return ""
}
