package pipeline_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/enginetest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/pipeline"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/pipeline/gobuild"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

var (
	amd64 = image.Platform{OS: "linux", Architecture: "amd64"}
	arm64 = image.Platform{OS: "linux", Architecture: "arm64"}
)

// connect opens a session of the available engine: a Dagger that the environment names, otherwise the tests' own.
func connect(t *testing.T) *dagger.Client {
	t.Helper()
	return openSession(t).Client
}

func openSession(t *testing.T) *engine.Session {
	t.Helper()
	opts := enginetest.Options(t, testenv.Root(t))
	opts.DaggerLog = io.Discard
	if os.Getenv("_EXPERIMENTAL_DAGGER_RUNNER_HOST") != "" {
		opts.Choice = engine.Auto
	}
	return enginetest.Connect(t, opts)
}

// connected returns a session that is open already.
func connected(client *dagger.Client) func(context.Context) (*pipeline.Client, error) {
	return func(context.Context) (*pipeline.Client, error) { return client, nil }
}

func sha256Of(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// images builds in a new module with these files.
func images(t *testing.T, client *dagger.Client, files map[string]string) pipeline.Images {
	t.Helper()
	root := t.TempDir()
	files["go.mod"] = "module example.org/m\n\ngo 1.26\n"
	for name, text := range files {
		file := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return pipeline.Images{
		Connect:  connected(client),
		Compiler: gobuild.Compiler{Root: root, Cache: t.TempDir(), Environ: os.Environ()},
		Root:     root,
	}
}

func container(t *testing.T, b pipeline.Images) image.Container {
	t.Helper()
	found, err := image.Find(os.DirFS(b.Root))
	if err != nil || len(found) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	return found[0]
}

// exported is the tested part of an image in an archive.
type exported struct {
	Architecture string
	Config       struct {
		User         string
		WorkingDir   string
		Env          []string
		Entrypoint   []string
		Cmd          []string
		Labels       map[string]string
		ExposedPorts map[string]any
	}
	layers   []string
	files    []string          // in all layers, as MODE PATH
	contents map[string]string // of the files, by path
}

// export builds and exports for each platform.
func export(t *testing.T, b pipeline.Images, r pipeline.Request) []exported {
	t.Helper()
	img, err := b.Build(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	archives, err := img.Archives(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var images []exported
	for i, a := range archives {
		if a.Platform != r.Platforms[i] {
			t.Errorf("archive %d is for %s, want %s", i, a.Platform, r.Platforms[i])
		}
		e := read(t, a.File)
		if r.Container.Kind == image.KindGo && r.Container.Base != "" && a.BaseLayers != len(e.layers)-1 {
			t.Errorf("%d of %d layers are the base's", a.BaseLayers, len(e.layers))
		}
		images = append(images, e)
	}
	return images
}

func read(t *testing.T, file string) (e exported) {
	t.Helper()
	blobs := map[string][]byte{}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	each(t, f, func(h *tar.Header, content []byte) { blobs[path.Base(h.Name)] = content })
	decode := func(name string, into any) {
		if err := json.Unmarshal(blobs[strings.TrimPrefix(name, "sha256:")], into); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	type descriptor struct{ Digest string }
	var index struct{ Manifests []descriptor }
	var manifest struct {
		Config descriptor
		Layers []descriptor
	}
	decode("index.json", &index)
	decode(index.Manifests[0].Digest, &manifest)
	decode(manifest.Config.Digest, &e)
	e.contents = map[string]string{}
	for _, l := range manifest.Layers {
		e.layers = append(e.layers, l.Digest)
		each(t, bytes.NewReader(inflate(t, blobs[strings.TrimPrefix(l.Digest, "sha256:")])), func(h *tar.Header, content []byte) {
			name := "/" + strings.TrimSuffix(h.Name, "/")
			e.files = append(e.files, h.FileInfo().Mode().String()+" "+name)
			e.contents[name] = string(content)
		})
	}
	return e
}

// inflate decompresses gzip, which a layer may use.
func inflate(t *testing.T, blob []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(blob))
	if err != nil {
		return blob
	}
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func each(t *testing.T, r io.Reader, visit func(*tar.Header, []byte)) {
	t.Helper()
	for archive := tar.NewReader(r); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		visit(header, content)
	}
}

const program = "package main\n\nimport \"os\"\n\nfunc main() { os.Stdout.WriteString(\"hello\") }\n"

func TestGoContainer(t *testing.T) {
	client := connect(t)
	b := images(t, client, map[string]string{"containers/hello/main.go": program})
	r := pipeline.Request{BuildRequest: image.BuildRequest{Container: container(t, b), Platforms: []image.Platform{amd64, arm64}}}
	built := export(t, b, r)
	for i, architecture := range []string{"amd64", "arm64"} {
		e := built[i]
		if e.Architecture != architecture || e.Config.User != "65532:65532" || !slices.Equal(e.Config.Entrypoint, []string{"/hello"}) {
			t.Errorf("%s: %+v", architecture, e)
		}
		if !slices.Equal(e.files, []string{"-rwxr-xr-x /hello"}) {
			t.Errorf("%s: files %q", architecture, e.files)
		}
	}
	if again := export(t, b, r); !slices.Equal(again[0].layers, built[0].layers) {
		t.Errorf("built again it has layers %q, at first %q", again[0].layers, built[0].layers)
	}
}

func TestGoContainerOutputs(t *testing.T) {
	client := connect(t)
	b := images(t, client, map[string]string{"containers/hello/main.go": program})
	img, err := b.Build(t.Context(), pipeline.Request{BuildRequest: image.BuildRequest{Container: container(t, b), Platforms: []image.Platform{amd64}}})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := img.Rootfs(t.Context(), filepath.Join(dir, "root")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(dir, "root/hello")); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("%v, %v", info, err)
	}
	both, err := b.Build(t.Context(), pipeline.Request{BuildRequest: image.BuildRequest{Container: container(t, b), Platforms: []image.Platform{amd64, arm64}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := both.Archive(t.Context(), filepath.Join(dir, "both.tar")); err != nil {
		t.Fatal(err)
	}
	if err := both.Rootfs(t.Context(), filepath.Join(dir, "none")); err == nil {
		t.Error("two platforms have one root file system")
	}
}

// aRegistry holds base:1, which is for amd64 only. It has at most one user, whose password is the name.
func aRegistry(t *testing.T, client *dagger.Client, user ...string) (host string) {
	t.Helper()
	var o lab.RegistryOptions
	if len(user) > 0 {
		o.Users = map[string]string{user[0]: user[0]}
	}
	r, err := lab.StartRegistry(t.Context(), lab.Home{}, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	base := client.Container(dagger.ContainerOpts{Platform: "linux/amd64"}).WithNewFile("/base", "base").WithEnvVariable("FROM_BASE", "1")
	if len(user) > 0 {
		base = base.WithRegistryAuth(r.Addr, user[0], client.SetSecret("registry", user[0]))
	}
	_, err = base.Publish(t.Context(), r.Addr+"/library/base:1")
	if err != nil {
		t.Fatal(err)
	}
	return r.Addr
}

func TestBaseBehindAPassword(t *testing.T) {
	host := aRegistry(t, connect(t), "reader")
	for name, content := range map[string]string{
		"containers/hello/main.go":    "//blumeops:base " + host + "/library/base:1\n" + program,
		"containers/hello/Dockerfile": "FROM " + host + "/library/base:1\n",
	} {
		b := images(t, connect(t), map[string]string{name: content})
		r := pipeline.Request{BuildRequest: image.BuildRequest{Container: container(t, b), Platforms: []image.Platform{amd64}}}
		if _, err := b.Build(t.Context(), r); err == nil || !strings.Contains(err.Error(), "401") && !strings.Contains(err.Error(), "credentials") {
			t.Errorf("%s without an account: %v", name, err)
		} else if hinter := (interface{ Hint() string })(nil); !errors.As(err, &hinter) || !strings.Contains(hinter.Hint(), "docker login") || !strings.Contains(hinter.Hint(), "BLUMEOPS_REGISTRY_USER") {
			t.Errorf("%s without an account: no remedy: %v", name, err)
		}
		b.Login = func(_ context.Context, asked string) (user, password string, ok bool, err error) {
			return "reader", "reader", asked == host, nil
		}
		if e := export(t, b, r)[0]; !slices.Contains(e.Config.Env, "FROM_BASE=1") {
			t.Errorf("%s: %+v", name, e)
		}
		b.Login = func(context.Context, string) (string, string, bool, error) {
			return "", "", false, errors.New("no password")
		}
		if _, err := b.Build(t.Context(), r); err == nil || !strings.Contains(err.Error(), "no password") || !strings.Contains(err.Error(), host) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestGoContainerOnABase(t *testing.T) {
	client := connect(t)
	host := aRegistry(t, client)
	b := images(t, client, map[string]string{"containers/hello/main.go": "//blumeops:base docker.io/library/base:1\n" + program})
	b.Site.Mirrors = map[string]string{"docker.io": host}
	r := pipeline.Request{BuildRequest: image.BuildRequest{Container: container(t, b), Platforms: []image.Platform{amd64}}}
	e := export(t, b, r)[0]
	if !slices.Contains(e.Config.Env, "FROM_BASE=1") || !slices.Contains(e.files, "-rwxr-xr-x /hello") || len(e.layers) != 2 {
		t.Errorf("%+v", e)
	}
	r.Platforms = []image.Platform{arm64}
	_, err := b.Build(t.Context(), r)
	wantError(t, err, "linux/arm64: base image docker.io/library/base:1 is only for linux/amd64")
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v; want it to say %q", err, part)
		}
	}
}

const dockerfile = `ARG WHO=nobody
FROM scratch
ARG WHO
ARG TARGETARCH
ARG BUILDPLATFORM
ARG PIP_INDEX_URL
LABEL who=$WHO arch=$TARGETARCH build=$BUILDPLATFORM pip=$PIP_INDEX_URL
COPY . /src
ENV A=1
WORKDIR /src
USER 7:7
EXPOSE 8080/tcp
ENTRYPOINT ["/entry"]
CMD ["arg"]
`

func TestDockerfile(t *testing.T) {
	client := connect(t)
	b := images(t, client, map[string]string{
		"containers/web/Dockerfile":    dockerfile,
		"containers/web/.dockerignore": "*.log\nprivate\n",
		"containers/web/a.txt":         "a",
		"containers/web/b.log":         "b",
		"containers/web/private/key":   "key",
		"outside":                      "outside",
	})
	b.Site.Packages = map[string]string{"PIP_INDEX_URL": "https://pypi.example"}
	native, err := client.DefaultPlatform(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	built := export(t, b, pipeline.Request{BuildRequest: image.BuildRequest{
		Container: container(t, b), Platforms: []image.Platform{amd64, arm64}, Args: map[string]string{"WHO": "me"},
	}})
	for i, architecture := range []string{"amd64", "arm64"} {
		e := built[i]
		labels := map[string]string{"who": "me", "arch": architecture, "build": string(native), "pip": "https://pypi.example"}
		for name, want := range labels {
			if e.Config.Labels[name] != want {
				t.Errorf("%s: label %s is %q, want %q", architecture, name, e.Config.Labels[name], want)
			}
		}
		if e.Architecture != architecture || e.Config.User != "7:7" || e.Config.WorkingDir != "/src" || !slices.Contains(e.Config.Env, "A=1") ||
			!slices.Equal(e.Config.Entrypoint, []string{"/entry"}) || !slices.Equal(e.Config.Cmd, []string{"arg"}) || e.Config.ExposedPorts["8080/tcp"] == nil {
			t.Errorf("%s: %+v", architecture, e)
		}
		all := strings.Join(e.files, "\n")
		if !strings.Contains(all, "/src/a.txt") || strings.Contains(all, "b.log") || strings.Contains(all, "private") || strings.Contains(all, "outside") {
			t.Errorf("%s: files\n%s", architecture, all)
		}
	}
}

func TestDockerfileBases(t *testing.T) {
	client := connect(t)
	host := aRegistry(t, client)
	b := images(t, client, map[string]string{"containers/web/Dockerfile": "ARG V=1\nFROM base:$V\nCOPY Dockerfile /\n"})
	b.Site.Mirrors = map[string]string{"docker.io": host}
	r := pipeline.Request{BuildRequest: image.BuildRequest{Container: container(t, b), Platforms: []image.Platform{amd64}}}
	if e := export(t, b, r)[0]; !slices.Contains(e.Config.Env, "FROM_BASE=1") {
		t.Errorf("%+v", e)
	}
	r.Platforms = []image.Platform{arm64}
	if _, err := b.Build(t.Context(), r); err == nil || !strings.Contains(err.Error(), "arm64") {
		t.Errorf("a base without the platform: %v", err)
	}
	r.Platforms, r.Args = []image.Platform{amd64}, map[string]string{"V": "2"}
	_, err := b.Build(t.Context(), r)
	wantError(t, err, "linux/amd64: ", "library/base:2")
}

func TestDockerfileErrors(t *testing.T) {
	client := connect(t)
	for name, c := range map[string]struct{ text, target, want string }{
		"does not parse":  {"FROM scratch\nCOPPY a b\n", "", "containers/web/Dockerfile:2:1: unknown instruction: COPPY"},
		"file is missing": {"FROM scratch\nCOPY nosuch /\n", "", "nosuch"},
		"no such stage":   {"FROM scratch AS a\nCOPY Dockerfile /\n", "nosuch", "linux/amd64: "},
		"empty":           {"", "", "linux/amd64: "},
	} {
		t.Run(name, func(t *testing.T) {
			b := images(t, client, map[string]string{"containers/web/Dockerfile": c.text})
			_, err := b.Build(t.Context(), pipeline.Request{BuildRequest: image.BuildRequest{Container: container(t, b), Platforms: []image.Platform{amd64}, Target: c.target}})
			wantError(t, err, c.want)
			if err != nil && strings.Contains(err.Error(), "traceparent") {
				t.Errorf("error %q has telemetry in it", err)
			}
		})
	}
}

func TestProgramThatDoesNotCompile(t *testing.T) {
	client := connect(t)
	b := images(t, client, map[string]string{"containers/hello/main.go": "package main\n\nfunc main() { nosuch() }\n"})
	var mu sync.Mutex
	var steps []string
	b.Step = func(name string) func(error) {
		return func(err error) {
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				steps = append(steps, name)
			}
		}
	}
	_, err := b.Build(t.Context(), pipeline.Request{BuildRequest: image.BuildRequest{Container: container(t, b), Platforms: []image.Platform{amd64}}})
	wantError(t, err, "main.go:3:15", "undefined: nosuch")
	if !slices.Equal(steps, []string{"compile hello"}) {
		t.Errorf("failed steps %q", steps)
	}
}

// The platform of an image with a wrong one is corrected, and the configuration kept.
func TestWrongPlatformIsCorrected(t *testing.T) {
	client := connect(t)
	stated := client.Container(dagger.ContainerOpts{Platform: "linux/amd64"}).
		WithNewFile("/file", "text").WithEnvVariable("A", "1").WithLabel("l", "2").WithExposedPort(53, dagger.ContainerWithExposedPortOpts{Protocol: dagger.NetworkProtocolUdp}).
		WithEntrypoint([]string{"/entry"}).WithDefaultArgs([]string{"arg"}).WithUser("7:7").WithWorkdir("/work")
	for _, platform := range []image.Platform{amd64, arm64} {
		corrected, err := pipeline.WithPlatform(t.Context(), client, stated, platform)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "image.tar")
		if _, err := corrected.Export(t.Context(), file); err != nil {
			t.Fatal(err)
		}
		e := read(t, file)
		if e.Architecture != platform.Architecture || !slices.Contains(e.Config.Env, "A=1") || e.Config.Labels["l"] != "2" || e.Config.ExposedPorts["53/udp"] == nil ||
			!slices.Equal(e.Config.Entrypoint, []string{"/entry"}) || !slices.Equal(e.Config.Cmd, []string{"arg"}) || e.Config.User != "7:7" || e.Config.WorkingDir != "/work" {
			t.Errorf("%s: %+v", platform, e)
		}
		if !strings.Contains(strings.Join(e.files, "\n"), "/file") {
			t.Errorf("%s: files %q", platform, e.files)
		}
	}
}
