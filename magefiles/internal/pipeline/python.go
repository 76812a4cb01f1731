package pipeline

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/python"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/trust"
)

// Python builds Python packages with their own build backend.
type Python struct {
	// Connect returns the engine. The caller closes it.
	Connect func(context.Context) (*dagger.Client, error)
	// Copies, if set, are made of each folder that is sent.
	Copies Copies
	// Site holds the network settings of builds.
	Site Site
	// Image is the base image, which has python with its module venv, and pip 22.3 or later.
	Image string
	// Offline takes the requirements of builds from the base image, instead of from an index.
	Offline bool
	// Step, if set, is called when a part of a build begins, as that of Images.
	Step func(name string) (end func(error))
	// Cached, if set, is called for the build.
	Cached Cached
}

// Paths in the container.
const (
	pythonSource   = "/src"
	pythonDist     = "/dist"
	pythonEnv      = "/opt/build" // a virtual environment with the requirements alone
	pipCache       = "/var/cache/pip"
	frontendFile   = "/run/blumeops/frontend.py"
	requiresFile   = "/tmp/requires.json"
	pythonInEnv    = pythonEnv + "/bin/python"
	pythonInImage  = "python"
	packagesPrefix = "PIP_"
)

// frontend runs the hooks of a build backend, and pip.
//
//go:embed frontend.py
var frontend string

// Build builds an sdist, and a wheel from it, into the folder to, which it creates. Only pip gets an index and proxies, to install the requirements.
func (p Python) Build(ctx context.Context, g python.Generation, to string) error {
	to, err := filepath.Abs(to)
	if err != nil {
		return err
	}
	client, err := p.Connect(ctx)
	if err != nil {
		return err
	}
	if ctx, err = p.Cached.native(ctx, client, "package", g.Name); err != nil {
		return err
	}
	b := p.in(client, g)
	return b.steps(ctx, []namedStep{
		{"base image " + p.Image, b.base},
		{"install the build requirements", b.install},
		{"ask the build backend for more", b.installMore},
		{"build sdist and wheel", b.build},
		{"fetch the files", func(ctx context.Context) error { return b.fetch(ctx, to) }},
	})
}

func (p Python) in(client *dagger.Client, g python.Generation) *pythonBuild {
	return &pythonBuild{inContainer{client: client, site: p.Site, begin: p.Step}, p, g}
}

// pythonBuild is the build of one package.
type pythonBuild struct {
	inContainer
	Python
	python.Generation
}

func (b *pythonBuild) base(ctx context.Context) error {
	return b.from(ctx, b.Image, "set BLUMEOPS_PYTHON_IMAGE to an available image with python and pip, or set a mirror in BLUMEOPS_MIRRORS")
}

// install makes the environment with the requirements of pyproject.toml.
func (b *pythonBuild) install(ctx context.Context) error {
	script := b.client.Directory().WithNewFile("frontend.py", frontend).File("frontend.py")
	venv := []string{pythonInImage, "-m", "venv", "--without-pip", pythonEnv}
	if b.Offline {
		venv = slices.Insert(venv, 3, "--system-site-packages")
	}
	b.ctr = b.ctr.WithUser("root").WithMountedFile(frontendFile, script).WithExec(venv)
	return b.pip(ctx, b.Requires)
}

// pip installs requirements. Its index and proxies apply only to this step: they are not in the result, and the proxies in no cache key.
func (b *pythonBuild) pip(ctx context.Context, requires []string) error {
	if len(requires) == 0 {
		return nil
	}
	command := []string{"--python", pythonInEnv, "install", "--progress-bar=off", "--no-input", "--disable-pip-version-check", "--root-user-action=ignore"}
	env, secrets := b.pipVariables()
	if b.Offline {
		command = append(command, "--no-index")
		env, secrets = map[string]string{"PIP_CACHE_DIR": pipCache}, nil
	}
	command = append(append(command, "--"), requires...)
	ctr, err := b.exec(b.ctr.WithMountedCache(pipCache, b.client.CacheVolume("blumeops-pip")), slices.Concat([]string{pythonInImage, frontendFile, "pip"}, command),
		env, secrets, "blumeops-python-")
	if err != nil {
		return err
	}
	return b.explainPip(b.sync(ctx, ctr.WithoutMount(pipCache)), requires)
}

// pipVariables are the variables of pip: public ones, and those that may hold a password.
func (b *pythonBuild) pipVariables() (env, secrets map[string]string) {
	env, secrets = b.variables(func(name string) bool { return strings.HasPrefix(name, packagesPrefix) })
	env["PIP_CACHE_DIR"] = pipCache
	return env, secrets
}

// explainPip makes an error of pip readable. The command of the error is pip's, not the script's.
func (b *pythonBuild) explainPip(err error, requires []string) error {
	err = explain(err)
	var step *StepError
	if !errors.As(err, &step) {
		return err
	}
	step.Command = slices.Concat([]string{"pip", "install"}, requires)
	said := step.Stdout + "\n" + step.Stderr
	hint := ""
	refused, untrusted := trust.Said(said)
	switch {
	case untrusted:
		hint = refused.Do
	case step.Hint() != "":
	case b.Offline:
		hint = "add the requirements to the image of BLUMEOPS_PYTHON_IMAGE, or install them from an index: BLUMEOPS_PYTHON_REQUIREMENTS=index"
	default:
		hint = "check requires in [build-system]; for another index set PIP_INDEX_URL in BLUMEOPS_PACKAGE_MIRRORS"
	}
	if hint == "" {
		return err
	}
	return &engineError{step.Error(), hint, err}
}

// installMore installs what the backend requires in addition to pyproject.toml.
func (b *pythonBuild) installMore(ctx context.Context) error {
	source, err := b.Copies.folder(ctx, b.client, b.Source, nil)
	if err != nil {
		return err
	}
	b.ctr = b.ctr.WithDirectory(pythonSource, source).WithWorkdir(pythonSource)
	asked := b.backend("requires", requiresFile)
	text, err := asked.File(requiresFile).Contents(ctx)
	if err != nil {
		return err
	}
	var more []string
	if err := json.Unmarshal([]byte(text), &more); err != nil {
		return fmt.Errorf("the build backend %s returned requirements that are not strings: %w", b.Backend, err)
	}
	return b.pip(ctx, more)
}

// backend runs a part of the frontend in the environment. pip must not use the network there.
func (b *pythonBuild) backend(action, out string) *dagger.Container {
	settings, _ := json.Marshal(map[string]any{"backend": b.Backend, "path": append([]string{}, b.BackendPath...)}) // strings cannot fail
	env := map[string]string{"PIP_NO_INDEX": "1"}
	maps.Copy(env, b.Env)
	ctr := b.ctr
	for _, name := range slices.Sorted(maps.Keys(env)) {
		ctr = ctr.WithEnvVariable(name, env[name])
	}
	return ctr.WithExec([]string{pythonInEnv, frontendFile, action, out, string(settings)})
}

func (b *pythonBuild) build(ctx context.Context) error {
	return b.sync(ctx, b.backend("build", pythonDist))
}

// fetch writes the files into a folder of this machine.
func (b *pythonBuild) fetch(ctx context.Context, to string) error {
	_, err := b.ctr.Directory(pythonDist).Export(ctx, to)
	return err
}
