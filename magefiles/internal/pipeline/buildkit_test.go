package pipeline_test

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dagger.io/dagger"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"golang.org/x/sync/errgroup"
	"golang.org/x/tools/txtar"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/enginetest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/pipeline"
	ownregistry "forge.ops.eblu.me/eblume/blumeops/magefiles/internal/registry"
)

// buildCase is one Dockerfile of testdata/dockerfiles.txtar: files named NAME/FILE are in the build's folder, with those of writeContext.
type buildCase struct {
	name    string
	files   map[string]string
	target  string
	args    map[string]string
	secrets map[string]string
	fails   bool // with both
	mayFail bool // with both
	mirror  bool // also with a mirror for the base
	latin1  bool // with a file whose name is not UTF-8
	times   bool // are compared, too
	on      image.Platform
}

func buildCases(t *testing.T) []buildCase {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/dockerfiles.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var cases []buildCase
	for _, f := range archive.Files {
		name, file, _ := strings.Cut(f.Name, "/")
		if len(cases) == 0 || cases[len(cases)-1].name != name {
			cases = append(cases, buildCase{name: name, files: map[string]string{}, args: map[string]string{}, secrets: map[string]string{}, on: image.NativePlatform()})
		}
		c := &cases[len(cases)-1]
		if file != "options" {
			c.files[file] = string(f.Data)
			continue
		}
		for line := range strings.Lines(string(f.Data)) {
			c.option(t, strings.TrimSuffix(line, "\n"))
		}
	}
	return cases
}

func (c *buildCase) option(t *testing.T, line string) {
	kind, rest, _ := strings.Cut(line, " ")
	name, value, _ := strings.Cut(rest, "=")
	switch kind {
	case "target":
		c.target = rest
	case "arg":
		c.args[name] = value
	case "secret":
		c.secrets[name] = value
	case "fails":
		c.fails = true
	case "mirrored":
		c.mirror = true
	case "latin1":
		c.latin1 = true
	case "times":
		c.times = true
	case "platform":
		var err error
		if c.on, err = image.ParsePlatform(rest); err != nil {
			t.Fatal(err)
		}
	default:
		t.Fatalf("%s: unknown option %q", c.name, line)
	}
}

// write writes the build's folder.
func (c buildCase) write(t *testing.T, dir, base string) {
	t.Helper()
	writeContext(t, dir)
	for file, text := range c.files {
		place(t, filepath.Join(dir, file), strings.ReplaceAll(text, "@BASE@", base), 0o644)
	}
	if c.latin1 {
		place(t, filepath.Join(dir, "caf\xe9"), "latin1", 0o644)
	}
}

// differential builds the same with the pipeline and with BuildKit's frontend.
type differential struct {
	images   pipeline.Images
	client   *pipeline.Client
	frontend enginetest.Frontend
	host     string // of the registry that has the base
}

const logicalBase = "mirrored.example/lab/base:1"

func (d differential) base() string { return d.host + "/lab/base:1" }

func newDifferential(t *testing.T) differential {
	t.Helper()
	opts := enginetest.Options(t, t.TempDir())
	enginetest.NeedsRuntime(t, opts)
	client := enginetest.Connect(t, opts).Client
	d := differential{client: client, frontend: enginetest.ConnectFrontend(t, opts), host: registryWithBase(t)}
	d.images = pipeline.Images{
		Connect: func(context.Context) (*pipeline.Client, error) { return client, nil },
		Site:    pipeline.Site{Mirrors: map[string]string{"mirrored.example": d.host}},
	}
	return d
}

// TestBuildsLikeBuildKit: the image of a Dockerfile must equal that of BuildKit's own frontend, with and without a mirror for its base.
func TestBuildsLikeBuildKit(t *testing.T) {
	d := newDifferential(t)
	for _, c := range buildCases(t) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d.compare(t, c, d.base())
			if c.mirror {
				d.compare(t, c, logicalBase)
			}
		})
	}
}

func (d differential) compare(t *testing.T, c buildCase, base string) {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, "containers", "web")
	c.write(t, dir, base)
	var ours, theirs string
	var ourErr, theirErr error
	var both errgroup.Group
	both.Go(func() error { ours, ourErr = d.ours(t, root, c); return nil })
	both.Go(func() error { theirs, theirErr = d.theirs(t, dir, c); return nil })
	_ = both.Wait() // errors are compared
	switch {
	case (c.fails || c.mayFail) && ourErr != nil && theirErr != nil:
		return
	case c.fails || ourErr != nil || theirErr != nil:
		t.Errorf("with %s (should fail: %t)\nthe pipeline: %v\nBuildKit: %v", base, c.fails, ourErr, theirErr)
	case ours != theirs:
		t.Errorf("with %s: the pipeline -, BuildKit +\n%s", base, difference(ours, theirs))
	}
}

func (d differential) ours(t *testing.T, root string, c buildCase) (string, error) {
	images := d.images
	images.Root = root
	r := pipeline.Request{BuildRequest: image.BuildRequest{
		Container: image.Container{Name: "web", Kind: image.KindDockerfile, Dir: "containers/web"}, Platforms: []image.Platform{c.on},
		Target: c.target, Args: c.args,
	}}
	for id, value := range c.secrets {
		r.Secrets = append(r.Secrets, pipeline.Secret{Name: id, Value: value})
	}
	img, err := images.Build(t.Context(), r)
	if err != nil {
		return "", err
	}
	file := filepath.Join(root, "ours.tar")
	if err := img.Archive(t.Context(), file); err != nil {
		return "", err
	}
	return described(file, c.times)
}

func (d differential) theirs(t *testing.T, dir string, c buildCase) (string, error) {
	options := map[string]string{"platform": c.on.String(), "context:" + logicalBase: "docker-image://" + d.base()}
	if c.target != "" {
		options["target"] = c.target
	}
	for name, value := range c.args {
		options["build-arg:"+name] = value
	}
	secrets := map[string][]byte{}
	for id, value := range c.secrets {
		secrets[id] = []byte(value)
	}
	file := filepath.Join(filepath.Dir(dir), "theirs.tar")
	if err := d.frontend.Build(t.Context(), dir, options, secrets, file); err != nil {
		return "", err
	}
	return described(file, c.times)
}

// TestDirectoriesBuildLikeBuildKit: the same holds for the API's dockerBuild of a whole directory, which must itself leave out the files that an
// ignore file names.
func TestDirectoriesBuildLikeBuildKit(t *testing.T) {
	d := newDifferential(t)
	for _, c := range buildCases(t) {
		if !strings.HasPrefix(c.name, "ignore-") && !strings.HasPrefix(c.name, "latin1") {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "context")
			c.write(t, dir, d.base())
			theirs, theirErr := d.theirs(t, dir, c)
			file := filepath.Join(t.TempDir(), "ours.tar")
			_, ourErr := d.client.Host().Directory(dir).DockerBuild().Export(t.Context(), file)
			if (ourErr != nil) != c.fails || (theirErr != nil) != c.fails {
				t.Fatalf("should fail: %t\nthe API: %v\nBuildKit: %v", c.fails, ourErr, theirErr)
			}
			if c.fails {
				return
			}
			ours, err := described(file, c.times)
			if err != nil {
				t.Fatal(err)
			}
			if ours != theirs {
				t.Errorf("the API -, BuildKit +\n%s", difference(ours, theirs))
			}
		})
	}
}

// An ignore file without patterns does not change a directory, also a directory that was sent without some of its files.
func TestEmptyIgnoreFileOfPartOfAFolder(t *testing.T) {
	d := newDifferential(t)
	dir := t.TempDir()
	place(t, filepath.Join(dir, "Dockerfile"), "FROM scratch\nCOPY . /\n", 0o644)
	place(t, filepath.Join(dir, ".dockerignore"), "# nothing\n", 0o644)
	place(t, filepath.Join(dir, "left-out"), "x", 0o644)
	built := d.client.Host().Directory(dir, dagger.HostDirectoryOpts{Exclude: []string{"left-out"}}).DockerBuild()
	got, err := built.Rootfs().Entries(t.Context())
	if err != nil || !slices.Equal(got, []string{".dockerignore", "Dockerfile"}) {
		t.Errorf("%q, %v", got, err)
	}
}

// Patterns with which a directory was sent do not apply to its folders: their ignore files name their own files.
func TestIgnoreFileOfAFolderOfPartOfAFolder(t *testing.T) {
	d := newDifferential(t)
	dir := t.TempDir()
	for file, text := range map[string]string{"Dockerfile": "FROM scratch\nCOPY . /\n", ".dockerignore": "left-out\n", "left-out": "x"} {
		place(t, filepath.Join(dir, "sub", file), text, 0o644)
	}
	built := d.client.Host().Directory(dir, dagger.HostDirectoryOpts{Exclude: []string{"left-out"}}).Directory("sub").DockerBuild()
	got, err := built.Rootfs().Entries(t.Context())
	if err != nil || !slices.Equal(got, []string{".dockerignore", "Dockerfile"}) {
		t.Errorf("%q, %v", got, err)
	}
}

// described is a whole image, without the distribution of its files over layers, and without times unless times is set.
func described(file string, times bool) (string, error) {
	img, err := tarball.ImageFromPath(file, nil)
	if err != nil {
		return "", err
	}
	raw, err := img.RawConfigFile()
	if err != nil {
		return "", err
	}
	var config map[string]any
	if err := json.Unmarshal(raw, &config); err != nil {
		return "", err
	}
	if rootfs, ok := config["rootfs"].(map[string]any); ok {
		config["layers"] = len(list(rootfs["diff_ids"]))
	}
	delete(config, "rootfs")
	if !times {
		delete(config, "created")
		for _, h := range list(config["history"]) {
			delete(h.(map[string]any), "created")
		}
	}
	text, err := json.MarshalIndent(config, "", " ")
	if err != nil {
		return "", err
	}
	files, err := flattened(img, times)
	return string(text) + "\n" + strings.Join(files, "\n"), err
}

func list(v any) []any { l, _ := v.([]any); return l }

// epoch is the SOURCE_DATE_EPOCH of the Dockerfiles whose times are compared.
var epoch = time.Unix(1700000000, 0)

// flattened are the files of an image, a line for each.
func flattened(img v1.Image, times bool) ([]string, error) {
	tree := mutate.Extract(img)
	defer tree.Close()
	var lines []string
	for archive := tar.NewReader(tree); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			return nil, err
		}
		if len(content) > 300 {
			content = fmt.Appendf(nil, "%d bytes, SHA-256 %x", len(content), sha256.Sum256(content))
		}
		at := ""
		switch {
		case times && h.ModTime.After(epoch):
			at = "later " // a RUN of each builder wrote it at its own time
		case times:
			at = h.ModTime.UTC().String() + " "
		}
		lines = append(lines, at+fmt.Sprintf("%s %d:%d /%s %s %q %v", h.FileInfo().Mode(), h.Uid, h.Gid, path.Clean(h.Name), h.Linkname, content, h.PAXRecords))
	}
	slices.Sort(lines)
	return lines, nil
}

// difference returns the lines that only one of two texts has.
func difference(a, b string) string {
	var out []string
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for _, line := range as {
		if !slices.Contains(bs, line) {
			out = append(out, "- "+line)
		}
	}
	for _, line := range bs {
		if !slices.Contains(as, line) {
			out = append(out, "+ "+line)
		}
	}
	if len(out) == 0 {
		out = append(out, "the same lines, some of them more often or in another order", a, b)
	}
	return strings.Join(out, "\n")
}

// An image without layers works in each place where one with layers does.
func TestImageWithoutLayers(t *testing.T) {
	d := newDifferential(t)
	d.images.Root = t.TempDir()
	place(t, filepath.Join(d.images.Root, "containers", "web", "Dockerfile"), "FROM scratch\nLABEL a=b\n", 0o644)
	img, err := d.images.Build(t.Context(), pipeline.Request{BuildRequest: image.BuildRequest{
		Container: image.Container{Name: "web", Kind: image.KindDockerfile, Dir: "containers/web"}, Platforms: []image.Platform{amd64, arm64},
	}})
	if err != nil {
		t.Fatal(err)
	}
	archives, err := img.Archives(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var variants []image.Variant
	for _, a := range archives {
		variants = append(variants, image.Variant{Platform: a.Platform, File: a.File})
	}
	made, err := ownregistry.AssembleContext(t.Context(), variants, image.Metadata{Labels: map[string]string{"c": "d"}})
	if err != nil {
		t.Fatal(err)
	}
	defer made.Close()
	version, err := image.ParseVersion("v0.0.0")
	if err != nil {
		t.Fatal(err)
	}
	target, err := image.NewReference(d.host, "lab", "web", version)
	if err != nil {
		t.Fatal(err)
	}
	client := ownregistry.New(ownregistry.Options{Plain: []string{d.host}})
	if _, err := client.Push(t.Context(), target, made); err != nil {
		t.Fatal(err)
	}
	found, ok, err := client.Look(t.Context(), target)
	if err != nil || !ok || !image.SamePlatforms(found.Platforms, []image.Platform{amd64, arm64}) || found.Labels["a"] != "b" || found.Labels["c"] != "d" {
		t.Errorf("%+v, %t, %v", found, ok, err)
	}
	if err := img.Archive(t.Context(), filepath.Join(t.TempDir(), "both.tar")); err != nil {
		t.Error(err)
	}
	one, err := d.images.Build(t.Context(), pipeline.Request{BuildRequest: image.BuildRequest{
		Container: image.Container{Name: "web", Kind: image.KindDockerfile, Dir: "containers/web"}, Platforms: []image.Platform{amd64},
	}})
	if err != nil {
		t.Fatal(err)
	}
	rootfs := filepath.Join(t.TempDir(), "rootfs")
	if err := one.Rootfs(t.Context(), rootfs); err != nil {
		t.Error(err)
	}
	if entries, err := os.ReadDir(rootfs); err != nil || len(entries) > 0 {
		t.Errorf("the root file system has %v, %v", entries, err)
	}
}
