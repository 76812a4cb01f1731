package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/docsite"
)

// Docs builds websites with generators that npm installs.
type Docs struct {
	// Connect returns the engine. The caller closes it.
	Connect func(context.Context) (*dagger.Client, error)
	// Copies, if set, are made of each folder that is sent.
	Copies Copies
	// Site holds the network settings of builds.
	Site Site
	// Image is the base image, which has node, npm and npx.
	Image string
	// Step, if set, is called when a part of a build begins, as that of Images.
	Step func(name string) (end func(error))
	// Cached, if set, is called for the build.
	Cached Cached
}

// Paths in the container.
const (
	docsDir   = "/site"
	npmCache  = "/var/cache/npm"
	timesFile = "/run/blumeops/times.json"

	npmScriptFile = "/run/blumeops/npm.js"
)

// notSent are the files that generators leave behind in a folder where they ran, and the history of a checkout.
var notSent = []string{"**/node_modules", "**/.git", "**/.quartz-cache"}

// Build builds the site into the folder to, which it creates. Only npm ci needs a network.
func (d Docs) Build(ctx context.Context, w docsite.Generation, to string) error {
	to, err := filepath.Abs(to)
	if err != nil {
		return err
	}
	client, err := d.Connect(ctx)
	if err != nil {
		return err
	}
	if ctx, err = d.Cached.native(ctx, client, "docs"); err != nil {
		return err
	}
	b := d.in(client, w)
	return b.steps(ctx, []namedStep{
		{"base image " + d.Image, b.base},
		{"npm ci", b.install},
		{strings.Join(w.Build, " "), b.generate},
		{"fetch the site", func(ctx context.Context) error { return b.fetch(ctx, to) }},
	})
}

func (d Docs) in(client *dagger.Client, w docsite.Generation) *docsBuild {
	return &docsBuild{inContainer{client: client, site: d.Site, begin: d.Step}, d, w}
}

// Check resolves the base image, and builds nothing.
func (d Docs) Check(ctx context.Context) error {
	client, err := d.Connect(ctx)
	if err != nil {
		return err
	}
	return d.in(client, docsite.Generation{}).base(ctx)
}

// docsBuild is the build of one site.
type docsBuild struct {
	inContainer
	Docs
	docsite.Generation
}

func (b *docsBuild) base(ctx context.Context) error {
	return b.from(ctx, b.Image, "set BLUMEOPS_NODE_IMAGE to an available image with node and npm, or set a mirror in BLUMEOPS_MIRRORS")
}

// install runs npm ci on Base. Its registry and proxies apply only to npm ci: they are not in the result, and the proxies in no cache key.
func (b *docsBuild) install(ctx context.Context) error {
	base, err := b.Copies.folder(ctx, b.client, b.Base, slices.Concat(notSent, b.Replaced))
	if err != nil {
		return err
	}
	ctr := b.ctr.WithDirectory(docsDir, base).WithWorkdir(docsDir).
		WithMountedCache(npmCache, b.client.CacheVolume("blumeops-npm"))
	env, secrets := b.npm()
	script := b.client.Directory().WithNewFile("npm.js", npmScript).File("npm.js")
	ctr, err = b.exec(ctr.WithMountedFile(npmScriptFile, script), slices.Concat([]string{"node", npmScriptFile}, npmCI), env, secrets, "blumeops-docs-")
	if err != nil {
		return err
	}
	return explainNPM(b.sync(ctx, ctr.WithoutMount(npmScriptFile).WithoutMount(npmCache)))
}

// npm are the variables of npm ci: public ones, and those that may hold a password.
func (b *docsBuild) npm() (env, secrets map[string]string) {
	env, secrets = b.variables(func(name string) bool { return strings.HasPrefix(strings.ToUpper(name), "NPM_CONFIG_") })
	for name, value := range map[string]string{"NPM_CONFIG_CACHE": npmCache, "NPM_CONFIG_UPDATE_NOTIFIER": "false", "NPM_CONFIG_PROGRESS": "false"} {
		if _, own := env[name]; !own {
			env[name] = value
		}
	}
	if b.Site.CAFile != "" {
		env["NODE_EXTRA_CA_CERTS"] = caFile
	}
	return env, secrets
}

// setTimes sets files' times with a program that every base image has, because each engine handles the times of files differently.
const setTimes = `const fs = require("fs"); for (const [file, time] of JSON.parse(fs.readFileSync(process.argv[1]))) fs.utimesSync(file, time, time)`

// generate copies Overlay to its place, and runs the command. npm must not use the network there.
func (b *docsBuild) generate(ctx context.Context) error {
	overlay, err := b.Copies.folder(ctx, b.client, b.Overlay, notSent)
	if err != nil {
		return err
	}
	ctr := b.ctr.WithDirectory(docsDir, overlay)
	if len(b.Times) > 0 {
		times, err := b.times()
		if err != nil {
			return err
		}
		ctr = ctr.WithNewFile(timesFile, times).WithExec([]string{"node", "-e", setTimes, timesFile})
	}
	env := map[string]string{"CI": "true", "NPM_CONFIG_OFFLINE": "true", "NPM_CONFIG_UPDATE_NOTIFIER": "false"}
	maps.Copy(env, b.Env)
	for _, name := range slices.Sorted(maps.Keys(env)) {
		ctr = ctr.WithEnvVariable(name, env[name])
	}
	return b.sync(ctx, ctr.WithExec(b.Generation.Build))
}

// fetch writes the site into a folder of this machine.
func (b *docsBuild) fetch(ctx context.Context, to string) error {
	site := path.Join(docsDir, b.Output)
	wrote, err := b.ctr.Exists(ctx, site, dagger.ContainerExistsOpts{ExpectedType: dagger.ExistsTypeDirectoryType})
	if err != nil {
		return err
	}
	if !wrote {
		text := fmt.Sprintf("%s succeeded, but did not write the folder %s", strings.Join(b.Generation.Build, " "), b.Output)
		return &engineError{text, "set BLUMEOPS_DOCS_OUTPUT to the folder that the build writes to", errors.New(text)}
	}
	_, err = b.ctr.Directory(site).Export(ctx, to)
	return err
}

// times are pairs of a file and its time in seconds, in order.
func (b *docsBuild) times() (string, error) {
	pairs := [][2]any{}
	for _, name := range slices.Sorted(maps.Keys(b.Times)) {
		pairs = append(pairs, [2]any{path.Join(docsDir, name), b.Times[name].Unix()})
	}
	text, err := json.Marshal(pairs)
	return string(text), err
}
