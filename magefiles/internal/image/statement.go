package image

import (
	"bufio"
	"bytes"
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

// What a container's sources state about it:
//
//	Dockerfile  ARG CONTAINER_APP_VERSION=1.2.3
//	            # blumeops:platforms linux/amd64,linux/arm64
//	Go          //blumeops:version 1.2.3
//	            //blumeops:base registry.example/base:tag
//	            //blumeops:platforms linux/amd64,linux/arm64

var (
	appVersion  = regexp.MustCompile(`(?i)^\s*ARG\s+CONTAINER_APP_VERSION=["']?([^"'\s]*)`)
	inComment   = regexp.MustCompile(`^\s*#\s*blumeops:(\w+)\s+(\S.*)$`)
	inGoComment = regexp.MustCompile(`^//blumeops:(\w+)\s+(\S.*)$`)
)

func (c *Container) readDockerfile(fsys fs.FS) error {
	text, err := fs.ReadFile(fsys, path.Join(c.Dir, "Dockerfile"))
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, len(text)+1)
	for n := 1; lines.Scan(); n++ {
		if m := appVersion.FindStringSubmatch(lines.Text()); m != nil && c.Version == "" {
			c.Version = m[1]
		}
		if m := inComment.FindStringSubmatch(lines.Text()); m != nil {
			if err := c.state(m[1], m[2]); err != nil {
				//lint:ignore ST1005 it is the name of a file
				return fmt.Errorf("Dockerfile:%d: %w", n, err)
			}
		}
	}
	return lines.Err()
}

// readGo looks for a Go main package. A file that does not parse is left for the
// compiler to complain about, which does it better.
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
	file, _ := parser.ParseFile(files, name, text, parser.ImportsOnly|parser.ParseComments)
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
			if err := c.state(m[1], m[2]); err != nil {
				return fmt.Errorf("%s: %w", files.Position(comment.Pos()), err)
			}
		}
	}
	return nil
}

// isIgnored reports whether a build constraint such as «//go:build ignore» takes the
// file out of every build. Other constraints hold on some platform.
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

// state takes one «blumeops:KEY VALUE».
func (c *Container) state(key, value string) (err error) {
	value = strings.TrimSpace(value)
	switch key {
	case "version":
		c.Version = value
	case "base":
		c.Base = value
	case "platforms":
		c.Platforms, err = ParsePlatforms(value)
	default:
		err = fmt.Errorf("blumeops:%s is not known (known: base, platforms, version)", key)
	}
	return err
}
