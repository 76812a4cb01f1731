package dockerfile

import (
	"context"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/subrequests/lint"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Lint returns the findings of BuildKit's linter, as "RULE: MESSAGE", and the errors that would stop a build. It omits findings that depend on
// the configuration of base images, because it does not query registries.
func (d *File) Lint(ctx context.Context) ([]Problem, error) {
	text := []byte(strings.Join(d.lines, "\n"))
	results, err := dockerfile2llb.DockerfileLint(ctx, text, dockerfile2llb.ConvertOpt{
		SourceMap: &llb.SourceMap{Filename: "Dockerfile", Definition: &llb.Definition{}}, TargetPlatform: &platform, MetaResolver: unknown{},
		LLBCaps: &everything,
	})
	if err != nil {
		return nil, err
	}
	var problems []Problem
	unsure, noBase := d.unsure(results.Warnings), map[int]bool{}
	for _, w := range results.Warnings {
		first, last := lines(w.Location)
		if unsure[first] && (w.RuleName == "UndefinedVar" && !strings.Contains(w.Detail, "(did you mean") || w.RuleName == "WorkdirRelativePath") {
			continue
		}
		noBase[first] = noBase[first] || strings.HasSuffix(w.RuleName, "InFrom")
		problems = append(problems, d.problem(first, last, w.RuleName+": "+w.Detail))
	}
	// "# check=error=true" turns the warnings themselves into an error.
	if e := results.Error; e != nil && !strings.HasPrefix(e.Message, "lint violation found") {
		// A FROM whose argument has no default is reported already.
		if first, last := lines(&e.Location); !noBase[first] {
			problems = append(problems, d.problem(first, last, e.Message))
		}
	}
	return problems, nil
}

// unsure are the lines with a variable that the base image may set.
func (d *File) unsure(warnings []lint.Warning) map[int]bool {
	found := map[int]bool{}
	scratch := d.onScratch()
	for _, w := range warnings {
		first, _ := lines(w.Location)
		if w.RuleName == "UndefinedVar" && !scratch(first) {
			found[first] = true
		}
	}
	return found
}

// onScratch reports whether a line is in a stage that depends only on the file.
func (d *File) onScratch() func(line int) bool {
	bare := map[string]bool{"scratch": true}
	var from []int // first line of each stage
	var is []bool
	for _, s := range d.stages {
		first, _ := span(s.Location)
		on := bare[strings.ToLower(s.BaseName)]
		from, is = append(from, first), append(is, on)
		if s.Name != "" {
			bare[strings.ToLower(s.Name)] = on
		}
	}
	return func(line int) bool {
		on := false
		for i, first := range from {
			if first <= line {
				on = is[i]
			}
		}
		return on
	}
}

var (
	parseFailure = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^dockerfile parse error on line (\d+): `) })
	quoted       = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`'\$?([^']+)'|"\$?([^"]+)"|(?:: |for ARG )([^\s'"]+)`)
	})
)

// problem places a message of BuildKit at the word that it names.
func (d *File) problem(first, last int, message string) Problem {
	if m := parseFailure().FindStringSubmatch(message); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil && first == 0 {
			first, last = n, n
		}
		message = message[len(m[0]):]
	}
	message = strings.Join(strings.Fields(message), " ")
	at := d.find(first, last, "")
	for _, m := range quoted().FindAllStringSubmatch(message, -1) {
		if found := d.find(first, last, m[1]+m[2]+m[3]); found != at {
			at = found
			break
		}
	}
	return Problem{at, message}
}

func lines(at *pb.Location) (first, last int) {
	if at == nil {
		return 0, 0
	}
	for i, r := range at.Ranges {
		if n := int(r.GetStart().GetLine()); i == 0 || n < first {
			first = n
		}
		last = max(last, int(r.GetEnd().GetLine()))
	}
	return first, last
}

// platform is the platform that a Dockerfile is linted for.
var platform = ocispecs.Platform{OS: "linux", Architecture: "amd64"}

// everything is the set of all capabilities of a daemon of the linter's own version. BuildKit uses it without checking that it is set.
var everything = pb.Caps.CapSet(pb.Caps.All())

// unknown answers for every image with one layer and an empty configuration. So no registry is queried.
type unknown struct{}

// ResolveImageConfig implements llb.ImageMetaResolver.
func (unknown) ResolveImageConfig(_ context.Context, ref string, opt sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	img := ocispecs.Image{Platform: platform, RootFS: ocispecs.RootFS{Type: "layers", DiffIDs: []digest.Digest{"sha256:unknown"}}}
	if opt.ImageOpt != nil && opt.ImageOpt.Platform != nil {
		img.Platform = *opt.ImageOpt.Platform
	}
	config, err := json.Marshal(img)
	return ref, "", config, err
}
