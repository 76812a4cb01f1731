package bench

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/enginetest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/labtest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/testimage"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

var fresh = flag.Bool("fresh", false, "run BenchmarkFreshClone too, which compiles everything")

// command is a process to be timed.
type command struct {
	name string
	dir  string
	env  []string
	args []string
}

// usage is the cost of one run of a process.
type usage struct {
	wall   time.Duration
	cpu    time.Duration // of all its threads, in user and kernel mode
	memory int64         // bytes, at the peak
}

func (c command) run(b *testing.B) usage {
	b.Helper()
	cmd := exec.Command(c.args[0], c.args[1:]...)
	cmd.Dir, cmd.Env = c.dir, append(os.Environ(), c.env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	began := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	ended := make(chan struct{})
	peak := make(chan int64)
	go func() { peak <- peakMemory(cmd.Process.Pid, ended) }()
	err := cmd.Wait()
	u := usage{wall: time.Since(began)}
	close(ended)
	u.memory = <-peak
	if err != nil {
		b.Fatalf("%s: %v\n%s", strings.Join(c.args, " "), err, out.Bytes())
	}
	u.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return u
}

// peakMemory polls a process until it has ended. The kernel keeps the peak (VmHWM); its figure for an ended process would include the memory of
// this process, which started it.
func peakMemory(pid int, ended <-chan struct{}) (peak int64) {
	for {
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if _, rest, ok := strings.Cut(string(status), "VmHWM:"); ok {
			var kb int64
			fmt.Sscan(rest, &kb) // 0 in another format
			peak = max(peak, kb<<10)
		}
		select {
		case <-ended:
			return peak
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// pairs times ours and the alternative in turn, b.N times after a run of each that does not count. before runs before each process.
func pairs(b *testing.B, ours, other command, before func(i int)) {
	b.Helper()
	var a, z []usage
	for i := range b.N + 1 {
		before(2 * i)
		x := ours.run(b)
		before(2*i + 1)
		y := other.run(b)
		if i > 0 {
			a, z = append(a, x), append(z, y)
		}
	}
	report(b, ours.name, a)
	report(b, other.name, z)
	var ratios []float64
	for i := range a {
		ratios = append(ratios, a[i].wall.Seconds()/z[i].wall.Seconds())
	}
	b.ReportMetric(median(ratios), "ratio")
	b.ReportMetric(0, "ns/op") // a pair's time has no meaning
}

func report(b *testing.B, name string, us []usage) {
	var ms []float64
	var memory int64
	for _, u := range us {
		ms = append(ms, float64(u.wall.Microseconds())/1000)
		memory = max(memory, u.memory)
	}
	b.ReportMetric(median(ms), name+"-ms")
	b.ReportMetric(slices.Min(ms), name+"-min-ms")
	b.ReportMetric(slices.Max(ms), name+"-max-ms")
	b.ReportMetric(float64(memory)/1e6, name+"-MB")
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

func nothing(int) {}

// bed is the setup of the benchmarks: a repository with two containers, the compiled mage, buildctl, and the daemon that both use.
type bed struct {
	dir, mage, buildctl, address string
	env                          []string
	base                         string
}

func newBed(b *testing.B) bed {
	b.Helper()
	root, dir := testenv.Root(b), b.TempDir()
	opts := enginetest.Options(b, dir)
	opts.Log = func(string) {}
	d, err := engine.Up(context.Background(), opts)
	if err != nil {
		b.Fatal(err)
	}
	t := bed{
		dir: filepath.Join(dir, "repo"), mage: filepath.Join(dir, "mage"), buildctl: filepath.Join(dir, "buildctl"), address: d.Address,
		env: []string{"BLUMEOPS_ENGINE_STATE=" + testenv.EngineState(b), "BLUMEOPS_ENGINE=embedded", "BLUMEOPS_REGISTRY_USER=none"},
	}
	must(b, e2etest.Compile(root, t.mage))
	command{dir: filepath.Join(root, "magefiles/internal/engine/daemon/modules/buildkitd"), args: []string{"go", "build", "-o", t.buildctl, "github.com/moby/buildkit/cmd/buildctl"}}.run(b)
	t.base = seed(b)
	t.write(b)
	return t
}

// seed starts a registry that holds the base image.
func seed(b *testing.B) string {
	b.Helper()
	return labtest.Bases(b, lab.RegistryOptions{}, testimage.Debian()).Addr + "/" + testimage.Debian().Reference()
}

// files is the number of files in the large build context.
const files = 500

// write makes the repository: nettest of this repository, and a Dockerfile container with 500 files.
func (t bed) write(b *testing.B) {
	b.Helper()
	large := filepath.Join(t.dir, "containers", "large")
	must(b, os.MkdirAll(filepath.Join(large, "data"), 0o755))
	must(b, os.WriteFile(filepath.Join(large, "Dockerfile"), []byte("FROM "+t.base+"\nRUN mkdir /app\nCOPY data /app/data\nRUN ls /app/data | wc -l > /app/count\n"), 0o644))
	for i := range files {
		must(b, os.WriteFile(t.file(i), fmt.Appendf(nil, "file %d\n%s", i, strings.Repeat("x", 2000)), 0o644))
	}
	must(b, os.CopyFS(filepath.Join(t.dir, "containers", "nettest"), os.DirFS(filepath.Join(testenv.Root(b), "containers", "nettest"))))
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(testenv.Root(b), name))
		must(b, err)
		must(b, os.WriteFile(filepath.Join(t.dir, name), data, 0o644))
	}
	command{dir: t.dir, args: []string{"git", "init", "--quiet"}}.run(b)
}

func (t bed) file(i int) string {
	return filepath.Join(t.dir, "containers", "large", "data", fmt.Sprintf("%03d.txt", i))
}

func (t bed) build(name string) command {
	return command{name: "mage", dir: t.dir, env: t.env, args: []string{t.mage, "container:build", name}}
}

// buildctlBuild builds the Dockerfile in a folder with BuildKit's own client on the same daemon.
func (t bed) buildctlBuild(dir string) command {
	return command{name: "buildctl", args: []string{t.buildctl, "--addr", t.address, "build", "--progress", "plain", "--frontend", "dockerfile.v0", "--local", "context=" + dir, "--local", "dockerfile=" + dir}}
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkNothingChangedGo: a second build of nettest, compared with buildctl and a Dockerfile that copies the compiled program onto scratch.
func BenchmarkNothingChangedGo(b *testing.B) {
	t := newBed(b)
	out := filepath.Join(b.TempDir(), "rootfs")
	command{dir: t.dir, env: t.env, args: []string{t.mage, "container:build", "nettest", "-output=dir:" + out}}.run(b)
	must(b, os.WriteFile(filepath.Join(out, "Dockerfile"), []byte("FROM scratch\nCOPY nettest /nettest\nUSER 65532:65532\nENTRYPOINT [\"/nettest\"]\n"), 0o644))
	pairs(b, t.build("nettest"), t.buildctlBuild(out), nothing)
}

// BenchmarkNothingChangedDockerfile: a second build of a Dockerfile container, compared with buildctl and the same Dockerfile.
func BenchmarkNothingChangedDockerfile(b *testing.B) {
	t := newBed(b)
	pairs(b, t.build("large"), t.buildctlBuild(filepath.Join(t.dir, "containers", "large")), nothing)
}

// BenchmarkOneFileChanged: one of 500 files changes before every build.
func BenchmarkOneFileChanged(b *testing.B) {
	t := newBed(b)
	pairs(b, t.build("large"), t.buildctlBuild(filepath.Join(t.dir, "containers", "large")), func(i int) {
		must(b, os.WriteFile(t.file(i%files), fmt.Appendf(nil, "changed %d at %d", i, time.Now().UnixNano()), 0o644))
	})
}

// BenchmarkList: the list of targets, compared with the time of the go command to find the tool.
func BenchmarkList(b *testing.B) {
	root := testenv.Root(b)
	pairs(b, command{name: "mage", dir: root, args: []string{"go", "tool", "mage", "-l"}}, command{name: "go", dir: root, args: []string{"go", "tool", "-n", "mage"}}, nothing)
}

// BenchmarkFreshClone: from a clone with an empty build cache to the first image, compared with compiling BuildKit's own daemon and client of the
// same version, which can then build a Dockerfile. The module cache is kept.
func BenchmarkFreshClone(b *testing.B) {
	if !*fresh {
		b.Skip("compiles everything twice: give -fresh")
	}
	root := testenv.Root(b)
	for range b.N {
		ours := emptyHome(b)
		clone := filepath.Join(b.TempDir(), "clone")
		command{args: []string{"git", "clone", "--quiet", root, clone}}.run(b)
		u := command{name: "mage", dir: clone, env: ours, args: []string{"go", "tool", "mage", "container:build", "nettest", "-engine=embedded"}}.run(b)
		command{dir: clone, env: ours, args: []string{"go", "tool", "mage", "engine:down"}}.run(b)
		module, theirs := stockModule(b), emptyHome(b)
		w := command{dir: module, env: theirs, args: []string{"go", "build", "-o", b.TempDir(), "github.com/moby/buildkit/cmd/buildkitd", "github.com/moby/buildkit/cmd/buildctl"}}.run(b)
		b.ReportMetric(u.wall.Seconds(), "mage-s")
		b.ReportMetric(w.wall.Seconds(), "stock-buildkit-s")
		b.ReportMetric(0, "ns/op")
	}
}

// stockModule is a module that requires the commands of the BuildKit version in go.mod, with all dependencies in the module cache.
func stockModule(b *testing.B) string {
	b.Helper()
	version, err := exec.Command("go", "list", "-m", "-f", "{{.Version}}", "github.com/moby/buildkit").Output()
	must(b, err)
	dir := b.TempDir()
	at := "@" + strings.TrimSpace(string(version))
	for _, args := range [][]string{
		{"go", "mod", "init", "stock.test"},
		{"go", "get", "-tool", "github.com/moby/buildkit/cmd/buildkitd" + at, "github.com/moby/buildkit/cmd/buildctl" + at},
		{"go", "mod", "download"},
	} {
		command{dir: dir, args: args}.run(b)
	}
	return dir
}

// emptyHome is the environment of a user who has never built anything; the module cache stays.
func emptyHome(b *testing.B) []string {
	b.Helper()
	home := b.TempDir()
	modules, err := exec.Command("go", "env", "GOMODCACHE").Output()
	must(b, err)
	return []string{
		"HOME=" + home, "XDG_CACHE_HOME=" + filepath.Join(home, ".cache"), "GOCACHE=" + filepath.Join(home, "go-build"),
		"GOMODCACHE=" + strings.TrimSpace(string(modules)),
	}
}

// BenchmarkPublishAgain: the bytes of layers that a second publish of the same content sends, compared with the first.
func BenchmarkPublishAgain(b *testing.B) {
	t := newBed(b)
	reg, err := lab.StartRegistry(context.Background(), lab.Home{}, lab.RegistryOptions{})
	must(b, err)
	b.Cleanup(func() { reg.Close() })
	publish := command{dir: t.dir, env: t.env, args: []string{t.mage, "container:publish", "nettest", "dev", "-registry=" + reg.Addr, "-platform=linux/amd64,linux/arm64"}}
	command{dir: t.dir, args: []string{"git", "-c", "user.name=b", "-c", "user.email=b@example.test", "commit", "--quiet", "--allow-empty", "-m", "start"}}.run(b)
	publish.run(b)
	first := reg.UploadedBytes()
	reg.Forget()
	var again []usage
	for range b.N {
		again = append(again, publish.run(b))
	}
	b.ReportMetric(float64(first), "first-bytes")
	b.ReportMetric(float64(reg.UploadedBytes()), "again-bytes")
	report(b, "again", again)
	b.ReportMetric(0, "ns/op")
}

// BenchmarkImageSize: the size of nettest's image as an archive, compared with the program in it.
func BenchmarkImageSize(b *testing.B) {
	t := newBed(b)
	dir := b.TempDir()
	for range b.N {
		archive, rootfs := filepath.Join(dir, "nettest.tar"), filepath.Join(dir, "rootfs")
		must(b, errors.Join(os.RemoveAll(archive), os.RemoveAll(rootfs)))
		command{dir: t.dir, env: t.env, args: []string{t.mage, "container:build", "nettest", "-output=" + archive}}.run(b)
		command{dir: t.dir, env: t.env, args: []string{t.mage, "container:build", "nettest", "-output=dir:" + rootfs}}.run(b)
		for name, p := range map[string]string{"image-MB": archive, "program-MB": filepath.Join(rootfs, "nettest")} {
			info, err := os.Stat(p)
			must(b, err)
			b.ReportMetric(float64(info.Size())/1e6, name)
		}
	}
	b.ReportMetric(0, "ns/op")
}
