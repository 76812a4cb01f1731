package bench

import (
	"context"
	"crypto/rand"
	"flag"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
)

var huge = flag.Bool("huge", false, "run BenchmarkPublishHuge too, which writes 12 GB, and empties the cache of the tests' engine")

// BenchmarkPublishLarge: an image with a new 200 MB layer that does not compress is published: exported, assembled, pushed and read back by mage, or
// pushed by BuildKit itself, as the API's own publish does.
func BenchmarkPublishLarge(b *testing.B) {
	p := newLargeBed(b)
	pairs(b, p.ours, p.push, func(int) { p.content(b, 200<<20) })
	p.count(b, 200<<20)
}

// BenchmarkPublishHuge is BenchmarkPublishLarge with 2 GB, without a run that does not count.
func BenchmarkPublishHuge(b *testing.B) {
	if !*huge {
		b.Skip("writes 12 GB: give -huge")
	}
	for range b.N {
		p := newLargeBed(b)
		p.count(b, 2<<30)
	}
}

type largeBed struct {
	bed
	ours, push command
	registry   *lab.Registry
	folder     string // of the container
	temporary  string // folder of mage
}

func newLargeBed(b *testing.B) *largeBed {
	p := &largeBed{bed: newBed(b), temporary: b.TempDir()}
	var err error
	p.registry, err = lab.StartRegistry(context.Background(), lab.Home{}, lab.RegistryOptions{})
	must(b, err)
	b.Cleanup(func() { p.registry.Close() })
	p.folder = filepath.Join(p.dir, "containers", "blob")
	must(b, os.MkdirAll(p.folder, 0o755))
	must(b, os.WriteFile(filepath.Join(p.folder, "Dockerfile"), []byte("FROM scratch\nCOPY data /data\n"), 0o644))
	command{dir: p.dir, args: []string{"git", "-c", "user.name=b", "-c", "user.email=b@example.test", "commit", "--quiet", "--allow-empty", "-m", "start"}}.run(b)
	p.ours = command{
		name: "mage", dir: p.dir, env: append(p.env, "TMPDIR="+p.temporary),
		args: []string{p.mage, "container:publish", "blob", "dev", "-registry=" + p.registry.Addr, "-platform=linux/amd64"},
	}
	p.push = p.buildctlBuild(p.folder)
	p.push.args = append(p.push.args, "--output", "type=image,name="+p.registry.Addr+"/buildctl/blob:dev,push=true,oci-mediatypes=true")
	return p
}

// content is new data of the container.
func (p *largeBed) content(b *testing.B, size int64) {
	b.Helper()
	f, err := os.Create(filepath.Join(p.folder, "data"))
	must(b, err)
	_, err = io.CopyN(f, rand.Reader, size)
	must(b, err)
	must(b, f.Close())
}

// count publishes once with each, from an engine with an empty cache, and reports time, CPU, memory, disk, and the bytes that the registry received.
func (p *largeBed) count(b *testing.B, size int64) {
	b.Helper()
	for _, c := range []command{p.ours, p.push} {
		if *huge {
			command{args: []string{p.buildctl, "--addr", p.address, "prune", "--all"}}.run(b)
		}
		p.content(b, size)
		p.registry.Forget()
		ended, peak := make(chan struct{}), make(chan int64)
		go func() { peak <- peakDisk(p.temporary, ended) }()
		u := c.run(b)
		close(ended)
		b.ReportMetric(float64(<-peak)/1e6, c.name+"-disk-MB")
		b.ReportMetric(float64(p.registry.UploadedBytes())/1e6, c.name+"-sent-MB")
		b.ReportMetric(u.wall.Seconds(), c.name+"-once-s")
		b.ReportMetric(u.cpu.Seconds(), c.name+"-once-cpu-s")
		b.ReportMetric(float64(u.memory)/1e6, c.name+"-once-MB")
	}
	b.ReportMetric(0, "ns/op")
}

// peakDisk polls the size of the files in a folder.
func peakDisk(dir string, ended <-chan struct{}) (peak int64) {
	for {
		var total int64
		_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
			if err != nil {
				return nil // it was just removed
			}
			if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
				total += info.Size()
			}
			return nil
		})
		peak = max(peak, total)
		select {
		case <-ended:
			return peak
		case <-time.After(20 * time.Millisecond):
		}
	}
}
