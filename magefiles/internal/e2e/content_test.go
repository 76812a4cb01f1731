package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
)

// Each version holds the program of its commit and says its own version, though the programs have one size: on the embedded engine, and on a
// real Dagger where one is named.
func TestEachVersionHoldsItsProgram(t *testing.T) {
	engines := map[string]func(*world){"embedded": func(*world) {}}
	if os.Getenv(runnerHost) != "" {
		engines["dagger"] = (*world).useDagger
	}
	for name, use := range engines {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			use(w)
			s := w.newServer(lab.RegistryOptions{})
			main := filepath.Join(w.repo, "containers/hello/main.go")
			text, err := os.ReadFile(main)
			if err != nil {
				t.Fatal(err)
			}
			for _, step := range []struct{ version, word string }{
				{"v1.0.0", "hello"}, {"v1.0.1", "hello"}, {"v1.0.2", "hallo"}, {"v1.0.3", "hullo"}, {"v1.0.4", "hello"},
			} {
				w.write("containers/hello/main.go", strings.Replace(string(text), "hello from", step.word+" from", 1))
				w.commitAll("Say " + step.word)
				w.mage("container:publish", "hello", step.version)
				if got, want := s.says(t, "hello", step.version), step.word+" from "+step.version+"\n"; got != want {
					t.Errorf("%s at the registry says %q, want %q", step.version, got, want)
				}
			}
		})
	}
}

// commitAll commits what was changed, if anything was, and pushes it.
func (w *world) commitAll(message string) {
	w.t.Helper()
	for _, args := range [][]string{
		{"add", "--all"}, {"commit", "--quiet", "--allow-empty", "--message=" + message},
		{"push", "--quiet", filepath.Join(w.work, "origin.git"), "main"}, {"update-ref", "refs/remotes/origin/main", "main"},
	} {
		if err := git(w.repo, w.env, args...); err != nil {
			w.t.Fatal(err)
		}
	}
}

// says runs the program of a version, as the registry has it, and returns what it prints.
func (s *server) says(t *testing.T, name, version string) string {
	t.Helper()
	for _, one := range s.mustImage(t, "blumeops/"+name+":"+version).images {
		if platformName(one.config.Platform) != "linux/"+runtime.GOARCH {
			continue
		}
		files, err := one.files()
		if err != nil {
			t.Fatal(err)
		}
		program := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(program, []byte(files["/"+name]), 0o755); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(program).CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v: %s", name, version, err, out)
		}
		return string(out)
	}
	t.Fatalf("%s %s has no image for this machine", name, version)
	return ""
}
