package builders

import (
	"crypto/rand"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/daemon"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
)

// two are a builder for each of two platforms.
var two = map[string]string{"amd": "linux/amd64", "arm": "linux/arm64"}

// The image of two builders is the one that a single engine makes, digest by digest. Each layer leaves its builder once.
func TestPublish(t *testing.T) {
	t.Parallel()
	f := newFleet(t, two)
	amd, arm := f.builders["amd"], f.builders["arm"]
	f.container("web")
	data := make([]byte, 4<<20) // it does not compress
	rand.Read(data)             // crypto/rand.Read never fails
	f.Write("containers/web/data", string(data))
	f.CommitAll("Add data")

	got := f.Run("doctor", "-only=builders")
	if got.Status != 0 || !strings.Contains(got.Stderr, "builder "+arm.url()+" (linux/arm64): BuildKit "+daemon.Pinned()+" for linux/arm64") {
		t.Errorf("doctor: %+v", got)
	}

	before := arm.sent()
	line := f.Mage("container:publish", "web", "v1.0.0")
	sent := arm.sent() - before
	if sent < 4<<20 || sent > 6<<20 {
		t.Errorf("%d bytes left the builder; the image has %d", sent, len(data))
	}
	image := f.registry.MustImage(t, "blumeops/web:v1.0.0")
	if len(image.Images) != 2 || image.Images[0].Config.Architecture != "amd64" || image.Images[1].Config.Architecture != "arm64" {
		t.Errorf("the image has %+v", image)
	}

	one := f.Clone(t)
	delete(one.Env, "BLUMEOPS_BUILDERS")
	one.Env["BUILDKIT_HOST"] = arm.url() // it runs both platforms
	single := one.NewRegistry(lab.RegistryOptions{})
	if got := one.Mage("container:publish", "web", "v1.0.0"); e2etest.DigestPattern.FindString(got) != e2etest.DigestPattern.FindString(line) {
		t.Errorf("one engine makes %s, and two make %s", got, line)
	}
	single.MustImage(t, "blumeops/web:v1.0.0")

	// A file, too, has both platforms; and a platform that is not requested needs no builder.
	if err := amd.process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	f.Mage("container:build", "web", "-platform=linux/arm64", "-output=one.tar")
	<-amd.ended
	amd.start()
	f.Mage("container:build", "web", "-platform=linux/amd64,linux/arm64", "-output=both.tar")
	both, err := e2etest.ReadLayout(filepath.Join(f.Repo, "both.tar"))
	if err != nil || len(both.Images) != 2 {
		t.Errorf("the file has %+v, %v", both, err)
	}
}

// A builder that ends, that is cut off, or that hangs while it builds fails its platform. The other platform finishes, nothing is pushed, and the next
// run finds the finished steps.
func TestBuilderFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fail, repair func(*builder)
		want         string
	}{
		"killed": {(*builder).kill, (*builder).start, "connection to BuildKit was lost"},
		"cut":    {func(b *builder) { b.cut() }, func(b *builder) { b.join() }, "stopped answering for 20s"},
		"hangs":  {func(b *builder) { b.signal(syscall.SIGSTOP) }, func(b *builder) { b.signal(syscall.SIGCONT) }, "stopped answering for 20s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, two)
			amd, arm := f.builders["amd"], f.builders["arm"]
			f.container("web", f.gate.Addr().String())
			r := f.Start("container:publish", "web", "v1.0.0")
			f.gate.await(t, r, amd, arm)
			c.fail(arm)
			f.gate.release(amd)
			got := r.Wait()
			if got.Status != 1 || got.Stdout != "" {
				t.Errorf("got %+v", got)
			}
			for _, want := range []string{"linux/arm64: builder " + arm.url() + ": ", c.want, "-emulate", "done    " + amd.address + ":1234: [3/3] RUN"} {
				if !strings.Contains(got.Stderr, want) {
					t.Errorf("stderr does not have %q:\n%s", want, got.Stderr)
				}
			}
			if writes := f.registry.Writes(); len(writes) > 0 {
				t.Errorf("wrote %q", writes)
			}
			c.repair(arm)
			f.gate.release(arm)
			got = f.Run("container:publish", "web", "v1.0.0")
			if got.Status != 0 || !strings.Contains(got.Stderr, "cached  "+amd.address+":1234: [3/3] RUN") {
				t.Errorf("the next run: %+v", got)
			}
			f.registry.MustImage(t, "blumeops/web:v1.0.0")
		})
	}
}

// A builder far away takes longer, and its image is the same.
func TestDelayedBuilder(t *testing.T) {
	t.Parallel()
	f := newFleet(t, two)
	arm := f.builders["arm"]
	f.container("web")
	want := f.Mage("container:publish", "web", "v1.0.0")
	f.Env["BLUMEOPS_BUILDERS"] = strings.Replace(f.Env["BLUMEOPS_BUILDERS"], arm.url(), "tcp://"+arm.delay("1234", 200*time.Millisecond), 1)
	f.NewRegistry(lab.RegistryOptions{})
	if got := f.Mage("container:publish", "web", "v1.0.0"); e2etest.DigestPattern.FindString(got) != e2etest.DigestPattern.FindString(want) {
		t.Errorf("got %s, and without the delay %s", got, want)
	}
}

// With -emulate, another builder takes over in the middle, and a line says so.
func TestEmulate(t *testing.T) {
	t.Parallel()
	f := newFleet(t, two)
	amd, arm := f.builders["amd"], f.builders["arm"] // which also runs amd64
	f.container("web", f.gate.Addr().String())
	r := f.Start("container:publish", "web", "v1.0.0", "-emulate")
	f.gate.await(t, r, amd, arm)
	amd.kill()
	f.gate.release(arm)
	got := r.Wait()
	want := "linux/amd64: builder " + amd.url() + ": the connection to BuildKit was lost"
	if got.Status != 0 || !strings.Contains(got.Stderr, want) || !strings.Contains(got.Stderr, "building on builder "+arm.url()+" under emulation") {
		t.Errorf("got %+v", got)
	}
	if image := f.registry.MustImage(t, "blumeops/web:v1.0.0"); len(image.Images) != 2 {
		t.Errorf("the image has %+v", image)
	}
}

// Two builders of one platform share a list. If one ends, the other one builds all.
func TestListSharesBuilders(t *testing.T) {
	t.Parallel()
	f := newFleet(t, map[string]string{"amd": "linux/amd64", "more": "linux/amd64"})
	f.Env["BLUMEOPS_DOCKERFILE_PLATFORMS"] = "linux/amd64"
	amd, more := f.builders["amd"], f.builders["more"]
	for _, name := range []string{"one", "two", "three", "four"} {
		f.container(name, f.gate.Addr().String())
	}
	r := f.Start("container:publish", "one,two,three,four", "v1.0.0")
	f.gate.await(t, r, amd, amd, more, more)
	more.kill()
	f.gate.release(amd)
	got := r.Wait()
	if got.Status != 0 || strings.Count(got.Stdout, "@sha256:") != 4 || !strings.Contains(got.Stderr, "building on builder "+amd.url()) {
		t.Errorf("got %+v", got)
	}
}

// The cache in a registry is written by the builders that answer: one that hangs delays neither the build nor its end.
func TestCacheOfBuilders(t *testing.T) {
	t.Parallel()
	f := newFleet(t, map[string]string{"amd": "linux/amd64", "more": "linux/amd64"})
	maps.Copy(f.Env, map[string]string{"BLUMEOPS_DOCKERFILE_PLATFORMS": "linux/amd64", "BLUMEOPS_CACHE": "cache", "BLUMEOPS_CACHE_WRITE": "always"})
	amd, more := f.builders["amd"], f.builders["more"]
	for _, name := range []string{"one", "two"} {
		f.container(name, f.gate.Addr().String())
	}
	r := f.Start("container:publish", "one,two", "v1.0.0")
	f.gate.await(t, r, amd, more)
	more.signal(syscall.SIGSTOP)
	f.gate.release(amd)
	got := r.Wait()
	more.signal(syscall.SIGCONT)
	if got.Status != 0 || strings.Count(got.Stdout, "@sha256:") != 2 || !strings.Contains(got.Stderr, "stopped answering") {
		t.Errorf("got %+v", got)
	}
	for _, name := range []string{"one", "two"} {
		want := "PUT /v2/blumeops/cache/manifests/container-" + name + "-linux-amd64: 201"
		if writes := f.registry.Writes(); !slices.Contains(writes, want) {
			t.Errorf("%q is not in %q", want, writes)
		}
	}
}

// Errors of a builder name it, its platform and the remedy; no image is built.
func TestUnusableBuilders(t *testing.T) {
	t.Parallel()
	f := newFleet(t, two)
	amd, arm := f.builders["amd"], f.builders["arm"]
	f.container("web")
	other := filepath.Join(f.Dir, "other") // as of another site
	if err := os.Mkdir(other, 0o755); err != nil {
		t.Fatal(err)
	}
	mixed := f.Clone(t)
	good, otherSite := f.tls, &fleet{Workspace: f.Workspace, tls: other}
	otherSite.certify(nil)
	for name, c := range map[string]struct {
		builders, tls string
		want          []string
	}{
		"nothing listens": {"linux/arm64=tcp://" + arm.address + ":1", good + "/client", []string{"does not answer: dial tcp " + arm.address + ":1: connect: connection refused", "start BuildKit there"}},
		"without TLS":     {"linux/arm64=" + arm.url(), "", []string{"does not answer as BuildKit without TLS", "set BUILDKIT_TLS_DIR"}},
		"an unknown authority": {"linux/arm64=" + arm.url(), other + "/client",
			[]string{"refuses the connection", "certificate signed by unknown authority", "check the certificates"}},
		"no certificates": {"linux/arm64=" + arm.url(), good, []string{"expected ca.pem, cert.pem and key.pem"}},
		"another platform": {"linux/arm64=" + amd.url(), good + "/client",
			[]string{"cannot run programs for linux/arm64: it offers linux/amd64", "install an emulator there"}},
	} {
		mixed.Env["BLUMEOPS_BUILDERS"], mixed.Env["BUILDKIT_TLS_DIR"] = c.builders, c.tls
		got := mixed.Run("container:publish", "web", "v1.0.0", "-platform=linux/arm64")
		if got.Status != 1 || !strings.Contains(got.Stderr, "linux/arm64: builder "+strings.TrimPrefix(c.builders, "linux/arm64=")+": ") {
			t.Errorf("%s: %+v", name, got)
		}
		for _, want := range append(c.want, "-emulate") {
			if !strings.Contains(got.Stderr, want) {
				t.Errorf("%s: stderr does not have %q:\n%s", name, want, got.Stderr)
			}
		}
	}
	mixed.Env["BLUMEOPS_BUILDERS"], mixed.Env["BUILDKIT_TLS_DIR"] = "linux/arm64="+amd.url()+",linux/arm64=tcp://"+arm.address+":1", good+"/client"
	got := mixed.Run("doctor", "-only=builders")
	for _, want := range []string{amd.url() + " (linux/arm64): cannot run programs", "tcp://" + arm.address + ":1 (linux/arm64): does not answer", "[builders/unusable]"} {
		if got.Status != 1 || !strings.Contains(got.Stdout, want) {
			t.Errorf("doctor: %+v", got)
		}
	}
	// The builder trusts its authority, and the client has a certificate of another one.
	if err := os.Rename(filepath.Join(good, "client", "ca.pem"), filepath.Join(other, "client", "ca.pem")); err != nil {
		t.Fatal(err)
	}
	mixed.Env["BLUMEOPS_BUILDERS"], mixed.Env["BUILDKIT_TLS_DIR"] = "linux/arm64="+arm.url(), other+"/client"
	if got := mixed.Run("container:build", "web", "-platform=linux/arm64"); got.Status != 1 || !strings.Contains(got.Stderr, "refuses the connection") {
		t.Errorf("with a foreign certificate: %+v", got)
	}
	mixed.Env["BLUMEOPS_BUILDERS"] = "linux/arm64=" + strings.TrimPrefix(arm.url(), "tcp://")
	if got := mixed.Run("container:build", "web"); got.Status != 2 || !strings.Contains(got.Stderr, "BLUMEOPS_BUILDERS") {
		t.Errorf("without a scheme: %+v", got)
	}
	if writes := f.registry.Writes(); len(writes) > 0 {
		t.Errorf("wrote %q", writes)
	}
}

// A Go program needs no builder of its platform. A builder may have a folder of certificates of its own.
func TestGoProgram(t *testing.T) {
	t.Parallel()
	f := newFleet(t, map[string]string{"amd": "linux/amd64"})
	amd := f.builders["amd"]
	if err := os.Rename(filepath.Join(f.tls, "client"), filepath.Join(f.tls, amd.address)); err != nil {
		t.Fatal(err)
	}
	f.Env["BUILDKIT_TLS_DIR"] = f.tls
	nobody, err := net.Listen("tcp", f.network.gateway()+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer nobody.Close()

	go func() {
		for {
			conn, err := nobody.Accept()
			if err != nil {
				return
			}

			_ = conn.Close() // nothing was read
		}
	}()
	f.Env["BLUMEOPS_BUILDERS"] = "linux/amd64=" + amd.url() + ",linux/arm64=tcp://" + nobody.Addr().String()
	f.Mage("container:publish", "hello", "v1.0.0")
	if image := f.registry.MustImage(t, "blumeops/hello:v1.0.0"); len(image.Images) != 2 {
		t.Errorf("the image has %+v", image)
	}
}
