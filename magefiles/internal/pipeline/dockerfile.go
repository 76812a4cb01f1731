package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/regular"
)

// buildDockerfile sends the container's folder, without the files that .dockerignore names, and builds the Dockerfile in it.
func (b Images) buildDockerfile(ctx context.Context, r Request) (*Image, error) {
	root, err := os.OpenRoot(b.Root)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	text, err := fs.ReadFile(regular.FS(root), path.Join(r.Container.Dir, "Dockerfile"))
	if err != nil {
		return nil, err
	}
	ignored, err := image.ReadIgnored(regular.FS(root), r.Container.Dir)
	if err != nil {
		return nil, err
	}
	client, err := b.Connect(ctx)
	if err != nil {
		return nil, err
	}
	native, err := client.DefaultPlatform(ctx)
	if err != nil {
		return nil, err
	}
	bases := findBases(string(text), r.Args, r.Bases)
	if err := bases.replaceable(); err != nil {
		return nil, fmt.Errorf("%s/Dockerfile: %w", r.Container.Dir, err)
	}
	source, err := b.Copies.folder(ctx, client, b.dir(r.Container), ignored.Patterns)
	if err != nil {
		return nil, err
	}
	if err := b.login(ctx, client, bases.all()...); err != nil {
		return nil, err
	}
	d := dockerfileBuild{site: b.Site, client: client, request: r, source: source, bases: bases, native: native}
	if mirrored := bases.mirrored(b.Site); mirrored != string(text) || ignored.Itself() {
		d.useText(mirrored)
	}
	img, err := b.each(ctx, client, r, d.build)
	return img, located(err, r.Container.Dir+"/Dockerfile", string(text))
}

// dockerfileBuild is the build of one Dockerfile for several platforms.
type dockerfileBuild struct {
	site    Site
	client  *dagger.Client
	request Request
	source  *dagger.Directory
	file    string // the Dockerfile's name in source; "" is Dockerfile
	bases   bases
	native  dagger.Platform // of the engine
}

// useText builds a text instead of the folder's Dockerfile. The text is a file of another name, with its own ignore file that names only these
// two: so the Dockerfile can copy exactly the files of the folder.
func (d *dockerfileBuild) useText(text string) {
	sum := sha256.Sum256([]byte(text))
	d.file = "Dockerfile." + hex.EncodeToString(sum[:8])
	ignore := d.file + ".dockerignore"
	d.source = d.source.WithNewFile(d.file, text).WithNewFile(ignore, d.file+"\n"+ignore+"\n")
}

func (d dockerfileBuild) build(ctx context.Context, p image.Platform) (*dagger.Container, error) {
	if err := d.checkBases(ctx, p); err != nil {
		return nil, err
	}
	built, err := d.source.DockerBuild(d.options(p)).Sync(ctx)
	if err != nil {
		return nil, explainPlatform(explain(err), p, string(d.native))
	}
	return withPlatform(ctx, d.client, built, p)
}

// checkBases refuses bases without the platform. For its own platform the engine checks that itself.
func (d dockerfileBuild) checkBases(ctx context.Context, p image.Platform) error {
	if p.String() == string(d.native) {
		return nil
	}
	for _, ref := range d.bases.ofTarget() {
		base := d.client.Container(dagger.ContainerOpts{Platform: dagger.Platform(p.String())}).From(d.site.Mirrored(ref))
		if err := checkBase(ctx, base, ref, p); err != nil {
			return err
		}
	}
	return nil
}

func (d dockerfileBuild) options(p image.Platform) dagger.DirectoryDockerBuildOpts {
	opts := dagger.DirectoryDockerBuildOpts{
		Platform:   dagger.Platform(p.String()),
		Dockerfile: d.file,
		Target:     d.request.Target,
		BuildArgs:  d.args(),
	}
	for _, s := range d.request.Secrets {
		opts.Secrets = append(opts.Secrets, d.client.SetSecret(s.Name, s.Value))
	}
	return opts
}

// args are the build arguments: those that every build has, then the request's own. Dagger 0.21.8 reports the target platform as the build
// platform, so that `FROM --platform=$BUILDPLATFORM` would emulate: args sets the true one.
func (d dockerfileBuild) args() []dagger.BuildArg {
	all := map[string]string{"BUILDPLATFORM": string(d.native)}
	parts := strings.SplitN(string(d.native), "/", 3)
	for i, name := range []string{"BUILDOS", "BUILDARCH", "BUILDVARIANT"}[:len(parts)] {
		all[name] = parts[i]
	}
	maps.Copy(all, d.site.args())
	maps.Copy(all, d.request.Args)
	args := make([]dagger.BuildArg, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		args = append(args, dagger.BuildArg{Name: name, Value: all[name]})
	}
	return args
}
