package publish

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
)

// Each version holds the program of its commit and says its own version, though the programs have one size: on the embedded engine, and on a
// real Dagger where one is named.
func TestEachVersionHoldsItsProgram(t *testing.T) {
	engines := map[string]func(*workspace){"embedded": func(*workspace) {}}
	if os.Getenv(e2etest.RunnerHost) != "" {
		engines["dagger"] = (*workspace).UseDagger
	}
	for name, use := range engines {
		t.Run(name, func(t *testing.T) {
			w := newWorkspace(t)
			use(w)
			s := w.NewRegistry(lab.RegistryOptions{})
			main := filepath.Join(w.Repo, "containers/hello/main.go")
			text, err := os.ReadFile(main)
			if err != nil {
				t.Fatal(err)
			}
			for _, step := range []struct{ version, word string }{
				{"v1.0.0", "hello"}, {"v1.0.1", "hello"}, {"v1.0.2", "hallo"}, {"v1.0.3", "hullo"}, {"v1.0.4", "hello"},
			} {
				w.Write("containers/hello/main.go", strings.Replace(string(text), "hello from", step.word+" from", 1))
				w.CommitAll("Say " + step.word)
				w.Mage("container:publish", "hello", step.version)
				if got, want := says(t, s, "hello", step.version), step.word+" from "+step.version+"\n"; got != want {
					t.Errorf("%s at the registry says %q, want %q", step.version, got, want)
				}
			}
		})
	}
}

// says runs the program of a version, as the registry has it, and returns what it prints.
func says(t *testing.T, s *e2etest.Registry, name, version string) string {
	t.Helper()
	for _, one := range s.MustImage(t, "blumeops/"+name+":"+version).Images {
		if e2etest.PlatformName(one.Config.Platform) != "linux/"+runtime.GOARCH {
			continue
		}
		files, err := one.Files()
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
