package registry

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// randomText is text that compresses badly, the same in every run.
func randomText(n int) string {
	r := rand.NewChaCha8([32]byte{})
	b := make([]byte, n)
	_, _ = r.Read(b) // never fails
	return string(b)
}

func configOf(t *testing.T, a *Artifact, i int) map[string]any {
	t.Helper()
	r, err := a.images[i].config.open()
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.NewDecoder(r).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestAssembleStampsAndKeeps(t *testing.T) {
	e := simple(amd64, "a")
	e.docker, e.nested = true, true
	e.config = map[string]any{"moby.thing": "kept", "config": map[string]any{
		"Labels": map[string]string{"maintainer": "me"}, "Healthcheck": map[string]any{"StartInterval": 5},
	}}
	a := assembled(t, metadata(), e)
	doc := configOf(t, a, 0)
	config := doc["config"].(map[string]any)
	for what, got := range map[string][2]any{
		"created":         {doc["created"], "2026-03-01T12:30:45Z"},
		"history":         {doc["history"].([]any)[0].(map[string]any)["created"], "2026-03-01T12:30:45Z"},
		"foreign field":   {doc["moby.thing"], "kept"},
		"health check":    {config["Healthcheck"].(map[string]any)["StartInterval"], 5.0},
		"labels":          {config["Labels"], map[string]any{"maintainer": "me", "org.opencontainers.image.revision": "abc"}},
		"config's type":   {string(a.images[0].config.desc.MediaType), "application/vnd.oci.image.config.v1+json"},
		"layer's type":    {string(a.images[0].layers[0].desc.MediaType), "application/vnd.oci.image.layer.v1.tar+gzip"},
		"manifest's type": {string(a.root.mediaType), "application/vnd.oci.image.manifest.v1+json"},
	} {
		if !reflect.DeepEqual(got[0], got[1]) {
			t.Errorf("%s: got %v, want %v", what, got[0], got[1])
		}
	}
	var m struct{ Annotations map[string]string }
	if err := json.Unmarshal(a.root.raw, &m); err != nil || !reflect.DeepEqual(m.Annotations, metadata().Annotations) {
		t.Errorf("annotations %v, %v", m, err)
	}
}

func TestAssembleWithoutMetadataKeepsTimes(t *testing.T) {
	a := assembled(t, image.Metadata{}, simple(amd64, "a"))
	if got := configOf(t, a, 0)["created"]; got != "2026-05-06T07:08:09.123456789Z" {
		t.Errorf("created %v", got)
	}
}

func TestAssembleRefuses(t *testing.T) {
	good := simple(amd64, "a")
	with := func(change func(*export)) func(testing.TB) string {
		return func(t testing.TB) string { e := good; change(&e); return e.write(t) }
	}
	text := func(s string) func(testing.TB) string {
		return func(t testing.TB) string {
			path := filepath.Join(t.TempDir(), "x.tar")
			if err := os.WriteFile(path, []byte(s), 0o600); err != nil {
				t.Fatal(err)
			}
			return path
		}
	}
	for _, tt := range []struct {
		name    string
		archive func(testing.TB) string
		want    string
	}{
		{"other platform", with(func(e *export) { e.platform = arm64 }), "its config states [linux/arm64], but it was built for linux/amd64"},
		{"no index", with(func(e *export) { e.without = "index.json" }), "index.json is missing"},
		{"damaged config", with(func(e *export) { e.corrupt = "config" }), "is damaged"},
		{"damaged layer", with(func(e *export) { e.corrupt = "layer" }), "layer sha256:"},
		{"no tar", text(strings.Repeat("no tar ", 200)), "expected an uncompressed tar"},
		{"gzip", text("\x1f\x8b" + strings.Repeat("x", 2000)), "expected an uncompressed tar"},
		{"absent", func(testing.TB) string { return "/nonexistent/image.tar" }, "/nonexistent/image.tar"},
		{"hard link to nowhere", with(func(e *export) { e.layers = [][]tar.Header{{link("a", "gone")}} }), "hard link to gone"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			temp := t.TempDir()
			_, err := AssembleContext(context.Background(), []image.Variant{{Platform: amd64, File: tt.archive(t)}}, image.Metadata{Created: commit, Repack: true, TempDir: temp})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("err = %v", err)
			}
			left, err := os.ReadDir(temp)
			if err != nil || len(left) != 0 {
				t.Errorf("left behind: %v %v", left, err)
			}
		})
	}
	for name, tt := range map[string]struct {
		variants []image.Variant
		meta     image.Metadata
		want     string
	}{
		"none":       {nil, image.Metadata{}, "no variant"},
		"twice":      {[]image.Variant{{Platform: arm64}, {Platform: image.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"}}}, image.Metadata{}, "twice"},
		"no time":    {[]image.Variant{{Platform: arm64}}, image.Metadata{Repack: true}, "creation time"},
		"base layer": {[]image.Variant{{Platform: amd64, File: good.write(t), BaseLayers: 2}}, image.Metadata{Created: commit, Repack: true}, "do not match"},
	} {
		if _, err := AssembleContext(context.Background(), tt.variants, tt.meta); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: err = %v", name, err)
		}
	}
}

func TestAssembleEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e := simple(amd64, "a")
	_, err := AssembleContext(ctx, []image.Variant{{Platform: amd64, File: e.write(t)}}, image.Metadata{Created: commit, Repack: true})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
}

// A damaged layer that is not re-packed is found when it is read, and never reaches a tag.
func TestDamagedLayerIsNotPublished(t *testing.T) {
	s := newServer(t, serverOptions{})
	e := simple(amd64, randomText(1<<16))
	e.corrupt = "layer"
	a := assembled(t, metadata(), e)
	if _, err := New(fast()).Push(t.Context(), refAt(s.host, "v1"), a); err == nil || !strings.Contains(err.Error(), "content to push: blob sha256:") {
		t.Errorf("err = %v", err)
	}
	if _, ok, err := New(fast()).Look(t.Context(), refAt(s.host, "v1")); ok || err != nil {
		t.Errorf("ok=%v err=%v", ok, err)
	}
}

// The same files from two engines: other layer counts, orders, times, users, compression and configs.
func TestRepackRepeats(t *testing.T) {
	one := export{
		platform: amd64, level: gzip.BestSpeed, moment: time.Unix(1e9, 5),
		layers: [][]tar.Header{
			{dir("etc"), file("etc/conf", "old"), dir("usr"), dir("usr/bin"), file("usr/bin/app", "binary"), link("usr/bin/alias", "usr/bin/app")},
			{file("etc/conf", "new"), file("gone", "x")},
			{file(".wh.gone", "")},
		},
		config: map[string]any{"moby.buildkit.cache": "x", "config": map[string]any{
			"Entrypoint": []string{"/usr/bin/app"}, "OnBuild": nil, "User": "", "Hostname": "builder",
		}},
	}
	two := export{
		platform: amd64, level: gzip.BestCompression, docker: true, nested: true,
		layers: [][]tar.Header{{
			{Typeflag: tar.TypeReg, Name: "./usr/bin/app", Linkname: "binary", Mode: 0o100755, Uname: "root", Gname: "root", AccessTime: time.Unix(2e9, 3), Format: tar.FormatPAX},
			link("usr/bin/alias", "./usr/bin/app"), file("/etc/conf", "new"),
		}},
		config: map[string]any{"author": "somebody", "config": map[string]any{"Entrypoint": []string{"/usr/bin/app"}}, "history": nil},
	}
	meta := metadata()
	meta.Repack = true
	first, second := assembled(t, meta, one), assembled(t, meta, two)
	if first.Digest() != second.Digest() {
		t.Errorf("%s\n%s\n%v\n%v", first.root.raw, second.root.raw, configOf(t, first, 0), configOf(t, second, 0))
	}
	got := listing(t, first.images[0].layers[0])
	want := []string{
		"etc/ 755", "etc/conf 755 new", "usr/ 755", "usr/bin/ 755", "usr/bin/alias 755 binary", "usr/bin/app -> usr/bin/alias",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("layer holds %q, want %q", got, want)
	}
	two.layers[0][2] = file("etc/conf", "other")
	if third := assembled(t, meta, two); third.Digest() == first.Digest() {
		t.Error("other content, the same digest")
	}
}

// listing reads a packed layer, and asserts that no entry has a time or a user of its making.
func listing(t *testing.T, b blob) []string {
	t.Helper()
	r, err := b.layer().Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var out []string
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if !h.ModTime.Equal(commit) || h.Uname+h.Gname != "" || !h.AccessTime.IsZero() || !h.ChangeTime.IsZero() {
			t.Errorf("%s: %+v", h.Name, h)
		}
		content, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		line := h.Name + " " + strings.TrimSpace(string(content))
		switch h.Typeflag {
		case tar.TypeLink:
			line = h.Name + " -> " + h.Linkname
		case tar.TypeDir:
			line = h.Name + " 755"
		case tar.TypeReg:
			line = strings.TrimSpace(h.Name + " 755 " + string(content))
		}
		out = append(out, line)
	}
}

func TestRepackKeepsTheBase(t *testing.T) {
	base := layerTar(t, []tar.Header{dir("lib"), file("lib/c.so", "libc"), file("lib/secret", "x")}, time.Unix(5, 0))
	e := export{
		platform: amd64, extraLayer: base,
		layers: [][]tar.Header{{file("lib/.wh.secret", ""), file("app", "one")}, {file("opt/.wh..wh..opq", ""), file("app", "two")}},
		config: map[string]any{"history": []map[string]any{
			{"created_by": "base"}, {"created_by": "ENV", "empty_layer": true}, {"created_by": "COPY"}, {"created_by": "COPY"},
		}},
	}
	path := e.write(t)
	meta := metadata()
	meta.Repack = true
	a, err := AssembleContext(context.Background(), []image.Variant{{Platform: amd64, File: path, BaseLayers: 1}}, meta)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	layers := a.images[0].layers
	if len(layers) != 2 || layers[0].desc.Digest.String() != digestOf(gzipped(t, base, 0)) {
		t.Fatalf("layers %v", layers)
	}
	want := []string{"app 755 two", "lib/.wh.secret 755", "opt/.wh..wh..opq 755"}
	if got := listing(t, layers[1]); !reflect.DeepEqual(got, want) {
		t.Errorf("own layer holds %q, want %q", got, want)
	}
	history := configOf(t, a, 0)["history"].([]any)
	if len(history) != 2 || history[0].(map[string]any)["created_by"] != "base image" {
		t.Errorf("history %v", history)
	}
}

func FuzzArchive(f *testing.F) {
	e := simple(amd64, "a")
	e.nested = true
	seed, err := os.ReadFile(e.write(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add([]byte("no tar"))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "x.tar")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		a, err := AssembleContext(context.Background(), []image.Variant{{Platform: amd64, File: path}}, image.Metadata{Created: commit, Repack: true})
		if err == nil {
			for _, blob := range a.blobs() {
				if content, err := blob.open(); err == nil {
					_, _ = io.Copy(io.Discard, content)
					_ = content.Close()
				}
			}
			_ = a.Close()
		}
	})
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte(`{"os":"linux","config":{"Labels":null},"history":[{"empty_layer":true}],"rootfs":{"diff_ids":[]}}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if out, err := stampConfig(raw, metadata()); err == nil && !json.Valid(out) {
			t.Errorf("%q", out)
		}
		if out, err := repackedConfig(raw, metadata(), nil, nil); err == nil && !json.Valid(out) {
			t.Errorf("%q", out)
		}
	})
}
