package checks

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"testing"
	"testing/fstest"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/scale"
)

var large = flag.Bool("large", false, "benchmark 100x too, which writes 1.5 GB")

// scaled is the site of the repositories that package scale makes.
func scaled() validate.Site {
	s := site
	s.Docs, s.Manifests, s.Images, s.ForgeURLs = scale.Docs, scale.Manifests, scale.Images, []string{scale.ForgeURL}
	return s
}

// TestScaled checks that the benchmarks' repositories have no findings, so that the benchmarks measure only the checks.
func TestScaled(t *testing.T) {
	t.Parallel()
	fsys := fstest.MapFS{}
	var files []string
	size := scale.Size{Pages: 130, Containers: 10, Kustomizations: 10, Workflows: 2, Fragments: 40}
	if err := scale.Each(size, func(path, text string) error {
		fsys[path] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
		files = append(files, path)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := quiet(t.Context(), validate.NewTree(fsys, files), All()); err != nil {
		t.Error(err)
	}
}

// quiet runs checks that must find nothing.
func quiet(ctx context.Context, tree *validate.Tree, checks []validate.Check) error {
	report, err := validate.Run(ctx, tree, checks, validate.Options{Site: scaled()})
	if err != nil {
		return err
	}
	var unwanted []error
	for _, f := range report.Findings {
		unwanted = append(unwanted, errors.New(f.String()))
	}
	for _, f := range report.Failures {
		unwanted = append(unwanted, fmt.Errorf("check %s: %s\n%s", f.Check, f.Error, f.Stack))
	}
	return errors.Join(unwanted[:min(len(unwanted), 20)]...)
}

// onDisk writes a repository of n times the size in issue 5.
func onDisk(b *testing.B, n int) (dir string, files []string) {
	b.Helper()
	dir = b.TempDir()
	files, err := scale.Write(dir, scale.Times(n))
	if err != nil {
		b.Fatal(err)
	}
	return dir, files
}

func measure(b *testing.B, dir string, files []string, checks []validate.Check) {
	b.Helper()
	look := func() {
		if err := quiet(b.Context(), validate.NewTree(os.DirFS(dir), files), checks); err != nil {
			b.Fatal(err)
		}
	}
	look() // the first run of a process reads schemas and rules
	b.ReportAllocs()
	for b.Loop() {
		look()
	}
	b.ReportMetric(b.Elapsed().Seconds()*1e6/float64(b.N)/float64(len(files)), "µs/file")
}

// BenchmarkValidate measures a whole run after a first one in the same process. µs/file shows whether the time is linear in the size of the
// repository.
func BenchmarkValidate(b *testing.B) {
	for _, n := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("%dx", n), func(b *testing.B) {
			if n == 100 && !*large {
				b.Skip("writes 1.5 GB: give -large")
			}
			dir, files := onDisk(b, n)
			measure(b, dir, files, All())
		})
	}
}

// BenchmarkCheck measures each check alone at 1x. Values that it shares with other checks in a whole run are included here.
func BenchmarkCheck(b *testing.B) {
	dir, files := onDisk(b, 1)
	for _, check := range All() {
		b.Run(check.Name, func(b *testing.B) { measure(b, dir, files, []validate.Check{check}) })
	}
}
