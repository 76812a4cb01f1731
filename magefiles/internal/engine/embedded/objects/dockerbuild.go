package objects

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/patternmatcher/ignorefile"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
)

func (d *Directory) dockerBuild(ctx context.Context, a gql.Args) (any, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	p, err := buildPlatform(d.env, a.String("platform"))
	if err != nil {
		return nil, err
	}
	dockerfile, err := d.readDockerfile(ctx, first(a.String("dockerfile"), "Dockerfile"))
	if err != nil {
		return nil, err
	}
	source, err := d.buildContext(ctx, first(a.String("dockerfile"), "Dockerfile"))
	if err != nil {
		return nil, err
	}
	secrets, err := buildSecrets(a)
	if err != nil {
		return nil, err
	}
	agent, _, err := gql.Object[*Socket](a, "ssh")
	if err != nil {
		return nil, err
	}
	found := &violations{}
	res, err := dockerfile2llb.Dockerfile2LLB(ctx, dockerfile, d.env.convertOptions(source.st, p, a, found))
	if err != nil {
		return nil, fmt.Errorf("failed to convert Dockerfile to LLB: %w", found.explain(err))
	}
	raw, err := json.Marshal(res.Image)
	if err != nil {
		return nil, err
	}
	c := &Container{env: d.env, platform: p, checks: d.checks, built: true}
	if err := c.adopt(raw); err != nil {
		return nil, err
	}
	c.platform = p // the base may be for another
	if c.fs, c.last, err = d.env.withInit(ctx, res.State, p, secrets, agent); err != nil {
		return nil, err
	}
	if c.last != nil {
		c.last.checks = c.checks
		c.config.workdir = first(c.config.workdir, "/") // the working directory of its commands
	}
	built := c.fs
	c.checks = c.checks.with(func(ctx context.Context) error {
		err := d.env.evaluate(ctx, built)
		var failed *ExecError
		if errors.As(err, &failed) || d.env.Solver.FailedFile(err) {
			err = fmt.Errorf("failed to clone built container state: %w", err)
		}
		return err
	})
	return c, nil
}

func buildPlatform(e *Env, s string) (ocispecs.Platform, error) {
	if s == "" {
		return e.Solver.Platform(), nil
	}
	p, err := platforms.Parse(s)
	if err != nil {
		return p, fmt.Errorf("platform %q: %w", s, err)
	}
	return platforms.Normalize(p), nil
}

func (d *Directory) readDockerfile(ctx context.Context, given string) ([]byte, error) {
	b, err := d.env.Solver.ReadFile(ctx, d.st, path.Join(d.dir, path.Clean("/"+given)))
	if isNotExist(err) {
		err = notExist("open", path.Clean("/"+given))
	}
	if err != nil {
		return nil, fmt.Errorf("failed to read Dockerfile %q: %w", given, err)
	}
	return b, nil
}

// buildContext is the directory without the files that its ignore file names: the Dockerfile's own ignore file if there is one, otherwise
// .dockerignore.
func (d *Directory) buildContext(ctx context.Context, dockerfile string) (*Directory, error) {
	b, err := d.env.Solver.ReadFile(ctx, d.st, d.at(dockerfile+".dockerignore"))
	if isNotExist(err) {
		b, err = d.env.Solver.ReadFile(ctx, d.st, d.at(".dockerignore"))
	}
	if isNotExist(err) {
		return d.rooted(), nil
	}
	if err != nil {
		return nil, err
	}
	ignored, err := ignorefile.ReadAll(strings.NewReader(string(b)))
	if err != nil {
		return nil, fmt.Errorf("read .dockerignore: %w", err)
	}
	if len(ignored) == 0 || slices.Equal(ignored, d.excluded) {
		return d.rooted(), nil // nothing to remove, or it was left out when the host was read
	}
	if d.dir == "/" && d.st.Output() != nil && !d.hosted && namesEntries(ignored) {
		return d.withoutEntries(ignored), nil
	}
	dir, err := (pathResolver{ctx: ctx, env: d.env, st: d.st}).realPath(d.dir)
	if err != nil {
		return nil, err
	}
	st := llb.Scratch().File(llb.Copy(d.st, dir, "/", &llb.CopyInfo{CopyDirContentsOnly: true, ExcludePatterns: ignored}), llb.WithCustomName("build context"))
	return &Directory{env: d.env, st: st, dir: "/", checks: d.checks}, nil
}

// namesEntries reports whether each pattern is the name of one entry of the root. Removing those costs less than copying all others.
func namesEntries(patterns []string) bool {
	return !slices.ContainsFunc(patterns, func(p string) bool {
		return p == "." || p == ".." || strings.HasPrefix(p, "!") || strings.ContainsAny(p, `/*?[]\`)
	})
}

func (d *Directory) withoutEntries(names []string) *Directory {
	var fa *llb.FileAction
	for _, name := range names {
		if fa == nil {
			fa = llb.Rm("/"+name, llb.WithAllowNotFound(true))
		} else {
			fa = fa.Rm("/"+name, llb.WithAllowNotFound(true))
		}
	}
	return d.apply("build context", fa)
}

// buildSecrets are the secrets that a Dockerfile may mount, by their id there: their name.
func buildSecrets(a gql.Args) (map[string]*Secret, error) {
	list, err := gql.Objects[*Secret](a, "secrets")
	if err != nil {
		return nil, err
	}
	out := map[string]*Secret{}
	for _, s := range list {
		if s.name == "" {
			return nil, errors.New("secret has no name and cannot be referenced from Dockerfile secret id")
		}
		out[s.name] = s
	}
	return out, nil
}

func (e *Env) convertOptions(buildContext llb.State, p ocispecs.Platform, a gql.Args, found *violations) dockerfile2llb.ConvertOpt {
	args := map[string]string{}
	for _, in := range a.Inputs("buildArgs") {
		args[in["name"]] = in["value"]
	}
	caps := e.Solver.Gateway().BuildOpts().LLBCaps
	return dockerfile2llb.ConvertOpt{
		Config: dockerui.Config{
			BuildArgs: args, Target: a.String("target"), CacheIDNamespace: "dockerfile",
			BuildPlatforms: []ocispecs.Platform{e.Solver.Platform()}, TargetPlatforms: []ocispecs.Platform{p},
		},
		MainContext: &buildContext, TargetPlatform: &p, MetaResolver: metaResolver{e}, LLBCaps: &caps,
		Warn: found.add, // BuildKit looks for violations only if this is set
	}
}

// violations are the findings of BuildKit's linter. They are an error only if the Dockerfile says "# check=error=true".
type violations struct {
	mu    sync.Mutex
	lines []string
}

func (v *violations) add(rule, _, _, message string, location []parser.Range) {
	v.mu.Lock()
	defer v.mu.Unlock()
	line := rule + ": " + message
	if len(location) > 0 {
		line = fmt.Sprintf("line %d: %s", location[0].Start.Line, line)
	}
	v.lines = append(v.lines, line)
}

// explain adds the place of each violation to BuildKit's error, which only names the rules.
func (v *violations) explain(err error) error {
	if !strings.HasPrefix(err.Error(), "lint violation found") {
		return err
	}
	return fmt.Errorf("%w (%s)", err, strings.Join(v.lines, "; "))
}

// metaResolver asks registries for the configuration of base images.
type metaResolver struct{ env *Env }

func (m metaResolver) ResolveImageConfig(ctx context.Context, ref string, opt sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	resolved, dgst, config, err := m.env.Solver.Gateway().ResolveImageConfig(ctx, ref, opt)
	if err != nil {
		return "", "", nil, m.env.imageError(ctx, "pull", ref, err)
	}
	return resolved, dgst, config, nil
}
