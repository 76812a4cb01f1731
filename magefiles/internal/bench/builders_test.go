package bench

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// appendVariable makes the test program append images to an index, as `crane index append` does: TO FROM.
const appendVariable = "BLUMEOPS_BENCH_APPEND"

// TestMain is also the program that appends images.
func TestMain(m *testing.M) {
	if images := os.Getenv(appendVariable); images != "" {
		to, from, _ := strings.Cut(images, " ")
		if err := appendIndex(to, from); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func appendIndex(to, from string) error {
	target, err := name.ParseReference(to, name.Insecure)
	if err != nil {
		return err
	}
	source, err := name.ParseReference(from, name.Insecure)
	if err != nil {
		return err
	}
	image, err := remote.Image(source)
	if err != nil {
		return err
	}
	return remote.WriteIndex(target, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: image}))
}

const (
	many      = 30               // images
	stepTakes = 10 * time.Second // each, so that the cores of this machine are not the limit
	perNode   = 5                // builds at the same time on a node, as with the setting Builders
)

var several = flag.Bool("builders", false, "run BenchmarkBuilders too, which takes five minutes")

// BenchmarkBuilders: 30 images, each with a step that waits, are published with 1, 2 and 3 builders: by one run with the setting Builders, and by a
// script that has buildctl build and push on each node and appends each image to an index. scale-N is the speed with N builders divided by N times
// the speed with one.
func BenchmarkBuilders(b *testing.B) {
	if !*several {
		b.Skip("takes five minutes: -builders")
	}
	dir := b.TempDir()
	mage := filepath.Join(dir, "mage")
	must(b, e2etest.Compile(testenv.Root(b), mage))
	buildctl, err := lab.Home{}.Buildctl(context.Background())
	must(b, err)
	var nodes []string
	for i := range 3 {
		nodes = append(nodes, startNode(b, dir, i))
	}
	reg, err := lab.StartRegistry(context.Background(), lab.Home{}, lab.RegistryOptions{})
	must(b, err)
	b.Cleanup(func() { reg.Close() })
	repo := filepath.Join(dir, "repo")
	var names []string
	for i := range many {
		names = append(names, fmt.Sprintf("c%02d", i))
		writeWaiting(b, filepath.Join(repo, "containers", names[i]))
	}
	for _, args := range [][]string{{"init", "--quiet"}, {"-c", "user.name=b", "-c", "user.email=b@example.test", "commit", "--quiet", "--allow-empty", "-m", "start"}} {
		command{dir: repo, args: append([]string{"git"}, args...)}.run(b)
	}
	self, err := os.Executable()
	must(b, err)
	wall := map[string][]float64{}
	for range b.N {
		for n := 1; n <= len(nodes); n++ {
			for kind, run := range map[string]command{"mage": publishOn(mage, repo, reg.Addr, names, nodes[:n]), "buildctl": buildctlOn(buildctl, self, repo, reg.Addr, names, nodes[:n])} {
				for _, name := range names {
					data := make([]byte, 1<<10)
					rand.Read(data) // crypto/rand.Read never fails
					must(b, os.WriteFile(filepath.Join(repo, "containers", name, "data"), data, 0o644))
				}
				key := fmt.Sprintf("%s-%d", kind, n)
				wall[key] = append(wall[key], run.run(b).wall.Seconds())
			}
		}
	}
	for _, kind := range []string{"mage", "buildctl"} {
		one := median(wall[kind+"-1"])
		b.ReportMetric(one, kind+"-1-s")
		for n := 2; n <= len(nodes); n++ {
			some := median(wall[fmt.Sprintf("%s-%d", kind, n)])
			b.ReportMetric(some, fmt.Sprintf("%s-%d-s", kind, n))
			b.ReportMetric(one/some/float64(n), fmt.Sprintf("%s-scale-%d", kind, n))
		}
	}
	b.ReportMetric(0, "ns/op") // it has no meaning
}

// startNode starts BuildKit's own daemon, and returns its address.
func startNode(b *testing.B, dir string, i int) string {
	b.Helper()
	path, err := lab.Home{}.Buildkitd(context.Background())
	must(b, err)
	root := filepath.Join(dir, fmt.Sprint("node", i))
	socket := root + ".sock"
	cmd := exec.Command(path, "--root="+root, "--addr=unix://"+socket, "--oci-worker-net=host", "--containerd-worker=false")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	must(b, cmd.Start())
	b.Cleanup(func() {
		_ = cmd.Process.Kill() // its cache is removed
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			conn.Close()
			return "unix://" + socket
		}
		if time.Now().After(deadline) {
			b.Fatal(err)
		}
	}
}

// writeWaiting writes a container whose only step waits.
func writeWaiting(b *testing.B, dir string) {
	b.Helper()
	const source = "package main\n\nimport (\n\t\"os\"\n\t\"time\"\n)\n\nfunc main() {\n\td, _ := time.ParseDuration(os.Args[1])\n\ttime.Sleep(d)\n}\n"
	must(b, os.MkdirAll(dir, 0o755))
	main := filepath.Join(b.TempDir(), "main.go")
	must(b, os.WriteFile(main, []byte(source), 0o644))
	command{dir: filepath.Dir(main), env: []string{"CGO_ENABLED=0"}, args: []string{"go", "build", "-ldflags=-s -w", "-o", filepath.Join(dir, "wait"), "main.go"}}.run(b)
	must(b, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM scratch\nCOPY wait data /\nRUN [\"/wait\", \""+stepTakes.String()+"\"]\n"), 0o644))
}

func publishOn(mage, repo, registry string, names, nodes []string) command {
	var list []string
	for _, node := range nodes {
		list = append(list, "linux/"+runtime.GOARCH+"="+node)
	}
	return command{dir: repo, env: []string{"BLUMEOPS_BUILDERS=" + strings.Join(list, ","), "BLUMEOPS_REGISTRY_USER=none"},
		args: []string{mage, "container:publish", strings.Join(names, ","), "dev", "-registry=" + registry, "-platform=linux/" + runtime.GOARCH}}
}

// buildctlOn gives each node its share of the images.
func buildctlOn(buildctl, self, repo, registry string, names, nodes []string) command {
	one := fmt.Sprintf(`%s --addr "$1" build --progress=plain --frontend=dockerfile.v0 --local context=containers/"$2" --local dockerfile=containers/"$2" \
    --output type=image,name=%[2]s/b/"$2":one,push=true,registry.insecure=true >/dev/null 2>&1 && %[3]s="%[2]s/b/$2:dev %[2]s/b/$2:one" %[4]s`, buildctl, registry, appendVariable, self)
	var script strings.Builder
	for i, node := range nodes {
		var share []string
		for j := i; j < len(names); j += len(nodes) {
			share = append(share, names[j])
		}
		fmt.Fprintf(&script, "printf '%%s\\n' %s | xargs -P%d -I{} sh -c '%s' sh %s {} & nodes=\"$nodes $!\"\n", strings.Join(share, " "), perNode, one, node)
	}
	script.WriteString("for node in $nodes; do wait $node; done\n")
	return command{dir: repo, args: []string{"sh", "-ec", script.String()}}
}
