package checks

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/distribution/reference"
	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/dockerfile"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/toml"
)

const disagreeing = "Write the version of the other place, or change all of them together."

// pins compares versions that are written in several places. The first place of a tool is the reference: go.mod, then mise.toml,
// dagger.json, the runner's image. The runner's image is the Dockerfile with Dagger; other Dockerfiles may use another Go.
var pins = validate.Check{
	Name:   "pins",
	Covers: "The versions of Dagger, Go, Mage and BuildKit in go.mod, mise.toml, dagger.json, the Dockerfile of the image that holds Dagger, and nested modules.",
	Rules: []validate.Rule{
		{ID: "dagger", What: "Dagger's version differs between two places: a command line of another version than the SDK's starts another engine, or none.", Do: disagreeing},
		{ID: "go", What: "Go's version differs between two places, so machines and jobs compile with different versions.", Do: disagreeing},
		{ID: "go-newer", What: "A nested module requires a newer Go than the repository has, so compiling it downloads a toolchain.", Do: "Lower its go line, or raise Go everywhere."},
		{ID: "mage", What: "Mage's version differs between go.mod and mise.toml, so the command mage differs from the tool of go.mod.", Do: disagreeing},
		{ID: "buildkit", What: "The BuildKit version of a nested module differs from go.mod: daemon and client must have the same version.", Do: disagreeing},
	},
	Run: func(_ context.Context, in *validate.Input) error {
		p := pinCheck{Input: in, first: map[string]pin{}}
		p.module("go.mod")
		p.mise()
		for _, file := range in.Files(".", "dagger.json") {
			if path.Base(file) == "dagger.json" && !p.Foreign(file) {
				p.daggerModule(file)
			}
		}
		for _, file := range in.Files(image.Root, "/Dockerfile") {
			p.runner(file)
		}
		for _, file := range in.Files(".", "/go.mod") {
			if in.Has("go.mod") && !p.Foreign(file) {
				p.module(file)
			}
		}
		return nil
	},
}

// pin is a version in a file.
type pin struct {
	dockerfile.Place
	file, version string // without a v
}

type pinCheck struct {
	*validate.Input
	first map[string]pin // of each rule: the reference
}

// compare reports a place that differs from the reference; the first place becomes the reference.
func (p pinCheck) compare(rule, tool string, is pin) {
	if is.version == "" {
		return
	}
	lead, ok := p.first[rule]
	if !ok {
		p.first[rule] = is
		return
	}
	// A go line may state only a language version; every release of it matches.
	if is.version == lead.version || rule == "go" && strings.HasPrefix(is.version, lead.version+".") {
		return
	}
	p.report(rule, is, "%s is %s here, but %s in %s:%d", tool, is.version, lead.version, lead.file, lead.Line)
}

func (p pinCheck) report(rule string, at pin, format string, args ...any) {
	p.Report(validate.Finding{Path: at.file, Line: at.Line, Column: at.Column, Rule: rule, Message: fmt.Sprintf(format, args...)})
}

// module reads a go.mod. The go command reports one that does not parse.
func (p pinCheck) module(file string) {
	text, ok := p.Text(file)
	if !ok {
		return
	}
	mod, err := modfile.Parse(file, []byte(text), nil)
	if err != nil {
		return
	}
	lines := strings.Split(text, "\n")
	at := func(syntax *modfile.Line, version string) pin {
		found := pin{dockerfile.Place{Line: syntax.Start.Line, Column: syntax.Start.LineRune}, file, strings.TrimPrefix(version, "v")}
		line := lines[min(found.Line, len(lines))-1]
		if i := strings.Index(line, version); i >= 0 {
			found.Column = utf8.RuneCountInString(line[:i]) + 1
		}
		return found
	}
	if golang := goOf(mod, at); golang.version != "" {
		p.golang(file, golang)
	}
	for _, r := range mod.Require {
		isReplaced := slices.ContainsFunc(mod.Replace, func(with *modfile.Replace) bool { return with.Old.Path == r.Mod.Path })
		switch {
		case r.Indirect || isReplaced || file != "go.mod" && !p.hasLead(r.Mod.Path):
		case r.Mod.Path == daggerModule:
			p.compare("dagger", "Dagger", at(r.Syntax, r.Mod.Version))
		case r.Mod.Path == mageModule:
			p.compare("mage", "Mage", at(r.Syntax, r.Mod.Version))
		case r.Mod.Path == buildkitModule:
			p.compare("buildkit", "BuildKit", at(r.Syntax, r.Mod.Version))
		}
	}
}

const (
	daggerModule   = "dagger.io/dagger"
	buildkitModule = "github.com/moby/buildkit"
	mageModule     = "github.com/magefile/mage"
)

// hasLead says whether the root go.mod requires a module.
func (p pinCheck) hasLead(module string) bool {
	return p.first[map[string]string{daggerModule: "dagger", buildkitModule: "buildkit", mageModule: "mage"}[module]].file == "go.mod"
}

// goOf is the Go version that compiles a module.
func goOf(mod *modfile.File, at func(*modfile.Line, string) pin) pin {
	switch {
	case mod.Toolchain != nil && mod.Toolchain.Name != "default":
		found := at(mod.Toolchain.Syntax, strings.TrimPrefix(mod.Toolchain.Name, "go"))
		return found
	case mod.Go != nil:
		return at(mod.Go.Syntax, mod.Go.Version)
	}
	return pin{}
}

// golang checks the Go version of a module: nested modules may have an older one, not a newer one.
func (p pinCheck) golang(file string, is pin) {
	lead, ok := p.first["go"]
	if file == "go.mod" || !ok {
		p.compare("go", "Go", is)
		return
	}
	if lead.file == "go.mod" && semver.Compare("v"+is.version, "v"+lead.version) > 0 {
		p.report("go-newer", is, "requires Go %s, but %s:%d has %s", is.version, lead.file, lead.Line, lead.version)
	}
}

// mise reads the tools of mise.toml.
func (p pinCheck) mise() {
	for _, file := range []string{"mise.toml", ".mise.toml"} {
		text, ok := p.Text(file)
		if !ok {
			continue
		}
		for _, s := range toml.Settings(text) {
			at := pin{file: file, version: strings.TrimPrefix(s.Value, "v")}
			at.Line, at.Column = validate.Position(text, s.ValueAt)
			switch strings.TrimSuffix(s.Key, ".version") {
			case "tools.dagger":
				p.compare("dagger", "Dagger", at)
			case "tools.go", "tools.golang":
				p.compare("go", "Go", at)
			case "tools.mage", "tools.go:" + mageModule:
				p.compare("mage", "Mage", at)
			}
		}
	}
}

// daggerModule reads the configuration of a Dagger module.
func (p pinCheck) daggerModule(file string) {
	text, _ := p.Text(file)
	var module struct {
		EngineVersion string `json:"engineVersion"`
	}
	if err := json.Unmarshal([]byte(text), &module); err != nil || module.EngineVersion == "latest" {
		return // Dagger itself reports the error
	}
	at := pin{file: file, version: strings.TrimPrefix(module.EngineVersion, "v")}
	key := strings.Index(text, `"engineVersion"`)
	if key >= 0 {
		key += len(`"engineVersion"`)
		at.Line, at.Column = validate.Position(text, key+max(0, strings.Index(text[key:], module.EngineVersion)))
	}
	p.compare("dagger", "Dagger", at)
}

// runner reads a Dockerfile, if its image contains Dagger.
func (p pinCheck) runner(file string) {
	d, err := dockerfileOf(p.Tree, file)
	if err != nil || d == nil {
		return
	}
	var dagger, golang []pin
	for _, a := range d.Args {
		at := pin{a.Origin(a.Value), file, strings.TrimPrefix(a.Value, "v")}
		switch a.Name {
		case "DAGGER_VERSION":
			dagger = append(dagger, at)
		case "GO_VERSION", "GOLANG_VERSION":
			golang = append(golang, at)
		}
	}
	for _, i := range d.Images {
		name, version := tagged(i.Reference)
		at := pin{i.Origin(version), file, strings.TrimPrefix(version, "v")}
		switch {
		case version == "":
		case name == "registry.dagger.io/engine":
			at.Place = i.Origin(at.version)
			dagger = append(dagger, at)
		case name == "docker.io/library/golang":
			golang = append(golang, at)
		}
	}
	for _, at := range dagger {
		p.compare("dagger", "Dagger", at)
	}
	for _, at := range golang {
		if len(dagger) > 0 {
			p.compare("go", "Go", at)
		}
	}
}

// tagged is the full name of an image and the version at the beginning of its tag; "" if there is none.
func tagged(ref string) (name, version string) {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return "", ""
	}
	tag, ok := named.(reference.Tagged)
	if !ok {
		return named.Name(), ""
	}
	version, _, _ = strings.Cut(tag.Tag(), "-")
	if digits := strings.TrimPrefix(version, "v"); cmp.Or(digits, "x")[0] > '9' {
		return named.Name(), ""
	}
	return named.Name(), version
}
