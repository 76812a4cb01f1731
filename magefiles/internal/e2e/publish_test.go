package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/baseimage"
)

var digestIn = regexp.MustCompile(`sha256:[0-9a-f]{64}`)

// The image of a Go program is the same bit for bit from two clones, two homes and two engines with caches of their own, and from a real Dagger
// where one is named.
func TestGoImagesRepeat(t *testing.T) {
	engines := []func(*world){(*world).ownEngine, (*world).ownEngine}
	if os.Getenv(runnerHost) != "" {
		engines = append(engines, (*world).useDagger)
	}
	var digests []string
	for _, use := range engines {
		w := newWorld(t)
		use(w)
		s := w.newServer(lab.RegistryOptions{})
		line := w.mage("container:publish", "hello", "v1.0.0")
		digest := digestIn.FindString(line)
		if p := s.mustImage(t, "blumeops/hello:v1.0.0"); p.digest.String() != digest {
			t.Errorf("the registry has %s, and %q was printed", p.digest, line)
		}
		digests = append(digests, digest)
	}
	if same := slices.Compact(slices.Clone(digests)); len(same) != 1 || same[0] == "" {
		t.Errorf("digests %q", digests)
	}
}

// Of two clones that publish the same revision, the second finds the work done, whichever engine it has and though RUN layers never repeat.
func TestAnotherClonePublishesTheSame(t *testing.T) {
	registry, _ := needBase(t, baseimage.Debian())
	first := newWorld(t)
	first.env["BLUMEOPS_MIRRORS"] = "docker.io=" + registry
	s := first.newServer(lab.RegistryOptions{CreateOnly: true})
	want := first.mage("container:publish", "steps", "v1.0.0")

	second := newWorld(t)
	second.env["BLUMEOPS_REGISTRY"] = s.Addr
	second.env["BUILDKIT_HOST"] = "tcp://127.0.0.1:1" // where nothing is: no engine is needed
	s.Forget()
	got := second.run("container:publish", "steps", "v1.0.0")
	if got.status != 0 || strings.TrimSpace(got.stdout) != want || !strings.Contains(got.stderr, "published already") {
		t.Errorf("got %+v, want %s", got, want)
	}
	if writes := s.writes(); len(writes) > 0 {
		t.Errorf("wrote: %q", writes)
	}
}

// A private authority is trusted once it is named, by registries that are published to and that bases come from.
func TestPrivateAuthority(t *testing.T) {
	w := newWorld(t)
	w.ownEngine() // which is restarted, as the authority is one of its settings
	s := w.newServer(lab.RegistryOptions{TLS: true})
	got := w.run("container:publish", "hello", "v1.0.0")
	if got.status != 1 || !strings.Contains(got.stderr, "its authority is not known here") || !strings.Contains(got.stderr, "BLUMEOPS_CA_FILE") {
		t.Errorf("without the authority: %+v", got)
	}
	if writes := s.writes(); len(writes) > 0 {
		t.Errorf("without the authority: %q", writes)
	}
	w.env["BLUMEOPS_CA_FILE"] = filepath.Join(w.work, "ca.pem")
	if got := w.run("container:publish", "hello", "v1.0.0"); got.status != 2 || !strings.Contains(got.stderr, "ca.pem") {
		t.Errorf("with a file that is not there: %+v", got)
	}
	if err := os.WriteFile(w.env["BLUMEOPS_CA_FILE"], s.CA, 0o644); err != nil {
		t.Fatal(err)
	}
	w.mage("container:publish", "hello", "v1.0.0")
	s.mustImage(t, "blumeops/hello:v1.0.0")

	w.write("containers/based/main.go", "//blumeops:base "+s.Addr+"/blumeops/hello:v1.0.0\npackage main\n\nfunc main() {}\n")
	w.mage("container:build", "based", "-output=based.tar")
	p, err := readLayout(filepath.Join(w.repo, "based.tar"))
	if err != nil {
		t.Fatal(err)
	}
	if files, err := p.images[0].files(); err != nil || files["/hello"] == "" || files["/based"] == "" {
		t.Errorf("the image on that base holds %d files, %v", len(files), err)
	}
}

// A registry that does not answer is waited for; whoever waits can leave.
func TestSlowRegistry(t *testing.T) {
	w := newWorld(t)
	s := w.newServer(lab.RegistryOptions{})
	s.fail("hang", 0)
	r := w.start("container:publish", "hello", "v1.0.0")
	r.reaches(s)
	r.signal(os.Interrupt)
	if got := r.wait(); got.status != 130 || !strings.Contains(got.stderr, "stopped") || got.stdout != "" {
		t.Errorf("after SIGINT: %+v", got)
	}
	s.fail("hang", 0)
	r = w.start("container:publish", "hello", "v1.0.0")
	r.reaches(s)
	s.Front().Mend()
	if got := r.wait(); got.status != 0 || !digestIn.MatchString(got.stdout) {
		t.Errorf("when it answers at last: %+v", got)
	}
}
