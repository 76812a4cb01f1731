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

// Lint says what BuildKit's linter finds, as «RULE: MESSAGE», and what would keep it from building. What depends on the configuration of
// base images is left out, as nobody is asked for it.
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
	// «# check=error=true» makes an error of the warnings themselves.
	if e := results.Error; e != nil && !strings.HasPrefix(e.Message, "lint violation found") {
		// A FROM whose argument has no default was told of already.
		if first, last := lines(&e.Location); !noBase[first] {
			problems = append(problems, d.problem(first, last, e.Message))
		}
	}
	return problems, nil
}

// unsure are the lines that use a variable which the base image may set.
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

// onScratch says whether a line is in a stage that is made from nothing but what the file states.
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

// problem puts a message of BuildKit's where the word stands that it names.
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

// platform is that which a Dockerfile is linted for.
var platform = ocispecs.Platform{OS: "linux", Architecture: "amd64"}

// everything is what a daemon of the linter's own version can do. BuildKit asks for it without looking whether it was given.
var everything = pb.Caps.CapSet(pb.Caps.All())

// unknown answers for every image that it has one layer and states nothing. So nothing is asked from a registry.
type unknown struct{}

// ResolveImageConfig is that of llb.ImageMetaResolver.
func (unknown) ResolveImageConfig(_ context.Context, ref string, opt sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	img := ocispecs.Image{Platform: platform, RootFS: ocispecs.RootFS{Type: "layers", DiffIDs: []digest.Digest{"sha256:unknown"}}}
	if opt.ImageOpt != nil && opt.ImageOpt.Platform != nil {
		img.Platform = *opt.ImageOpt.Platform
	}
	config, err := json.Marshal(img)
	return ref, "", config, err
}
