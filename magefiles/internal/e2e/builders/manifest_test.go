package builders

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/daemon"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
)

// BuildKit accepts the configuration in argocd/manifests/buildkit, without root on the machine: it builds, with TLS, and has the limit of the cache: 40 GiB, as BuildKit counts in powers of two.
func TestManifestConfiguration(t *testing.T) {
	t.Parallel()
	f := newFleet(t, map[string]string{"arm": "linux/arm64"})
	arm := f.builders["arm"]
	arm.kill()
	text, err := os.ReadFile(filepath.Join(e2etest.Root(), "argocd/manifests/buildkit/buildkitd.toml"))
	if err != nil {
		t.Fatal(err)
	}
	here := string(text)
	for from, to := range map[string]string{
		"/run/user/1000/buildkit/": f.tls + "/", "/run/secrets/buildkit/ca.crt": f.tls + "/ca.pem",
		"/run/secrets/buildkit/tls.crt": f.tls + "/arm.pem", "/run/secrets/buildkit/tls.key": f.tls + "/arm.key",
	} {
		if !strings.Contains(here, from) {
			t.Fatalf("the configuration has no %s", from)
		}
		here = strings.ReplaceAll(here, from, to)
	}
	kustomization, err := os.ReadFile(filepath.Join(e2etest.Root(), "argocd/manifests/buildkit/kustomization.yaml"))
	if want := "newTag: " + daemon.Pinned() + "-rootless\n"; err != nil || !strings.Contains(string(kustomization), want) {
		t.Errorf("the manifests do not have the tested version: %v, want %q", err, want)
	}
	arm.config = filepath.Join(f.Dir, "buildkitd.toml")
	if err := os.WriteFile(arm.config, []byte(here), 0o644); err != nil {
		t.Fatal(err)
	}
	arm.start()
	if got := f.Run("doctor", "-only=builders"); got.Status != 0 || !strings.Contains(got.Stderr, " of 42.95GB") {
		t.Errorf("doctor: %+v", got)
	}
	f.container("web", f.gate.Addr().String())
	f.gate.release(arm)
	f.Mage("container:build", "web", "-platform=linux/arm64")

	// The same daemon over SSH: a program in the place of ssh runs the command that BuildKit's client gives it.
	buildctl, err := lab.Home{}.Buildctl(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(f.Dir, "ssh")
	script := "#!/bin/sh\n[ \"$*\" = '-- board buildctl dial-stdio' ] || exit 1\nexec " + buildctl + " --addr unix://" + f.tls + "/buildkitd.sock dial-stdio\n"
	if err := errors.Join(os.Mkdir(bin, 0o755), os.WriteFile(filepath.Join(bin, "ssh"), []byte(script), 0o755)); err != nil {
		t.Fatal(err)
	}
	f.Env["PATH"] = bin + string(filepath.ListSeparator) + f.Env["PATH"]
	f.Env["BLUMEOPS_BUILDERS"] = "linux/arm64=ssh://board"
	f.Mage("container:build", "web", "-platform=linux/arm64")
}
