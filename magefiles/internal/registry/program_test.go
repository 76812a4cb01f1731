package registry

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

func sumOf(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// withProgram is an image of /app with the content of the compiled program.
func withProgram(t *testing.T, e export, compiled string) image.Variant {
	t.Helper()
	return image.Variant{Platform: e.platform, File: e.write(t), Program: "/app", SHA256: sumOf(compiled)}
}

// An engine ships an old program under the new commit's label: everything fits except the content.
func TestStaleProgramIsNotAssembled(t *testing.T) {
	for name, c := range map[string]struct {
		of    export
		found string
	}{
		"an old one":         {simple(amd64, "hi"), sumOf("hi")},
		"none":               {export{platform: amd64, layers: [][]tar.Header{{file("other", "ho")}}}, ""},
		"none, and no layer": {export{platform: amd64}, ""},
	} {
		for _, repack := range []bool{true, false} {
			meta := metadata()
			meta.Repack = repack
			_, err := AssembleContext(t.Context(), []image.Variant{withProgram(t, c.of, "ho")}, meta)
			var stale *ProgramError
			if !errors.As(err, &stale) || stale.Found != c.found || stale.Want != sumOf("ho") || stale.Platform != amd64 {
				t.Errorf("%s (repack: %v): error %v", name, repack, err)
			}
		}
	}
}

func TestProgramsAreReadBack(t *testing.T) {
	var wrong, digest string // if not "", it is served instead of the amd64 program's layer
	s := newServer(t, serverOptions{front: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch asked := r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/blobs/"+digest); {
			case !asked || wrong == "":
				next.ServeHTTP(w, r)
			case wrong == "none":
				http.NotFound(w, r)
			default:
				_, _ = w.Write(gzipped(t, layerTar(t, []tar.Header{file("app", wrong)}, commit), 6))
			}
		})
	}})
	c := New(fast())
	meta := metadata()
	meta.Repack = true
	a, err := AssembleContext(t.Context(), []image.Variant{withProgram(t, simple(amd64, "ho"), "ho"), withProgram(t, simple(arm64, "he"), "he")}, meta)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	ref := refAt(s.host, "v1.0.0")
	if _, err := c.Push(t.Context(), ref, a); err != nil {
		t.Fatal(err)
	}
	if err := c.Verify(t.Context(), ref, a); err != nil {
		t.Error(err)
	}
	digest, wrong = a.images[0].layers[0].desc.Digest.String(), "hi"
	wantError(t, c.Verify(t.Context(), ref, a), ErrMismatch, "stores a different /app for linux/amd64")
	wrong = "none"
	wantError(t, c.Verify(t.Context(), ref, a), ErrMismatch, "the layer of /app", "does not have it")
}
