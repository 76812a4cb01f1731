package builders

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// network is a bridge of this machine, with hosts that are network namespaces.
type network struct {
	t      testing.TB
	number int
	bridge string
	prefix string // of addresses, such as 100.64.7.
	hosts  int
}

var networks atomic.Int32

func newNetwork(t testing.TB) *network {
	t.Helper()
	testenv.Superuser(t, "makes network namespaces")
	testenv.Program(t, "ip", "apt-get install iproute2")
	n := &network{t: t, number: int(networks.Add(1))}
	n.bridge = fmt.Sprintf("bo%d-%d", os.Getpid(), n.number)
	n.prefix = fmt.Sprintf("100.%d.%d.", 64+os.Getpid()%64, (os.Getpid()/64+n.number)%256) // of tests that run at the same time, each has its own
	n.ip("link", "add", n.bridge, "type", "bridge")
	t.Cleanup(func() { n.ip("link", "del", n.bridge) })
	n.ip("addr", "add", n.gateway()+"/24", "dev", n.bridge)
	n.ip("link", "set", n.bridge, "up")
	return n
}

// gateway is the address of this machine in the network.
func (n *network) gateway() string { return n.prefix + "1" }

func (n *network) ip(args ...string) {
	n.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		n.t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// host is a network namespace.
type host struct {
	*network
	namespace string
	link      string // this machine's end
	address   string
}

func (n *network) host() *host {
	n.t.Helper()
	n.hosts++
	h := &host{network: n, namespace: fmt.Sprintf("%s-%d", n.bridge, n.hosts), address: fmt.Sprintf("%s%d", n.prefix, 10+n.hosts)}
	h.link = fmt.Sprintf("v%d-%d-%d", os.Getpid(), n.number, n.hosts)
	n.ip("netns", "add", h.namespace)
	n.t.Cleanup(h.remove)
	n.ip("link", "add", h.link, "type", "veth", "peer", "name", "eth0", "netns", h.namespace)
	n.ip("link", "set", h.link, "master", n.bridge, "up")
	n.ip("-netns", h.namespace, "addr", "add", h.address+"/24", "dev", "eth0")
	n.ip("-netns", h.namespace, "link", "set", "eth0", "up")
	n.ip("-netns", h.namespace, "link", "set", "lo", "up")
	return h
}

// remove also ends the processes that are left in the namespace: the steps of builds.
func (h *host) remove() {
	for _, pid := range h.processes() {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
	}
	h.ip("netns", "del", h.namespace)
}

func (h *host) processes() (pids []int) {
	out, err := exec.Command("ip", "netns", "pids", h.namespace).Output()
	if err != nil {
		h.t.Error(err)
	}
	for _, text := range strings.Fields(string(out)) {
		if pid, err := strconv.Atoi(text); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// cut drops all packets of the host, without an error for anybody; join ends that.
func (h *host) cut()  { h.ip("link", "set", h.link, "down") }
func (h *host) join() { h.ip("link", "set", h.link, "up") }

// sent is the number of bytes that the host has sent.
func (h *host) sent() int64 {
	h.t.Helper()
	text, err := os.ReadFile(filepath.Join("/sys/class/net", h.link, "statistics/rx_bytes"))
	if err != nil {
		h.t.Fatal(err)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		h.t.Fatal(err)
	}
	return n
}

// delay is the address of this machine at which all bytes from and to a port of the host arrive later.
func (h *host) delay(port string, by time.Duration) (address string) {
	h.t.Helper()
	l, err := net.Listen("tcp", h.gateway()+":0")
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", h.address+":"+port)
			if err != nil {
				_ = from.Close() // the client sees it
				continue
			}
			go later(from, to, by)
			go later(to, from, by)
		}
	}()
	return l.Addr().String()
}

// later copies until one of the two ends.
func later(from, to net.Conn, by time.Duration) {
	type chunk struct {
		data []byte
		due  time.Time
	}
	on := make(chan chunk, 1000)
	go func() {
		defer close(on)
		for {
			data := make([]byte, 32<<10)
			n, err := from.Read(data)
			if err != nil {
				return
			}
			on <- chunk{data[:n], time.Now().Add(by)}
		}
	}()
	defer from.Close()
	defer to.Close()
	for c := range on {
		time.Sleep(time.Until(c.due))
		if _, err := to.Write(c.data); err != nil {
			return
		}
	}
}

// start starts a command in the namespace. ended is closed when it has ended.
func (h *host) start(cmd *exec.Cmd) (ended chan struct{}) {
	h.t.Helper()
	started := make(chan error)
	ended = make(chan struct{})
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread, which is in the namespace, ends with the goroutine
		err := enter(h.namespace)
		if err == nil {
			err = cmd.Start()
		}
		started <- err
		if err == nil {
			_ = cmd.Wait() // as a rule it is killed
		}
		close(ended)
	}()
	if err := <-started; err != nil {
		h.t.Fatal(err)
	}
	return ended
}

func enter(namespace string) error {
	f, err := os.Open("/run/netns/" + namespace)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
}
