package e2etest

import (
	"encoding/json"
	"os"
	"path/filepath"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
)

// WithLab lets a workspace's labs use the programs and base images that this user has already, and ends its labs.
func (w *Workspace) WithLab() {
	w.T.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		w.T.Fatal(err)
	}
	kept := filepath.Join(cache, "blumeops", "lab")
	ours := filepath.Join(w.Env["XDG_CACHE_HOME"], "blumeops")
	for _, dir := range []string{kept, ours} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			w.T.Fatal(err)
		}
	}
	if err := os.Symlink(kept, filepath.Join(ours, "lab")); err != nil {
		w.T.Fatal(err)
	}
	w.T.Cleanup(func() {
		if out, err := w.Command("lab:down", "-wipe").CombinedOutput(); err != nil {
			w.T.Errorf("lab:down: %v\n%s", err, out)
		}
	})
}

// UseLab sets what lab:env says.
func (w *Workspace) UseLab() {
	w.T.Helper()
	out, err := w.Command("lab:env", "-format=json").Output()
	var env []lab.Setting
	if err == nil {
		err = json.Unmarshal(out, &env)
	}
	if err != nil || len(env) == 0 {
		w.T.Fatalf("lab:env: %v\n%s", err, out)
	}
	for _, e := range env {
		w.Env[e.Name] = e.Value
	}
}
