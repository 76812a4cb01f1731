package registry

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

var (
	amd64  = image.Platform{OS: "linux", Architecture: "amd64"}
	arm64  = image.Platform{OS: "linux", Architecture: "arm64"}
	commit = time.Date(2026, 3, 1, 12, 30, 45, 0, time.UTC)
)

// export describes an engine's export, as the tests write it.
type export struct {
	platform   image.Platform
	layers     [][]tar.Header // content of regular files is their Linkname
	level      int            // gzip level, which differs between engines
	docker     bool           // Docker media types
	nested     bool           // index.json names an index that names the manifest and an attestation
	config     map[string]any // merged over the default config
	corrupt    string         // "layer", "config": content that is not its digest's
	without    string         // a member that is left out
	moment     time.Time      // the export's time stamps
	extraLayer []byte         // a ready layer below the others
}

func dir(name string) tar.Header { return tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755} }
func file(name, content string) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o755, Linkname: content}
}
func link(name, to string) tar.Header {
	return tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: to}
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

type desc struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Platform    map[string]string `json:"platform,omitempty"`
}

// write makes the archive and returns its path.
func (e export) write(t testing.TB) string {
	t.Helper()
	if e.moment.IsZero() {
		e.moment = time.Date(2026, 5, 6, 7, 8, 9, 123456789, time.UTC)
	}
	members := map[string][]byte{"oci-layout": []byte(`{"imageLayoutVersion":"1.0.0"}`)}
	addBlob := func(b []byte, mediaType string) desc {
		d := digestOf(b)
		members["blobs/sha256/"+strings.TrimPrefix(d, "sha256:")] = b
		return desc{MediaType: mediaType, Digest: d, Size: len(b)}
	}
	layerType, manifestType, configType := "application/vnd.oci.image.layer.v1.tar+gzip",
		"application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.config.v1+json"
	if e.docker {
		layerType, manifestType, configType = "application/vnd.docker.image.rootfs.diff.tar.gzip",
			"application/vnd.docker.distribution.manifest.v2+json", "application/vnd.docker.container.image.v1+json"
	}
	var layers []desc
	diffs := []string{}
	add := func(plain []byte) {
		diffs = append(diffs, digestOf(plain))
		layers = append(layers, addBlob(gzipped(t, plain, e.level), layerType))
	}
	if e.extraLayer != nil {
		add(e.extraLayer)
	}
	for _, headers := range e.layers {
		add(layerTar(t, headers, e.moment))
	}
	config := map[string]any{
		"architecture": e.platform.Architecture, "os": e.platform.OS,
		"created": e.moment,
		"config":  map[string]any{"Entrypoint": []string{"/app"}, "Healthcheck": map[string]any{"Test": []string{"CMD", "/app"}, "StartInterval": 5}},
		"rootfs":  map[string]any{"type": "layers", "diff_ids": diffs},
		"history": []map[string]any{{"created": e.moment, "created_by": "COPY"}},
	}
	for k, v := range e.config {
		config[k] = v
	}
	cd := addBlob(mustJSON(t, config), configType)
	md := addBlob(mustJSON(t, map[string]any{"schemaVersion": 2, "mediaType": manifestType, "config": cd, "layers": layers}), manifestType)
	top := md
	if e.nested {
		att := addBlob([]byte(`{"schemaVersion":2}`), "application/vnd.oci.image.manifest.v1+json")
		att.Annotations = map[string]string{"vnd.docker.reference.type": "attestation-manifest"}
		att.Platform = map[string]string{"os": "unknown", "architecture": "unknown"}
		top = addBlob(mustJSON(t, map[string]any{"schemaVersion": 2, "manifests": []desc{md, att}}), "application/vnd.oci.image.index.v1+json")
	}
	members["index.json"] = mustJSON(t, map[string]any{"schemaVersion": 2, "manifests": []desc{top}})
	switch e.corrupt {
	case "layer":
		damage(members, layers[0].Digest)
	case "config":
		damage(members, cd.Digest)
	}
	delete(members, e.without)
	return writeTarFile(t, members)
}

func damage(members map[string][]byte, digest string) {
	name := "blobs/sha256/" + strings.TrimPrefix(digest, "sha256:")
	b := bytes.Clone(members[name])
	b[len(b)/2] ^= 1
	members[name] = b
}

func writeTarFile(t testing.TB, members map[string][]byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image.tar")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tw := tar.NewWriter(f)
	for name, b := range members {
		if err := tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(b)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := tw.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func layerTar(t testing.TB, headers []tar.Header, moment time.Time) []byte {
	t.Helper()
	var b bytes.Buffer
	tw := tar.NewWriter(&b)
	for _, h := range headers {
		content := ""
		if h.Typeflag == tar.TypeReg {
			content, h.Linkname, h.Size = h.Linkname, "", int64(len(h.Linkname))
		}
		h.ModTime = moment
		if err := tw.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(tw, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(t testing.TB, plain []byte, level int) []byte {
	t.Helper()
	if level == 0 {
		level = gzip.DefaultCompression
	}
	var b bytes.Buffer
	zw, err := gzip.NewWriterLevel(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := zw.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func mustJSON(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// simple is an image of one file on scratch.
func simple(p image.Platform, content string) export {
	return export{platform: p, layers: [][]tar.Header{{file("app", content)}}}
}

// assembled makes an artifact that is closed with the test.
func assembled(t testing.TB, meta image.Metadata, exports ...export) *Artifact {
	t.Helper()
	var variants []image.Variant
	for _, e := range exports {
		variants = append(variants, image.Variant{Platform: e.platform, File: e.write(t)})
	}
	a, err := AssembleContext(t.Context(), variants, meta)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}
