package lab

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/labtest"
)

// labStatus is what lab:status -format=json says.
type labStatus struct {
	lab.Record
	Servers []lab.Checked `json:"servers"`
}

func (w *workspace) labStatus() labStatus {
	w.T.Helper()
	out, err := w.Command("lab:status", "-format=json").Output()
	var s labStatus
	if err == nil {
		err = json.Unmarshal(out, &s)
	}
	if err != nil {
		w.T.Fatalf("lab:status: %v\n%s", err, out)
	}
	return s
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
	w := newWorkspace(t)
	w.WithLab()
	if err := e2etest.WriteNew(filepath.Join(w.Repo, "argocd", "manifests", "shop", "configmap.yaml"), []byte(shop)); err != nil {
		t.Fatal(err)
	}
	w.CommitAll("Deploy the shop")
	out, err := w.Command("lab:up").CombinedOutput()
	if err != nil {
		t.Fatalf("lab:up: %v\n%s", err, out)
	}
	s := w.labStatus()
	w.UseLab()
	t.Run("secrets", func(t *testing.T) { w.keepsSecrets(t, s, out) })
	t.Run("registry", func(t *testing.T) {
		published, err := w.Command("container:publish", "hello", "v0.1.0").Output()
		if err != nil || !strings.HasPrefix(string(published), w.Env["BLUMEOPS_REGISTRY"]+"/") {
			t.Errorf("container:publish: %v\n%s", err, published)
		}
	})
	t.Run("forge", func(t *testing.T) {
		head, err := exec.Command("git", "-C", w.Repo, "rev-parse", "HEAD").Output()
		if err != nil {
			t.Fatal(err)
		}
		main, err := exec.Command("git", "ls-remote", fmt.Sprintf("%s/%s/blumeops.git", w.Env["BLUMEOPS_FORGE_URL"], w.Env["BLUMEOPS_OWNER"]), "refs/heads/main").Output()
		if err != nil || !strings.HasPrefix(string(main), strings.TrimSpace(string(head))) {
			t.Errorf("main of the forge is %q (%v), HEAD is %s", main, err, head)
		}
	})
	t.Run("argocd", func(t *testing.T) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+w.Env["ARGOCD_SERVER"]+"/api/v1/applications", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+w.Env["ARGOCD_AUTH_TOKEN"])
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
	again, err := w.Command("lab:up").Output()
	if err != nil || !strings.Contains(string(again), w.Env["BLUMEOPS_REGISTRY"]) {
		t.Errorf("lab:up of what is up: %v\n%s", err, again)
	}
	if out, err := w.Command("lab:down").CombinedOutput(); err != nil {
		t.Fatalf("lab:down: %v\n%s", err, out)
	}
	ended(t, s)
}

// keepsSecrets looks for the lab's passwords and tokens where everybody can look.
func (w *workspace) keepsSecrets(t *testing.T, s labStatus, said []byte) {
	places := map[string][]byte{"what lab:up said": said}
	status, err := w.Command("lab:status", "-format=json").CombinedOutput()
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
		if len(w.Env[name]) < 20 {
			t.Errorf("%s is %q", name, w.Env[name])
			continue
		}
		for place, text := range places {
			if bytes.Contains(text, []byte(w.Env[name])) {
				t.Errorf("%s is in %s", name, place)
			}
		}
	}
}

// TestKilledLabLeavesNothing kills the process that keeps the lab. What its servers held is there again afterwards, at the same address.
func TestKilledLabLeavesNothing(t *testing.T) {
	w := newWorkspace(t)
	w.WithLab()
	up := func() labStatus {
		t.Helper()
		if out, err := w.Command("lab:up", "-parts=registry", "-registry=users").CombinedOutput(); err != nil {
			t.Fatalf("lab:up: %v\n%s", err, out)
		}
		return w.labStatus()
	}
	s := up()
	w.UseLab()
	published, err := w.Command("container:publish", "hello", "dev").Output()
	if err != nil {
		t.Fatalf("container:publish: %v\n%s", err, published)
	}
	if err := syscall.Kill(s.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	ended(t, s)
	if out, err := w.Command("lab:status").CombinedOutput(); err == nil || !strings.Contains(string(out), "start it with lab:up") {
		t.Errorf("lab:status of a lab that was killed: %v\n%s", err, out)
	}
	up() // at the same address, with the same password: what was set before still holds
	dry, err := w.Command("container:publish", "hello", "dev", "-dryrun").CombinedOutput()
	if err != nil || !strings.Contains(string(dry), strings.TrimSpace(string(published))) {
		t.Errorf("what was published before is not there: %v\n%s\n%s", err, published, dry)
	}
}

// TestTwoLabsSideBySide has two labs of one user, one of which goes.
func TestTwoLabsSideBySide(t *testing.T) {
	w := newWorkspace(t)
	w.WithLab()
	other := &workspace{w.Clone(t)}
	other.Env["BLUMEOPS_LAB"] = "other"
	for _, each := range []*workspace{w, other} {
		if out, err := each.Command("lab:up", "-parts=registry").CombinedOutput(); err != nil {
			t.Fatalf("lab:up: %v\n%s", err, out)
		}
	}
	first, second := w.labStatus(), other.labStatus()
	if first.Servers[0].URL == second.Servers[0].URL {
		t.Errorf("both are at %s", first.Servers[0].URL)
	}
	if out, err := other.Command("lab:down", "-wipe").CombinedOutput(); err != nil {
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
		for deadline := time.Now().Add(e2etest.Patience); ; time.Sleep(20 * time.Millisecond) {
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
