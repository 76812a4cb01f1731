package scale

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSize checks the numbers of items that the benchmarks claim.
func TestSize(t *testing.T) {
	t.Parallel()
	var pages, links, words, dockerfiles, programs, objects, kustomizations int
	err := Each(Times(1), func(path, text string) error {
		switch {
		case strings.HasPrefix(path, "docs/section-") && strings.Contains(path, "topic-"):
			pages++
			links += strings.Count(text, "[[") + strings.Count(text, "](") - strings.Count(text, "[[not a link]]")
			words += len(text)
		case strings.HasSuffix(path, "/Dockerfile"):
			dockerfiles++
		case strings.HasPrefix(path, "containers/") && strings.HasSuffix(path, ".go"):
			programs++
		case strings.HasSuffix(path, "/kustomization.yaml"):
			kustomizations++
		case strings.HasPrefix(path, "argocd/manifests/"):
			objects++
		}
		return nil
	})
	if err != nil || pages != 1000 || links != 10_000 || dockerfiles+programs != 100 || objects != 300 || kustomizations != 100 {
		t.Errorf("%d pages with %d links, %d Dockerfiles, %d programs, %d objects in %d kustomizations, %v", pages, links, dockerfiles, programs, objects, kustomizations, err)
	}
	if mean := words / pages; mean < 4000 || mean > 6000 {
		t.Errorf("a page has %d bytes", mean)
	}
}

// TestRepeats checks that the files on disk are the same each time.
func TestRepeats(t *testing.T) {
	t.Parallel()
	size := Size{Pages: 120, Containers: 10, Kustomizations: 2, Workflows: 1, Fragments: 3}
	dir := t.TempDir()
	files, err := Write(dir, size)
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	err = Each(size, func(path, text string) error {
		got, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil || string(got) != text || files[i] != path {
			t.Errorf("%s is not as before: %v", path, err)
		}
		i++
		return nil
	})
	if err != nil || i != len(files) {
		t.Errorf("%d of %d files, %v", i, len(files), err)
	}
}

func TestStops(t *testing.T) {
	t.Parallel()
	want, given := errors.New("full"), 0
	if err := Each(Times(1), func(string, string) error { given++; return want }); !errors.Is(err, want) || given != 1 {
		t.Errorf("%v after %d files", err, given)
	}
}
