package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/labtest"
)

// withLab lets a world's labs use the programs and base images that this user has already, and ends its labs.
func (w *world) withLab() {
	w.t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		w.t.Fatal(err)
	}
	kept := filepath.Join(cache, "blumeops", "lab")
	ours := filepath.Join(w.env["XDG_CACHE_HOME"], "blumeops")
	for _, dir := range []string{kept, ours} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := os.Symlink(kept, filepath.Join(ours, "lab")); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if out, err := w.command("lab:down", "-wipe").CombinedOutput(); err != nil {
			w.t.Errorf("lab:down: %v\n%s", err, out)
		}
	})
}

var shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")

// TestTryItOnOneMachine runs the five commands of the how-to as they stand there, in a shell, with this checkout in place of the
// forge's repository.
func TestTryItOnOneMachine(t *testing.T) {
	const page = "docs/how-to/try-it-on-one-machine.md"
	text, err := os.ReadFile(filepath.Join(setup.root, page))
	if err != nil {
		t.Fatal(err)
	}
	block := shellBlock.FindSubmatch(text)
	if block == nil || strings.Count(string(block[1]), "\n") != 5 {
		t.Fatalf("%s does not begin with five commands:\n%s", page, block)
	}
	if _, err := exec.LookPath("curl"); err != nil {
		lack(t, "curl: apt-get install curl")
	}
	w := newWorld(t)
	w.withLab()
	const original = "https://forge.ops.eblu.me/eblume/blumeops.git"
	w.env["GIT_CONFIG_COUNT"], w.env["GIT_CONFIG_KEY_0"], w.env["GIT_CONFIG_VALUE_0"] = "1", "url."+w.snapshot()+".insteadOf", original
	delete(w.env, "BLUMEOPS_REGISTRY_USER") // lab:env says it

	cmd := exec.CommandContext(t.Context(), "sh", "-eux", "-c", string(block[1]))
	cmd.Dir, cmd.Env = t.TempDir(), w.env.list()
	var progress strings.Builder
	cmd.Stderr = &progress
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, progress.String())
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if n := len(lines); n != 3 {
		t.Fatalf("%d lines on stdout, expected those of lab:up, of the publish and of the catalog:\n%s\n%s", n, out, progress.String())
	}
	registry, _ := strings.CutPrefix(strings.Fields(lines[0])[1], "http://")
	if !strings.HasPrefix(lines[1], registry+"/blumeops/nettest:v0.1.0@sha256:") {
		t.Errorf("published %s, expected it at %s", lines[1], registry)
	}
	if lines[2] != `{"repositories":["blumeops/nettest"]}` {
		t.Errorf("catalog: %s", lines[2])
	}
}

// snapshot is a repository with this checkout's files as they are now, on main.
func (w *world) snapshot() string {
	w.t.Helper()
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = setup.root
	out, err := list.Output()
	if err != nil {
		w.t.Fatal(err)
	}
	dir := filepath.Join(w.work, "snapshot")
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		if err := copyFile(filepath.Join(setup.root, name), filepath.Join(dir, name)); err != nil && !os.IsNotExist(err) {
			w.t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"init", "--quiet", "--initial-branch=main", "."}, {"add", "--all"}, {"commit", "--quiet", "--message=Snapshot"},
	} {
		if err := git(dir, w.env, args...); err != nil {
			w.t.Fatal(err)
		}
	}
	return dir
}

func copyFile(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err // removed, and not committed yet
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, data, info.Mode())
}

// labStatus is what lab:status -format=json says.
type labStatus struct {
	lab.Record
	Servers []lab.Checked `json:"servers"`
}

func (w *world) labStatus() labStatus {
	w.t.Helper()
	out, err := w.command("lab:status", "-format=json").Output()
	var s labStatus
	if err == nil {
		err = json.Unmarshal(out, &s)
	}
	if err != nil {
		w.t.Fatalf("lab:status: %v\n%s", err, out)
	}
	return s
}

// useLab sets what lab:env says.
func (w *world) useLab() {
	w.t.Helper()
	out, err := w.command("lab:env", "-format=json").Output()
	var env []lab.Setting
	if err == nil {
		err = json.Unmarshal(out, &env)
	}
	if err != nil || len(env) == 0 {
		w.t.Fatalf("lab:env: %v\n%s", err, out)
	}
	for _, e := range env {
		w.env[e.Name] = e.Value
	}
}

// shop is what Argo CD finds in the repository.
const shop = `apiVersion: v1
kind: ConfigMap
metadata:
  name: shop
data:
  open: "yes"
`

// TestWholeLab starts all of the lab as people do, uses each part, and looks that nothing is left of it.
func TestWholeLab(t *testing.T) {
	labtest.Need(t, lab.AllParts...)
	w := newWorld(t)
	w.withLab()
	if err := writeNew(filepath.Join(w.repo, "argocd", "manifests", "shop", "configmap.yaml"), []byte(shop)); err != nil {
		t.Fatal(err)
	}
	w.commitAll("Deploy the shop")
	out, err := w.command("lab:up").CombinedOutput()
	if err != nil {
		t.Fatalf("lab:up: %v\n%s", err, out)
	}
	s := w.labStatus()
	w.useLab()
	t.Run("secrets", func(t *testing.T) { w.keepsSecrets(t, s, out) })
	t.Run("registry", func(t *testing.T) {
		published, err := w.command("container:publish", "hello", "v0.1.0").Output()
		if err != nil || !strings.HasPrefix(string(published), w.env["BLUMEOPS_REGISTRY"]+"/") {
			t.Errorf("container:publish: %v\n%s", err, published)
		}
	})
	t.Run("forge", func(t *testing.T) {
		head, err := exec.Command("git", "-C", w.repo, "rev-parse", "HEAD").Output()
		if err != nil {
			t.Fatal(err)
		}
		main, err := exec.Command("git", "ls-remote", fmt.Sprintf("%s/%s/blumeops.git", w.env["BLUMEOPS_FORGE_URL"], w.env["BLUMEOPS_OWNER"]), "refs/heads/main").Output()
		if err != nil || !strings.HasPrefix(string(main), strings.TrimSpace(string(head))) {
			t.Errorf("main of the forge is %q (%v), HEAD is %s", main, err, head)
		}
	})
	t.Run("argocd", func(t *testing.T) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+w.env["ARGOCD_SERVER"]+"/api/v1/applications", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+w.env["ARGOCD_AUTH_TOKEN"])
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var list struct {
			Items []struct{ Metadata struct{ Name string } }
		}
		if err := json.NewDecoder(resp.Body).Decode(&list); err != nil || len(list.Items) != 1 || list.Items[0].Metadata.Name != "shop" {
			t.Errorf("applications: %s, %v, %v", resp.Status, err, list)
		}
	})
	again, err := w.command("lab:up").Output()
	if err != nil || !strings.Contains(string(again), w.env["BLUMEOPS_REGISTRY"]) {
		t.Errorf("lab:up of what is up: %v\n%s", err, again)
	}
	if out, err := w.command("lab:down").CombinedOutput(); err != nil {
		t.Fatalf("lab:down: %v\n%s", err, out)
	}
	ended(t, s)
}

// keepsSecrets looks for the lab's passwords and tokens where everybody can look.
func (w *world) keepsSecrets(t *testing.T, s labStatus, said []byte) {
	places := map[string][]byte{"what lab:up said": said}
	status, err := w.command("lab:status", "-format=json").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	places["lab:status"] = status
	for _, server := range s.Servers {
		for _, file := range []string{fmt.Sprintf("/proc/%d/cmdline", server.PID), server.Log} {
			if places[server.Name+": "+file], err = os.ReadFile(file); err != nil {
				t.Error(err)
			}
		}
	}
	for _, name := range []string{"BLUMEOPS_FORGE_TOKEN", "ARGOCD_AUTH_TOKEN"} {
		if len(w.env[name]) < 20 {
			t.Errorf("%s is %q", name, w.env[name])
			continue
		}
		for place, text := range places {
			if bytes.Contains(text, []byte(w.env[name])) {
				t.Errorf("%s is in %s", name, place)
			}
		}
	}
}

// TestKilledLabLeavesNothing kills the process that keeps the lab. What its servers held is there again afterwards, at the same address.
func TestKilledLabLeavesNothing(t *testing.T) {
	w := newWorld(t)
	w.withLab()
	up := func() labStatus {
		t.Helper()
		if out, err := w.command("lab:up", "-parts=registry", "-registry=users").CombinedOutput(); err != nil {
			t.Fatalf("lab:up: %v\n%s", err, out)
		}
		return w.labStatus()
	}
	s := up()
	w.useLab()
	published, err := w.command("container:publish", "hello", "dev").Output()
	if err != nil {
		t.Fatalf("container:publish: %v\n%s", err, published)
	}
	if err := syscall.Kill(s.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	ended(t, s)
	if out, err := w.command("lab:status").CombinedOutput(); err == nil || !strings.Contains(string(out), "start it with lab:up") {
		t.Errorf("lab:status of a lab that was killed: %v\n%s", err, out)
	}
	up() // at the same address, with the same password: what was set before still holds
	dry, err := w.command("container:publish", "hello", "dev", "-dryrun").CombinedOutput()
	if err != nil || !strings.Contains(string(dry), strings.TrimSpace(string(published))) {
		t.Errorf("what was published before is not there: %v\n%s\n%s", err, published, dry)
	}
}

// TestTwoLabsSideBySide has two labs of one user, one of which goes.
func TestTwoLabsSideBySide(t *testing.T) {
	w := newWorld(t)
	w.withLab()
	other := &world{t: t, work: w.work, repo: w.repo, env: environ{}}
	for name, value := range w.env {
		other.env[name] = value
	}
	other.env["BLUMEOPS_LAB"] = "other"
	for _, each := range []*world{w, other} {
		if out, err := each.command("lab:up", "-parts=registry").CombinedOutput(); err != nil {
			t.Fatalf("lab:up: %v\n%s", err, out)
		}
	}
	first, second := w.labStatus(), other.labStatus()
	if first.Servers[0].URL == second.Servers[0].URL {
		t.Errorf("both are at %s", first.Servers[0].URL)
	}
	if out, err := other.command("lab:down", "-wipe").CombinedOutput(); err != nil {
		t.Fatalf("lab:down: %v\n%s", err, out)
	}
	ended(t, second)
	if still := w.labStatus(); still.Servers[0].Trouble != "" {
		t.Errorf("the lab that was to stay: %s", still.Servers[0].Trouble)
	}
}

// ended waits until no process of a lab is left.
func ended(t *testing.T, s labStatus) {
	t.Helper()
	if len(s.Servers) == 0 {
		t.Fatal("a lab without servers")
	}
	for _, server := range s.Servers {
		for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", server.PID))
			if err != nil || strings.Contains(string(stat), ") Z ") { // a zombie has ended; who adopted it is slow
				break
			}
			if time.Now().After(deadline) {
				t.Errorf("%s (process %d) still runs", server.Name, server.PID)
				break
			}
		}
	}
}
