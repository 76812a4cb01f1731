package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
)

// koProgram is the environment variable that names the program ko.
const koProgram = "BLUMEOPS_BENCH_KO"

// BenchmarkPublishLine: one line of nettest changes and is committed, and its image for two platforms is published to a registry, compared with ko,
// which reads the folder and makes no SBOM. Ours also reads the commit, and reads the programs back. The two have the same Go caches, each has
// compiled the program before, and each gets a line that the other has not compiled. "again" publishes without a change.
//
// cpu-ms is the processor's time of a process and of the go commands that it starts; that of BuildKit and of the registry is not included.
func BenchmarkPublishLine(b *testing.B) {
	ko := os.Getenv(koProgram)
	if ko == "" {
		var err error
		if ko, err = exec.LookPath("ko"); err != nil {
			b.Skipf("no ko: go build -o FILE github.com/google/ko in a module that requires it, and name it in %s", koProgram)
		}
	}
	t := newBed(b)
	reg, err := lab.StartRegistry(b.Context(), lab.Home{}, lab.RegistryOptions{})
	must(b, err)
	b.Cleanup(func() { reg.Close() })
	must(b, pushScratch(reg.Addr+"/scratch:latest"))
	lines := time.Now().UnixNano() // the Go caches have no line of an earlier run
	commit := func(int) {
		lines++
		text := fmt.Sprintf("package main\n\nimport \"os\"\n\nfunc init() { os.Setenv(\"NETTEST_LINE\", \"%d\") }\n", lines)
		must(b, os.WriteFile(filepath.Join(t.dir, "containers", "nettest", "line.go"), []byte(text), 0o644))
		git(b, t.dir, nil, "add", "--all")
		git(b, t.dir, nil, "commit", "--quiet", "--message=line")
	}
	ours := command{name: "mage", dir: t.dir, env: t.env, args: []string{t.mage, "container:publish", "nettest", "dev", "-registry=" + reg.Addr, "-platform=linux/amd64,linux/arm64"}}
	other := command{
		name: "ko", dir: t.dir, args: []string{ko, "build", "--bare", "--sbom=none", "--tags=dev", "--platform=linux/amd64,linux/arm64", "./containers/nettest"},
		env: []string{"KO_DOCKER_REPO=" + reg.Addr + "/ko/nettest", "KO_DEFAULTBASEIMAGE=" + reg.Addr + "/scratch:latest"},
	}
	commit(0)
	pairs(b, ours, other, commit)
	for _, c := range []command{ours, other} {
		commit(0)
		cpu, commands := counted(b, c)
		b.ReportMetric(cpu, c.name+"-cpu-ms")
		b.ReportMetric(float64(commands), c.name+"-go-commands")
		again := c.run(b)
		b.ReportMetric(float64(again.wall.Milliseconds()), c.name+"-again-ms")
	}
}

// counted runs a command, and counts the go commands that it starts.
func counted(b *testing.B, c command) (cpu float64, commands int) {
	b.Helper()
	dir := b.TempDir()
	list, script := filepath.Join(dir, "list"), filepath.Join(dir, "go")
	real, err := exec.LookPath("go")
	must(b, err)
	must(b, os.WriteFile(script, fmt.Appendf(nil, "#!/bin/sh\necho \"$1\" >>%s\nexec %s \"$@\"\n", list, real), 0o755))
	c.env = append(c.env, "PATH="+dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
	cpu = c.run(b).cpu.Seconds() * 1e3
	text, err := os.ReadFile(list)
	if !os.IsNotExist(err) {
		must(b, err)
	}
	return cpu, strings.Count(string(text), "\n")
}

// pushScratch pushes an index of two empty images, as ko requires a base.
func pushScratch(ref string) error {
	at, err := name.ParseReference(ref)
	if err != nil {
		return err
	}
	var index v1.ImageIndex = empty.Index
	for _, arch := range []string{"amd64", "arm64"} {
		img, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: arch, RootFS: v1.RootFS{Type: "layers"}})
		if err != nil {
			return err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	return remote.WriteIndex(at, index)
}
