package workflows

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
)

// BenchmarkFirstSecond runs the step Validate of validate.yaml in fresh containers of the job image with the caches of this repository's HEAD:
// as it is, with a changed magefile, and with a changed package that most others import. The alternative is the same image without the
// caches. Modules come from a server on this machine, so the time of a download is not part of the result; its bytes are.
func BenchmarkFirstSecond(b *testing.B) {
	work := b.TempDir()
	r := &jobRepo{w: &e2etest.Workspace{T: b, Dir: work, Repo: filepath.Join(work, "owner", "repo.git"), Env: e2etest.Environment(work, "")}}
	if out, err := exec.Command("git", "clone", "--quiet", e2etest.Root(), r.w.Repo).CombinedOutput(); err != nil {
		b.Fatalf("git clone: %v\n%s", err, out)
	}
	r.serve(b)
	j := newJobImage(b, r)
	for _, variable := range cacheVariables {
		size, err := exec.Command("sh", "-c", `du -sm "$0" | cut -f1; tar -C "$0" -c . | gzip | wc -c`, filepath.Join(j.root, j.env()[variable])).Output()
		if err != nil {
			b.Fatal(err)
		}
		b.Logf("%s: MB unpacked, bytes packed: %q", variable, strings.Fields(string(size)))
	}
	original := r.w.Git("rev-parse", "HEAD")
	proxy := serveModules(b, nil)
	cases := []struct {
		name       string
		file, text string
		bare       bool
	}{
		{name: "unchanged"},
		{name: "magefile", file: "magefiles/site.go", text: "\nvar _ = 1\n"},
		{name: "package", file: "magefiles/internal/plain/plain.go", text: "\nfunc Probe() int { return 1 }\n"},
		{name: "bare", bare: true},
	}
	seconds := map[string][]float64{}
	for range b.N {
		for _, c := range cases {
			r.w.Git("reset", "--hard", "--quiet", original)
			if c.file != "" {
				text, err := os.ReadFile(filepath.Join(r.w.Repo, c.file))
				if err != nil {
					b.Fatal(err)
				}
				r.w.Write(c.file, string(text)+c.text)
			}
			r.w.Git("commit", "--quiet", "--all", "--allow-empty", "--message=Change")
			r.commit = r.w.Git("rev-parse", "HEAD")
			seconds[c.name] = append(seconds[c.name], j.timed(b, r, proxy, c.name, c.bare))
		}
	}
	for name, all := range seconds {
		slices.Sort(all)
		b.ReportMetric(all[len(all)/2], name+"-s")
		b.ReportMetric(all[0], name+"-min-s")
		b.ReportMetric(all[len(all)-1], name+"-max-s")
	}
	b.ReportMetric(0, "ns/op")
}

// cacheVariables name the folders of the caches in the image.
var cacheVariables = []string{"GOMODCACHE", "GOCACHE", "MAGEFILE_CACHE"}

// timed is the time of the last step of the job in a fresh container. It reports the downloads and the compiled packages.
func (j *jobImage) timed(b *testing.B, r *jobRepo, proxy *moduleProxy, name string, bare bool) float64 {
	b.Helper()
	c := j.fresh(b)
	defer os.RemoveAll(filepath.Dir(c.root))
	if bare {
		for _, variable := range cacheVariables {
			if out, err := exec.Command("sh", "-c", `rm -rf "$0"/* "$0"/.[!.]*`, filepath.Join(c.root, c.env()[variable])).CombinedOutput(); err != nil {
				b.Fatalf("rm: %v\n%s", err, out)
			}
		}
	}
	proxy.take()
	before := proxy.bytes
	var last time.Time
	said, err := c.runJob(b, checkout, "validate.yaml", "validate", r, proxy.url, func() { last = time.Now() })
	took := time.Since(last).Seconds()
	if err != nil || !strings.Contains(said, "no findings") {
		b.Fatalf("%s: %v\n%s", name, err, said)
	}
	image := j.container
	if bare {
		image.root = b.TempDir()
	}
	b.ReportMetric(float64(len(proxy.take())), name+"-requests")
	b.ReportMetric(float64(proxy.bytes-before)/1e6, name+"-MB")
	b.ReportMetric(float64(len(c.compiled(b, image))), name+"-packages")
	b.Logf("%s: %.1f s", name, took)
	return took
}
