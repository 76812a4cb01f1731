package pipeline

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestIgnored(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"no file":    {nil, nil},
		"empty file": {map[string]string{".dockerignore": "# nothing\n\n"}, nil},
		"patterns":   {map[string]string{".dockerignore": "*\n!src/\n"}, []string{"*", "!src", "!Dockerfile", "!.dockerignore"}},
		"its own file goes first": {
			map[string]string{".dockerignore": "a", "Dockerfile.dockerignore": "b"}, []string{"b", "!Dockerfile", "!Dockerfile.dockerignore"},
		},
	} {
		dir := t.TempDir()
		for file, text := range c.files {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := ignored(dir); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, %v; want %q", name, got, err, c.want)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ".dockerignore"), []byte("[a"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := ignored(dir); err == nil || !strings.Contains(err.Error(), ".dockerignore") {
		t.Errorf("a pattern that is none: %q, %v; want an error that names the file", got, err)
	}
}

func TestCountLayers(t *testing.T) {
	write := func(files map[string]string) string {
		var buffer bytes.Buffer
		w := tar.NewWriter(&buffer)
		for name, text := range files {
			if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
				t.Fatal(err)
			}
			_, _ = w.Write([]byte(text))
		}
		_ = w.Close()
		file := filepath.Join(t.TempDir(), "x.tar")
		if err := os.WriteFile(file, buffer.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return file
	}
	good := write(map[string]string{
		"blobs/sha256/a": `{"architecture":"amd64","config":{},"rootfs":{}}`,
		"blobs/sha256/b": "not JSON",
		"blobs/sha256/c": `{"config":{"digest":"a"},"layers":[{},{},{}]}`,
		"index.json":     `{"config":{},"layers":[{}]}`,
	})
	if n, err := countLayers(good); err != nil || n != 3 {
		t.Errorf("got %d, %v; want 3", n, err)
	}
	if n, err := countLayers(write(map[string]string{"index.json": "{}"})); err == nil {
		t.Errorf("a layout without an image has %d layers", n)
	}
}
