package builders

import (
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

const page = "docs/how-to/build-on-several-machines.md"

// fleet are builders with TLS in a network of their own, and a repository to publish from.
type fleet struct {
	*e2etest.Workspace
	network  *network
	registry *e2etest.Registry
	gate     *gate
	tls      string // folder of the certificates
	builders map[string]*builder
}

// builder is a BuildKit daemon.
type builder struct {
	*host
	name     string
	platform string
	config   string // a file that replaces the arguments of the page; "" for none
	fleet    *fleet
	process  *exec.Cmd
	ended    chan struct{}
}

// newFleet starts builders: their names, with their platforms. Their certificates, and the commands that start them, are those of the how-to page.
func newFleet(t *testing.T, platforms map[string]string) *fleet {
	t.Helper()
	testenv.Program(t, "runc", "apt-get install runc")
	f := &fleet{Workspace: e2etest.NewWorkspace(t), network: newNetwork(t), builders: map[string]*builder{}}
	f.tls = filepath.Join(f.Dir, "tls")
	f.gate = newGate(t, f.network.gateway())
	f.registry = f.NewRegistry(lab.RegistryOptions{})
	if err := os.Mkdir(f.tls, 0o755); err != nil {
		t.Fatal(err)
	}
	names := slices.Sorted(maps.Keys(platforms))
	var list []string
	for _, name := range names {
		b := &builder{host: f.network.host(), name: name, platform: platforms[name], fleet: f}
		f.builders[name] = b
		list = append(list, b.platform+"="+b.url())
	}
	f.certify(names)
	for _, name := range names {
		f.builders[name].start()
	}
	f.Env["BLUMEOPS_BUILDERS"], f.Env["BUILDKIT_TLS_DIR"] = strings.Join(list, ","), filepath.Join(f.tls, "client")
	f.Env["BLUMEOPS_DOCKERFILE_PLATFORMS"] = "linux/amd64,linux/arm64"
	return f
}

// blocks are the commands on the page, by their order.
func blocks(t *testing.T) (list []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(e2etest.Root(), page))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range strings.Split(string(text), "\n```sh\n")[1:] {
		block, _, _ := strings.Cut(part, "\n```\n")
		list = append(list, block)
	}
	return list
}

// certify runs the page's commands for the builders of the fleet.
func (f *fleet) certify(names []string) {
	t := f.T.(*testing.T)
	testenv.Program(t, "openssl", "apt-get install openssl")
	script := blocks(t)[0]
	for _, name := range []string{"build-amd", "build-arm"} {
		line := "certificate " + name + " serverAuth DNS:" + name + "\n"
		if !strings.Contains(script, line) {
			t.Fatalf("%s has no line %q", page, line)
		}
		script = strings.Replace(script, line, "", 1)
	}
	for _, name := range names {
		script += fmt.Sprintf("\ncertificate %s serverAuth IP:%s,IP:%s", name, f.builders[name].address, f.network.gateway())
	}
	cmd := exec.Command("sh", "-euc", script)
	cmd.Dir = f.tls
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func (b *builder) url() string { return "tcp://" + b.address + ":1234" }

// start runs the page's command on the host of the builder, and waits until it answers.
func (b *builder) start() {
	b.t.Helper()
	path, err := lab.Home{}.Buildkitd(context.Background())
	if err != nil {
		b.t.Fatal(err)
	}
	args := strings.Fields(strings.NewReplacer("/etc/buildkit/", b.fleet.tls+"/", "build-amd", b.name).Replace(blocks(b.t.(*testing.T))[1]))
	args[0] = path
	if b.config != "" {
		args = []string{path, "--config=" + b.config}
	}
	args = append(args, "--root="+filepath.Join(b.fleet.Dir, b.name), "--oci-worker-platform="+b.platform, "--oci-worker-net=host", "--containerd-worker=false")
	attr := &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if b.platform != "linux/amd64" {
		args = append(emulator(b.t, "aarch64"), append(args, "--rootless")...)
		all := []syscall.SysProcIDMap{{Size: 65536}}
		attr.Cloneflags, attr.UidMappings, attr.GidMappings, attr.GidMappingsEnableSetgroups = syscall.CLONE_NEWUSER, all, all, true
	}
	b.process = exec.Command(args[0], args[1:]...)
	b.process.SysProcAttr = attr
	log, err := os.Create(filepath.Join(b.fleet.Dir, b.name+".log"))
	if err != nil {
		b.t.Fatal(err)
	}
	defer log.Close()
	b.process.Stdout, b.process.Stderr = log, log
	b.ended = b.host.start(b.process)
	for deadline := time.Now().Add(e2etest.Patience); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", b.address+":1234")
		if err == nil {
			_ = conn.Close() // it answers
			return
		}
		select {
		case <-b.ended:
		default:
			if time.Now().Before(deadline) {
				continue
			}
		}
		said, _ := os.ReadFile(log.Name())
		b.t.Fatalf("%s does not answer: %v\n%s", b.name, err, said)
	}
}

// kill ends the daemon, and the steps that it runs.
func (b *builder) kill() {
	b.t.Helper()
	if err := b.process.Process.Kill(); err != nil {
		b.t.Fatal(err)
	}
	<-b.ended
	for _, pid := range b.processes() {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
	}
}

func (b *builder) signal(s os.Signal) {
	b.t.Helper()
	if err := b.process.Process.Signal(s); err != nil {
		b.t.Fatal(err)
	}
}

// emulator is a command that runs another one where the kernel runs programs of an architecture with Debian's emulator. That is a setting of the user
// namespace, and not of the machine.
func emulator(t testing.TB, architecture string) []string {
	t.Helper()
	text, err := os.ReadFile("/usr/share/binfmts/qemu-" + architecture)
	if err != nil {
		testenv.Missing(t, "no emulator: apt-get install qemu-user-static")
	}
	about := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		about[name] = value
	}
	flags := "F"
	if about["preserve"] == "yes" {
		flags += "P"
	}
	rule := fmt.Sprintf(":emulator:M::%s:%s:%s:%s", about["magic"], about["mask"], about["interpreter"], flags)
	const at = "/proc/sys/fs/binfmt_misc"
	return []string{"sh", "-euc", "mount -t binfmt_misc binfmt_misc " + at + `; printf %s "$1" >` + at + `/register; shift; exec "$@"`, "sh", rule}
}

// gate is a server that steps of builds connect to, and that holds them until it is opened for their builder.
type gate struct {
	net.Listener
	mu      sync.Mutex
	held    map[string][]net.Conn // by address
	open    map[string]bool
	reached chan string // gets the address of each step
}

func newGate(t *testing.T, address string) *gate {
	t.Helper()
	l, err := net.Listen("tcp", address+":0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{Listener: l, held: map[string][]net.Conn{}, open: map[string]bool{}, reached: make(chan string, 100)}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			from, _, _ := net.SplitHostPort(conn.RemoteAddr().String())
			g.mu.Lock()
			if g.open[from] {
				_ = conn.Close()
			} else {
				g.held[from] = append(g.held[from], conn)
			}
			g.mu.Unlock()
			g.reached <- from
		}
	}()
	return g
}

// await waits for a step of each of the builders; for two, if a builder is listed twice.
func (g *gate) await(t *testing.T, r *e2etest.Process, list ...*builder) {
	t.Helper()
	missing := map[string]int{}
	for _, b := range list {
		missing[b.address]++
	}
	for late := time.After(e2etest.Patience); len(missing) > 0; {
		select {
		case from := <-g.reached:
			if missing[from]--; missing[from] <= 0 {
				delete(missing, from)
			}
		case <-r.Ended:
			t.Fatalf("it ended before a step of %v: %+v", missing, r.Outcome())
		case <-late:
			_ = r.Cmd.Process.Signal(os.Interrupt) // to see what it said
			t.Fatalf("no step of %v: %+v", missing, r.Wait())
		}
	}
}

// release lets the steps of a builder end, now and later.
func (g *gate) release(b *builder) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open[b.address] = true
	for _, conn := range g.held[b.address] {
		_ = conn.Close()
	}
}

// step is a program for a RUN: it prints its architecture, and waits until the server at its argument closes the connection.
const step = `package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
)

func main() {
	fmt.Println("runs on", runtime.GOARCH)
	if len(os.Args) > 1 {
		conn, err := net.Dial("tcp", os.Args[1])
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		io.Copy(io.Discard, conn)
	}
}
`

// container writes a container with the step of the target platform, and commits it. With arguments, the step runs with them.
func (f *fleet) container(name string, args ...string) {
	t := f.T.(*testing.T)
	t.Helper()
	dir := filepath.Join(f.Repo, "containers", name)
	for _, architecture := range []string{"amd64", "arm64"} {
		f.program(filepath.Join(dir, "step-"+architecture), architecture)
	}
	text := "FROM scratch\nARG CONTAINER_APP_VERSION=1.0.0\nARG TARGETARCH\nCOPY step-$TARGETARCH /step\nCOPY data /data\n"
	if len(args) > 0 {
		text += `RUN ["/step", "` + strings.Join(args, `", "`) + "\"]\n"
	}
	f.Write("containers/"+name+"/Dockerfile", text)
	f.Write("containers/"+name+"/data", name)
	f.CommitAll("Add " + name)
}

func (f *fleet) program(to, architecture string) {
	f.T.Helper()
	source := filepath.Join(f.Dir, "step")
	if err := e2etest.WriteNew(filepath.Join(source, "main.go"), []byte(step)); err != nil {
		f.T.Fatal(err)
	}
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", to, "main.go")
	cmd.Dir, cmd.Env = source, append(f.Env.List(), "CGO_ENABLED=0", "GOARCH="+architecture)
	if out, err := cmd.CombinedOutput(); err != nil {
		f.T.Fatalf("%v: %s", err, out)
	}
}
