package engine_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dagger.io/dagger/engineconn"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/enginetest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// remains are the things that services could leave on the machine.
type remains struct {
	processes, interfaces, addresses, namespaces, mounts, files []string
}

func (r remains) String() string {
	return fmt.Sprintf("processes %q, interfaces %q, addresses %q, namespaces %q, mounts %q, files %q", r.processes, r.interfaces, r.addresses, r.namespaces, r.mounts, r.files)
}

// within reports whether nothing was added to before. Other tests may use the same daemon.
func (r remains) within(before remains) bool {
	in := func(after, before []string) bool {
		return !slices.ContainsFunc(after, func(one string) bool { return !slices.Contains(before, one) })
	}
	return in(r.processes, before.processes) && in(r.interfaces, before.interfaces) && in(r.addresses, before.addresses) &&
		in(r.namespaces, before.namespaces) && in(r.mounts, before.mounts) && in(r.files, before.files)
}

// left returns the remains: the processes with the mark in their arguments, and the rest as far as it belongs to services or to the daemon.
func left(t *testing.T, daemon int, state, mark string) (r remains) {
	t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	must(t, err)
	for _, path := range lines {
		if line, err := os.ReadFile(path); err == nil && bytes.Contains(line, []byte(mark)) {
			r.processes = append(r.processes, string(line))
		}
	}
	links, err := net.Interfaces()
	must(t, err)
	sum := sha256.Sum256([]byte(filepath.Join(state, "root")))
	for _, l := range links {
		if !strings.Contains(l.Name, hex.EncodeToString(sum[:4])) { // the daemon's names of interfaces
			continue
		}
		r.interfaces = append(r.interfaces, l.Name)
		addresses, _ := l.Addrs() // it may be gone
		for _, a := range addresses {
			r.addresses = append(r.addresses, a.String())
		}
	}
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", daemon))
	must(t, err)
	for _, path := range files {
		if target, err := os.Readlink(path); err == nil && strings.HasPrefix(target, "net:") {
			r.namespaces = append(r.namespaces, target)
		}
	}
	mounts, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", daemon))
	must(t, err)
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, state) {
			r.mounts = append(r.mounts, strings.Fields(line)[4])
		}
	}
	for _, pattern := range []string{"executor/*/config.json", "executor/hosts.*", "service-hosts/*"} {
		found, err := filepath.Glob(filepath.Join(state, "root", "*", pattern))
		must(t, err)
		r.files = append(r.files, found...)
	}
	return r
}

// Nothing of the services is left after their sessions, however these end.
func TestServicesLeaveNothing(t *testing.T) {
	testenv.Superuser(t, "services require network namespaces with addresses")
	dir := program(t, server)
	opts := enginetest.Options(t, dir)
	enginetest.NeedsRuntime(t, opts)
	session := filepath.Join(t.TempDir(), "session")
	if out, err := exec.Command("go", "build", "-o", session, "forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/session").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	status, err := engine.Status(context.Background(), opts)
	must(t, err)
	mark := "mark" + nonce()
	before := left(t, status.PID, opts.StateDir, mark)
	for i := range 30 {
		mark := fmt.Sprint(mark, i)
		switch i % 3 {
		case 0: // ends as usual
			s, err := engine.Connect(context.Background(), opts)
			must(t, err)
			ct := s.Client.Container().WithFile("/program", s.Client.Host().File("program"))
			web := serve(ct, "serve", "8080", mark)
			_, err = ct.WithServiceBinding("web", web).WithExec([]string{"/program", "ask", "tell", "web:8080"}).Sync(context.Background())
			must(t, err)
			must(t, s.Close())
		case 1: // killed while a service runs
			killed(t, session, opts.StateDir, dir, mark, -1)
		case 2: // killed while it starts
			killed(t, session, opts.StateDir, dir, mark, time.Duration(i)*5*time.Millisecond)
		}
	}
	var after remains
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if after = left(t, status.PID, opts.StateDir, mark); after.within(before) {
			return
		}
	}
	t.Errorf("before: %s\nafter: %s", before, after)
}

// killed starts a service in a session program, and kills the program: after the time, or, if it is negative, when the service has started.
func killed(t *testing.T, program, state, dir, mark string, after time.Duration) {
	t.Helper()
	cmd := exec.Command(program, "session", "--workdir", dir)
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "BLUMEOPS_") }), "BLUMEOPS_ENGINE_STATE="+state)
	stdin, err := cmd.StdinPipe()
	must(t, err)
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	started := make(chan string, 1)
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
		<-started
	}()
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	must(t, err)
	var at engineconn.ConnectParams
	must(t, json.Unmarshal(line, &at))
	file := ask(t, at, `{host{file(path:"program"){id}}}`)
	go func() {
		defer close(started)
		started <- ask(t, at, fmt.Sprintf(`{container{withFile(path:"/program",source:%q){withExposedPort(port:8080){asService(args:["/program","serve","8080",%q]){start}}}}}`, file, mark))
	}()
	time.Sleep(max(after, 0))
	if after < 0 && <-started == "" {
		t.Error("the service did not start")
	}
}

// ask returns the id in the answer; "" for none.
func ask(t *testing.T, at engineconn.ConnectParams, query string) string {
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		t.Error(err)
	}
	req, err := http.NewRequest(http.MethodPost, fmt.Sprintf("http://127.0.0.1:%d/query", at.Port), bytes.NewReader(body))
	if err != nil {
		t.Error(err)
		return ""
	}
	req.SetBasicAuth(at.SessionToken, "")
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "" // the program was killed
	}
	defer res.Body.Close()
	var answer any
	if json.NewDecoder(res.Body).Decode(&answer) != nil {
		return ""
	}
	for {
		switch v := answer.(type) {
		case map[string]any:
			if v["errors"] != nil {
				t.Error(v["errors"])
			}
			if data, ok := v["data"]; ok {
				answer = data
				continue
			}
			answer = nil
			for _, inner := range v {
				answer = inner
			}
		case string:
			return v
		default:
			return ""
		}
	}
}

// A daemon that is killed leaves the processes and the bridge of its services; engine:down removes them.
func TestTheServicesOfAKilledDaemonAreRemoved(t *testing.T) {
	opts := ownDaemon(t, program(t, server))
	s, err := engine.Connect(context.Background(), opts)
	must(t, err)
	ct := s.Client.Container().WithFile("/program", s.Client.Host().File("program"))
	mark := "mark" + nonce()
	status, err := engine.Status(context.Background(), opts)
	must(t, err)
	_, err = serve(ct, "serve", "8080", mark).Start(context.Background())
	must(t, err)
	if running := left(t, status.PID, opts.StateDir, mark); len(running.processes) == 0 || len(running.interfaces) != 2 || len(running.addresses) == 0 || len(running.namespaces) == 0 {
		t.Errorf("while the service runs: %s", running)
	}
	daemon, err := os.FindProcess(status.PID)
	must(t, err)
	must(t, daemon.Kill())
	_ = s.Close() // its connection is lost
	must(t, engine.Down(context.Background(), opts))
	var after remains
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		after = left(t, os.Getpid(), opts.StateDir, mark)
		if len(after.processes)+len(after.interfaces)+len(after.addresses) == 0 {
			return
		}
	}
	t.Errorf("left: %s", after)
}
