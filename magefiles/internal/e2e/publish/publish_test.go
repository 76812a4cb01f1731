package publish

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/testimage"
)

// The image of a Go program is the same bit for bit from two clones, two homes and two engines with caches of their own, and from a real Dagger
// where one is named.
func TestGoImagesRepeat(t *testing.T) {
	engines := []func(*workspace){(*workspace).OwnEngine, (*workspace).OwnEngine}
	if os.Getenv(e2etest.RunnerHost) != "" {
		engines = append(engines, (*workspace).UseDagger)
	}
	var digests []string
	for _, use := range engines {
		w := newWorkspace(t)
		use(w)
		s := w.NewRegistry(lab.RegistryOptions{})
		line := w.Mage("container:publish", "hello", "v1.0.0")
		digest := e2etest.DigestPattern.FindString(line)
		if p := s.MustImage(t, "blumeops/hello:v1.0.0"); p.Digest.String() != digest {
			t.Errorf("the registry has %s, and %q was printed", p.Digest, line)
		}
		digests = append(digests, digest)
	}
	if same := slices.Compact(slices.Clone(digests)); len(same) != 1 || same[0] == "" {
		t.Errorf("digests %q", digests)
	}
}

// Of two clones that publish the same revision, the second finds the work done, whichever engine it has and though RUN layers never repeat.
func TestAnotherClonePublishesTheSame(t *testing.T) {
	registry, _ := e2etest.NeedBase(t, testimage.Debian())
	first := newWorkspace(t)
	first.Env["BLUMEOPS_MIRRORS"] = "docker.io=" + registry
	s := first.NewRegistry(lab.RegistryOptions{CreateOnly: true})
	want := first.Mage("container:publish", "steps", "v1.0.0")

	second := newWorkspace(t)
	second.Env["BLUMEOPS_REGISTRY"] = s.Addr
	second.Env["BUILDKIT_HOST"] = "tcp://127.0.0.1:1" // where nothing is: no engine is needed
	s.Forget()
	got := second.Run("container:publish", "steps", "v1.0.0")
	if got.Status != 0 || strings.TrimSpace(got.Stdout) != want || !strings.Contains(got.Stderr, "is already published") {
		t.Errorf("got %+v, want %s", got, want)
	}
	if writes := s.Writes(); len(writes) > 0 {
		t.Errorf("wrote: %q", writes)
	}
}

// A private authority is trusted once it is named, by registries that are published to and that bases come from.
func TestPrivateAuthority(t *testing.T) {
	w := newWorkspace(t)
	w.OwnEngine() // which is restarted, as the authority is one of its settings
	s := w.NewRegistry(lab.RegistryOptions{TLS: true})
	got := w.Run("container:publish", "hello", "v1.0.0")
	if got.Status != 1 || !strings.Contains(got.Stderr, "its authority is not known here") || !strings.Contains(got.Stderr, "BLUMEOPS_CA_FILE") {
		t.Errorf("without the authority: %+v", got)
	}
	if writes := s.Writes(); len(writes) > 0 {
		t.Errorf("without the authority: %q", writes)
	}
	w.Env["BLUMEOPS_CA_FILE"] = filepath.Join(w.Dir, "ca.pem")
	if got := w.Run("container:publish", "hello", "v1.0.0"); got.Status != 2 || !strings.Contains(got.Stderr, "ca.pem") {
		t.Errorf("with a file that is not there: %+v", got)
	}
	if err := os.WriteFile(w.Env["BLUMEOPS_CA_FILE"], s.CA, 0o644); err != nil {
		t.Fatal(err)
	}
	w.Mage("container:publish", "hello", "v1.0.0")
	s.MustImage(t, "blumeops/hello:v1.0.0")

	w.Write("containers/based/main.go", "//blumeops:base "+s.Addr+"/blumeops/hello:v1.0.0\npackage main\n\nfunc main() {}\n")
	w.Mage("container:build", "based", "-output=based.tar")
	p, err := e2etest.ReadLayout(filepath.Join(w.Repo, "based.tar"))
	if err != nil {
		t.Fatal(err)
	}
	if files, err := p.Images[0].Files(); err != nil || files["/hello"] == "" || files["/based"] == "" {
		t.Errorf("the image on that base holds %d files, %v", len(files), err)
	}
}

// The target waits for a registry that does not answer, and ^C ends the wait.
func TestSlowRegistry(t *testing.T) {
	w := newWorkspace(t)
	s := w.NewRegistry(lab.RegistryOptions{})
	s.Fail("hang", 0)
	r := w.Start("container:publish", "hello", "v1.0.0")
	r.Reaches(s)
	r.Signal(os.Interrupt)
	if got := r.Wait(); got.Status != 130 || !strings.Contains(got.Stderr, "stopped") || got.Stdout != "" {
		t.Errorf("after SIGINT: %+v", got)
	}
	s.Fail("hang", 0)
	r = w.Start("container:publish", "hello", "v1.0.0")
	r.Reaches(s)
	s.Proxy().Clear()
	if got := r.Wait(); got.Status != 0 || !e2etest.DigestPattern.MatchString(got.Stdout) {
		t.Errorf("when it answers at last: %+v", got)
	}
}
