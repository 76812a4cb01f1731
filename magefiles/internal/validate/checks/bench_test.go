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

// scaled is the site of the repositories of package scale.
func scaled() validate.Site {
	s := site
	s.Docs, s.Manifests, s.Images, s.ForgeURLs = scale.Docs, scale.Manifests, scale.Images, []string{scale.ForgeURL}
	return s
}

// TestScaled: in what the benchmarks look at nothing is found, so that they measure the work and not the findings.
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

// quiet runs checks that are to find nothing.
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

// onDisk writes a repository of n times the size that issue 5 states.
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
	look() // schemas and rules are read once in a process
	b.ReportAllocs()
	for b.Loop() {
		look()
	}
	b.ReportMetric(b.Elapsed().Seconds()*1e6/float64(b.N)/float64(len(files)), "µs/file")
}

// BenchmarkValidate is a whole run in a process that has run before. µs/file shows whether the time grows as the repository does.
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

// BenchmarkCheck is each check alone at 1x: what it shares with others it has to make itself here.
func BenchmarkCheck(b *testing.B) {
	dir, files := onDisk(b, 1)
	for _, check := range All() {
		b.Run(check.Name, func(b *testing.B) { measure(b, dir, files, []validate.Check{check}) })
	}
}
