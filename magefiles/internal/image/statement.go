package image

import (
	"errors"
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"unicode/utf8"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/dockerfile"
)

// The statements of a container's sources about it:
//
//	Dockerfile  ARG CONTAINER_APP_VERSION=1.2.3
//	            # blumeops:platforms linux/amd64,linux/arm64
//	Go          //blumeops:version 1.2.3
//	            //blumeops:base registry.example/base:tag
//	            //blumeops:platforms linux/amd64,linux/arm64

// appVersion is the argument of a Dockerfile that states the version. Names of arguments are case-sensitive.
const appVersion = "CONTAINER_APP_VERSION"

var (
	inComment   = regexp.MustCompile(`^blumeops:(\w+)\s+(\S.*)$`)
	inGoComment = regexp.MustCompile(`^//blumeops:(\w+)\s+(\S.*)$`)
)

// Position is a place in a file of a container.
type Position struct {
	File         string // slash path from the root of the repository; "" if unknown
	Line, Column int    // counted from 1, in characters
}

// readDockerfile reads the comments and ARGs that BuildKit's parser finds: the text of a heredoc, which may be a Dockerfile
// itself, states nothing.
func (c *Container) readDockerfile(fsys fs.FS) error {
	name := path.Join(c.Dir, "Dockerfile")
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	stated, err := dockerfile.ReadStatements(string(text))
	if err != nil {
		return unreadable(name, err)
	}
	for _, comment := range stated.Comments {
		m := inComment.FindStringSubmatch(comment.Text)
		if m == nil {
			continue
		}
		at := Position{name, comment.Line, comment.Column}
		if err := c.state(m[1], m[2], at); err != nil {
			return &StatementError{at, err}
		}
	}
	for _, arg := range stated.Args {
		if arg.Name == appVersion && arg.Value != "" && c.Version == "" {
			c.Version, c.VersionAt = arg.Value, Position{name, arg.Line, arg.Column}
		}
	}
	return nil
}

// unreadable is the error of a Dockerfile that BuildKit's parser refuses.
func unreadable(name string, err error) error {
	var failed *dockerfile.ParseError
	if !errors.As(err, &failed) {
		return err
	}
	return &StatementError{Position{name, failed.Line, failed.Column}, failed}
}

// readGo looks for a Go main package. It skips a file that does not parse: the compiler reports
// it better.
func (c *Container) readGo(fsys fs.FS, files []fs.DirEntry) error {
	for _, f := range files {
		if !f.Type().IsRegular() || !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		text, err := fs.ReadFile(fsys, path.Join(c.Dir, f.Name()))
		if err != nil {
			return err
		}
		if err := c.readGoFile(f.Name(), text); err != nil {
			return err
		}
	}
	if c.Kind == "" {
		return errNoImage
	}
	return nil
}

func (c *Container) readGoFile(name string, text []byte) error {
	files := token.NewFileSet()
	file, _ := parser.ParseFile(files, path.Join(c.Dir, name), text, parser.ImportsOnly|parser.ParseComments)
	if file == nil || file.Name == nil || file.Name.Name != "main" || isIgnored(file) {
		return nil
	}
	c.Kind = KindGo
	for _, group := range file.Comments {
		for _, comment := range group.List {
			m := inGoComment.FindStringSubmatch(comment.Text)
			if m == nil {
				continue
			}
			at := position(files.PositionFor(comment.Pos(), false), text)
			value := at
			value.Column += utf8.RuneCountInString(comment.Text) - utf8.RuneCountInString(m[2])
			if err := c.state(m[1], m[2], value); err != nil {
				return &StatementError{at, err}
			}
		}
	}
	return nil
}

// isIgnored reports whether a build constraint such as `//go:build ignore` takes the file out
// of every build. Other constraints hold on some platform.
func isIgnored(file *ast.File) bool {
	for _, group := range file.Comments {
		if group.Pos() > file.Package {
			break
		}
		for _, comment := range group.List {
			expr, err := constraint.Parse(comment.Text)
			if err == nil && !expr.Eval(func(tag string) bool { return tag != "ignore" }) {
				return true
			}
		}
	}
	return false
}

// position counts columns in characters.
func position(p token.Position, text []byte) Position {
	return Position{p.Filename, p.Line, utf8.RuneCount(text[p.Offset-p.Column+1:p.Offset]) + 1}
}

// state reads one `blumeops:KEY VALUE`.
func (c *Container) state(key, value string, at Position) (err error) {
	value = strings.TrimSpace(value)
	if value == "" {
		return fmt.Errorf("blumeops:%s has no value", key)
	}
	switch key {
	case "version":
		c.Version, c.VersionAt = value, at
	case "base":
		c.Base, c.BaseAt = value, at
	case "platforms":
		c.Platforms, err = ParsePlatforms(value)
	default:
		err = fmt.Errorf("blumeops:%s is unknown (known: base, platforms, version)", key)
	}
	return err
}
