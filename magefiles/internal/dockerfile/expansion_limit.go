package dockerfile

import (
	"regexp"
	"strings"
	"sync"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// firstLineOverLimit is the line at which the expanded values of a Dockerfile may exceed the limit: "ENV A=$A$A", repeated thirty times, is a gigabyte. It
// is 0 if they do not. Sizes are computed without making the values.
func firstLineOverLimit(stages []instructions.Stage, global []instructions.ArgCommand, given map[string]string) int {
	g := expansion{sizes: map[string]int{}}
	for name, value := range given {
		g.sizes[name] = len(value)
	}
	for i := range global {
		if g.arg(&global[i]) {
			return line(&global[i])
		}
	}
	for _, s := range stages {
		if g.words(s.BaseName, s.Platform) {
			first, _ := span(s.Location)
			return first
		}
		for _, c := range s.Commands {
			if g.command(c) {
				return line(c)
			}
		}
	}
	return 0
}

func line(c instructions.Command) int {
	first, _ := span(c.Location())
	return max(first, 1)
}

// expansion keeps upper bounds: of each variable's size, over all stages, and of all expanded values.
type expansion struct {
	sizes  map[string]int
	ranged bool // a value may be a range of ports
	total  int
}

func (g *expansion) command(c instructions.Command) (over bool) {
	switch c := c.(type) {
	case *instructions.ArgCommand:
		return g.arg(c)
	case *instructions.EnvCommand:
		for _, pair := range c.Env {
			if g.set(pair.Key, pair.Value) {
				return true
			}
		}
	case *instructions.LabelCommand:
		for _, pair := range c.Labels {
			over = over || g.words(pair.Key, pair.Value)
		}
		return over
	case *instructions.ExposeCommand:
		for _, port := range c.Ports {
			if strings.Contains(port, "-") || g.ranged && strings.Contains(port, "$") {
				g.total += 1 << 16
			}
		}
		return g.words(c.Ports...)
	case interface{ String() string }:
		return g.words(c.String())
	}
	return false
}

func (g *expansion) arg(c *instructions.ArgCommand) bool {
	for _, pair := range c.Args {
		if pair.Value != nil && g.set(pair.Key, *pair.Value) {
			return true
		}
	}
	return false
}

func (g *expansion) set(name, value string) (over bool) {
	size := g.size(value)
	g.total += size + 1<<10 // all later instructions search and copy each value
	g.ranged = g.ranged || strings.Contains(value, "-")
	g.sizes[name] = max(g.sizes[name], size)
	return g.total > maxExpanded
}

func (g *expansion) words(texts ...string) (over bool) {
	for _, text := range texts {
		if strings.Contains(text, "$") {
			g.total += g.size(text)
		}
	}
	return g.total > maxExpanded
}

var variable = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\$\{?(\w+)`) })

// size is an upper bound of the expanded size of a text. "${A//x/yyy}" repeats a part of the text for each character of A.
func (g *expansion) size(text string) int {
	size := len(text)
	if !strings.Contains(text, "$") {
		return size
	}
	factor := 1
	if strings.Contains(text, "/") && strings.Contains(text, "${") && replaces().MatchString(text) {
		factor = len(text)
	}
	for _, m := range variable().FindAllStringSubmatch(text, -1) {
		size = min(size+g.sizes[m[1]]*factor, 2*maxExpanded)
	}
	return size
}

var replaces = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\$\{\w+/`) })
