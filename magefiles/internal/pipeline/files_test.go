package pipeline

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

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
