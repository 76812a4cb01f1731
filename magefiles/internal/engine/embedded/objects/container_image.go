package objects

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/docker-image-spec/specs-go/v1"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/solver"
)

var containerImageFields = map[string]gql.Resolver{
	"from":      field((*Container).from),
	"import":    field((*Container).imported),
	"publish":   field((*Container).publish),
	"export":    field((*Container).export),
	"asTarball": field((*Container).asTarball),
}

// imageExtras are parts of an image's configuration that are copied from the base to the image. The API has fields for the health check alone.
type imageExtras struct {
	Volumes     map[string]struct{}
	StopSignal  string
	Shell       []string
	OnBuild     []string
	Healthcheck *v1.HealthcheckConfig
	Author      string
	ArgsEscaped bool               // of Windows; BuildKit sets it for each CMD
	History     []ocispecs.History // of the layers so far; BuildKit adds the later ones
}

func (c *Container) from(ctx context.Context, a gql.Args) (any, error) {
	address := a.String("address")
	named, err := reference.ParseNormalizedNamed(address)
	if err != nil {
		return nil, fmt.Errorf("failed to resolve identity inputs for Container.from: resolve implicit input %q: failed to parse image address %s: %w", "fromSessionScope", address, err)
	}
	registry, err := c.env.registryOf(ctx, a, named)
	if err != nil {
		return nil, err
	}
	out, err := c.fromImage(ctx, named, registry)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// fromImage is the container with the root file system and the configuration of an image.
func (c *Container) fromImage(ctx context.Context, named reference.Named, registry imageRegistry) (*Container, error) {
	reached, err := registry.reach(named)
	if err != nil {
		return nil, err
	}
	ref, asked := reference.TagNameOnly(named).String(), reference.TagNameOnly(reached).String()
	img, err := c.env.Solver.ResolveImage(ctx, asked, c.platform)
	if err != nil {
		err = registry.named(c.env.imageError(ctx, "pull", asked, err))
		return nil, fmt.Errorf("failed to resolve image %q (platform: %q): %w", ref, platforms.Format(c.platform), err)
	}
	out := *c
	if err := out.adopt(img.Config); err != nil {
		return nil, fmt.Errorf("image %s: %w", ref, err)
	}
	digested, err := reference.WithDigest(reference.TrimNamed(reached), img.Digest)
	if err != nil {
		return nil, err
	}
	out.fs = llb.Image(digested.String(), llb.Platform(out.platform), llb.WithCustomNamef("pull %s", ref))
	out.imageRef = withDigest(named, img.Digest.String())
	return &out, nil
}

func withDigest(named reference.Named, digest string) string {
	if _, ok := named.(reference.Digested); ok {
		return named.String()
	}
	return reference.TagNameOnly(named).String() + "@" + digest
}

// imageError reduces BuildKit's error to the registry's message, or to the connection error. access is the kind of access: pull or push.
func (e *Env) imageError(ctx context.Context, access, ref string, err error) error {
	s := err.Error()
	if strings.HasSuffix(s, ": 401 Unauthorized") && !e.Auth.knows(ctx, ref) {
		return fmt.Errorf("%s access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials", access)
	}
	for _, cut := range []string{"failed to do request: ", ref + ": not found", "no match for platform", "unexpected status from "} {
		if i := strings.LastIndex(s, cut); i >= 0 {
			return fmt.Errorf("%s", s[i:])
		}
	}
	return err
}

// adopt takes over an image's configuration. Variables, labels and ports that were set before are kept.
func (c *Container) adopt(raw []byte) error {
	var img v1.DockerOCIImage
	if err := json.Unmarshal(raw, &img); err != nil {
		return fmt.Errorf("its configuration is not JSON: %w", err)
	}
	if img.Architecture != "" && img.OS != "" {
		c.platform = platforms.Normalize(img.Platform)
	}
	c.config.user, c.config.workdir = img.Config.User, img.Config.WorkingDir
	c.config.entrypoint, c.config.args = img.Config.Entrypoint, img.Config.Cmd
	for _, kv := range img.Config.Env {
		k, v, _ := strings.Cut(kv, "=")
		c.config.env = c.config.env.set(k, v)
	}
	for _, k := range sortedKeys(img.Config.Labels) {
		c.config.labels = c.config.labels.set(k, img.Config.Labels[k])
	}
	for _, p := range sortedKeys(img.Config.ExposedPorts) {
		number, protocol, _ := strings.Cut(p, "/")
		n, err := strconv.Atoi(number)
		if err != nil {
			return fmt.Errorf("its port %q is not a number", p)
		}
		protocol = strings.ToUpper(first(protocol, "tcp"))
		c.config.ports = append(withoutPort(c.config.ports, n, protocol), Port{port: n, protocol: protocol})
	}
	c.config.image = imageExtras{
		Volumes: img.Config.Volumes, StopSignal: img.Config.StopSignal, Shell: img.Config.Shell,
		OnBuild: img.Config.OnBuild, Healthcheck: img.Config.Healthcheck, Author: img.Author, History: img.History,
	}
	//lint:ignore SA1019 new images should not have it, but those of BuildKit do
	c.config.image.ArgsEscaped = img.Config.ArgsEscaped
	return nil
}

// image is the configuration of the image that the container makes.
func (c *Container) image() ([]byte, error) {
	var img v1.DockerOCIImage
	img.Platform = ocispecs.Platform{Architecture: c.platform.Architecture, OS: c.platform.OS, Variant: c.platform.Variant, OSVersion: c.platform.OSVersion}
	img.RootFS.Type = "layers"
	img.Config.Env, img.Config.Labels = c.config.env.env(), c.config.labels.toMap()
	img.Config.User, img.Config.WorkingDir = c.config.user, c.config.workdir
	img.Config.Entrypoint, img.Config.Cmd = c.config.entrypoint, c.config.args
	for _, p := range c.config.ports {
		if img.Config.ExposedPorts == nil {
			img.Config.ExposedPorts = map[string]struct{}{}
		}
		img.Config.ExposedPorts[fmt.Sprintf("%d/%s", p.port, strings.ToLower(p.protocol))] = struct{}{}
	}
	x := c.config.image
	img.Config.Volumes, img.Config.StopSignal, img.Config.Shell = x.Volumes, x.StopSignal, x.Shell
	img.Config.OnBuild, img.Config.Healthcheck, img.Author, img.History = x.OnBuild, x.Healthcheck, x.Author, x.History
	//lint:ignore SA1019 as above
	img.Config.ArgsEscaped = x.ArgsEscaped
	return json.Marshal(img)
}

// variants are the images to export: the container itself if it has a root file system or is built, and the given ones; one for each platform.
func (c *Container) variants(ctx context.Context, a gql.Args) ([]solver.Variant, error) {
	others, err := gql.Objects[*Container](a, "platformVariants")
	if err != nil {
		return nil, err
	}
	var out []solver.Variant
	seen := map[string]bool{}
	for _, v := range append([]*Container{c}, others...) {
		if (v.fs.Output() == nil && !v.built) || seen[platforms.Format(v.platform)] {
			continue
		}
		seen[platforms.Format(v.platform)] = true
		if err := v.ready(ctx); err != nil {
			return nil, err
		}
		cfg, err := v.image()
		if err != nil {
			return nil, err
		}
		out = append(out, solver.Variant{Platform: v.platform, State: v.fs, Config: cfg, Annotations: v.config.annotations.toMap()})
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no containers to export")
	}
	return out, nil
}

// exportAttrs are BuildKit's exporter attributes for the arguments mediaTypes and forcedCompression.
func exportAttrs(a gql.Args) map[string]string {
	attrs := map[string]string{"oci-mediatypes": strconv.FormatBool(a.String("mediaTypes") != "DockerMediaTypes")}
	z := a.String("forcedCompression")
	if z == "EStarGZ" && a.String("mediaTypes") == "DockerMediaTypes" {
		z = "Gzip" // estargz is gzip; Docker's media types have no other name
	}
	if z != "" {
		attrs["compression"], attrs["force-compression"] = strings.ToLower(z), "true"
	}
	return attrs
}

func (c *Container) publish(ctx context.Context, a gql.Args) (any, error) {
	variants, err := c.variants(ctx, a)
	if err != nil {
		return nil, err
	}
	named, err := reference.ParseNormalizedNamed(a.String("address"))
	if err != nil {
		return nil, err
	}
	target := reference.TrimNamed(named)
	if tagged, ok := named.(reference.Tagged); ok {
		if target, err = reference.WithTag(target, tagged.Tag()); err != nil {
			return nil, err
		}
	}
	registry, err := c.env.registryOf(ctx, a, named)
	if err != nil {
		return nil, err
	}
	reached, err := registry.reach(target)
	if err != nil {
		return nil, err
	}
	attrs := exportAttrs(a)
	attrs["name"], attrs["push"] = reference.TagNameOnly(reached).String(), "true"
	res, err := c.env.Solver.Export(ctx, variants, solver.Export{Type: "image", Attrs: attrs})
	if err != nil {
		return nil, registry.named(c.env.imageError(ctx, "push", attrs["name"], err))
	}
	return target.String() + "@" + res["containerimage.digest"], nil
}

func (c *Container) export(ctx context.Context, a gql.Args) (any, error) {
	dest := c.env.hostPath(c.arg(a, "path"))
	if info, err := os.Stat(dest); err == nil && info.IsDir() {
		return nil, inSpan(fmt.Errorf("destination %q is a directory; must be a file path", dest))
	}
	return dest, c.archive(ctx, a, dest)
}

// archive writes the image as an OCI layout in a tar file, atomically.
func (c *Container) archive(ctx context.Context, a gql.Args, dest string) error {
	variants, err := c.variants(ctx, a)
	if err != nil {
		return err
	}
	// The docker exporter's archive is an OCI layout with the manifest.json that docker load requires; it holds one platform.
	kind := "docker"
	if len(variants) > 1 {
		kind = "oci"
	}
	const mode = 0o600 // the mode that Dagger uses
	return createFile(dest, mode, func(to *os.File) error {
		_, err := c.env.Solver.Export(ctx, variants, solver.Export{Type: kind, Attrs: exportAttrs(a), File: keptOpen{to}})
		return err
	})
}

func (c *Container) asTarball(ctx context.Context, a gql.Args) (any, error) {
	dir, err := os.MkdirTemp(c.env.TempDir, "tarball-")
	if err != nil {
		return nil, err
	}
	if err := c.archive(ctx, a, filepath.Join(dir, "container.tar")); err != nil {
		return nil, err
	}
	d, err := (&Host{env: c.env}).local(ctx, dir, solver.Selection{})
	if err != nil {
		return nil, err
	}
	return &File{env: c.env, st: d.st, path: "/container.tar"}, nil
}
