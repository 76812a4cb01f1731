package workflows

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
)

// BenchmarkFirstSecond runs the step Validate of validate.yaml in fresh containers of the job image with the caches of this repository's HEAD:
// as it is, with a changed magefile, and with a changed package that many others import. The alternative, run once, is the same image without
// the caches. Modules come from a server on this machine, so the time of a download is not part of the result; its bytes are.
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
	cases := []benchCase{
		{name: "unchanged"},
		{name: "magefile", file: "magefiles/site.go", text: "\nvar _ = 1\n"},
		{name: "package", file: "magefiles/internal/plain/plain.go", text: "\nfunc Probe() int { return 1 }\n"},
	}
	measured := map[string][]float64{}
	measure := func(c benchCase) {
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
		wall, cpu := j.timed(b, r, proxy, c.name, c.bare)
		measured[c.name+"-s"] = append(measured[c.name+"-s"], wall)
		measured[c.name+"-cpu-s"] = append(measured[c.name+"-cpu-s"], cpu)
	}
	for range b.N {
		for _, c := range cases {
			measure(c)
		}
	}
	measure(benchCase{name: "bare", bare: true})
	for name, all := range measured {
		slices.Sort(all)
		b.ReportMetric(all[len(all)/2], name)
		b.ReportMetric(all[0], "min-"+name)
		b.ReportMetric(all[len(all)-1], "max-"+name)
	}
	b.ReportMetric(0, "ns/op")
}

// benchCase is a change of the repository, or the image without caches.
type benchCase struct {
	name, file, text string
	bare             bool
}

// cacheVariables name the folders of the caches in the image.
var cacheVariables = []string{"GOMODCACHE", "GOCACHE", "MAGEFILE_CACHE"}

// timed is the time of the last step of the job in a fresh container, and the processor's time of all its processes. It reports the downloads and the compiled packages.
func (j *jobImage) timed(b *testing.B, r *jobRepo, proxy *moduleProxy, name string, bare bool) (wall, cpu float64) {
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
	said, err := c.runJob(b, checkout, "validate.yaml", "validate", r, proxy.url, func() { last, cpu = time.Now(), childrenCPU() })
	wall, cpu = time.Since(last).Seconds(), childrenCPU()-cpu
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
	b.Logf("%s: %.1f s, processor %.1f s", name, wall, cpu)
	return wall, cpu
}

// childrenCPU is the processor's time of all processes that this one waited for, and of theirs.
func childrenCPU() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &u); err != nil {
		return 0
	}
	return (time.Duration(u.Utime.Nano()) + time.Duration(u.Stime.Nano())).Seconds()
}
