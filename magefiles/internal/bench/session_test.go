package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/enginetest"
)

// BenchmarkSession: the cost of a session of the embedded engine from start to end, in this process: alone, with a cached command, with an
// uncached one, with an uncached one that uses a service, and with a publish without changes. Where buildctl can do the same, they are compared with
// its process and an equivalent Dockerfile.
func BenchmarkSession(b *testing.B) {
	t := newBed(b)
	run := func(i int) string { return fmt.Sprintf("echo %d of %d", i, time.Now().UnixNano()) }
	session := func(b *testing.B, do func(c *dagger.Client) error) {
		opts := enginetest.Options(b, t.dir)
		opts.Log = func(string) {}
		s, err := engine.Connect(b.Context(), opts)
		must(b, err)
		must(b, do(s.Client))
		must(b, s.Close())
	}
	exec := func(b *testing.B, line string) {
		session(b, func(c *dagger.Client) error {
			_, err := c.Container().From(t.base).WithExec([]string{"sh", "-c", line}).Stdout(b.Context())
			return err
		})
	}
	dockerfile := func(b *testing.B, line string, args ...string) {
		dir := filepath.Join(t.dir, "run")
		must(b, os.MkdirAll(dir, 0o755))
		must(b, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM "+t.base+"\nRUN "+line+"\n"), 0o644))
		c := t.buildctlBuild(dir)
		c.args = append(c.args, args...)
		c.run(b)
	}
	b.Run("Connect", func(b *testing.B) {
		pair(b, func(int) { session(b, func(*dagger.Client) error { return nil }) }, nil)
	})
	b.Run("CachedExec", func(b *testing.B) {
		pair(b, func(int) { exec(b, "echo cached") }, func(int) { dockerfile(b, "echo cached") })
	})
	b.Run("UncachedExec", func(b *testing.B) {
		pair(b, func(i int) { exec(b, run(i)) }, func(i int) { dockerfile(b, run(i)) })
	})
	b.Run("BoundExec", func(b *testing.B) { // an uncached command, and a service that starts for it
		const server = `$s = IO::Socket::INET->new(Listen => 9, LocalPort => 8080); $c->close while $c = $s->accept`
		pair(b, func(i int) {
			session(b, func(c *dagger.Client) error {
				base := c.Container().From(t.base)
				service := base.WithExposedPort(8080).AsService(dagger.ContainerAsServiceOpts{Args: []string{"perl", "-MIO::Socket::INET", "-e", server}})
				_, err := base.WithServiceBinding("server", service).WithExec([]string{"sh", "-c", run(i)}).Stdout(b.Context())
				return err
			})
		}, nil)
	})
	b.Run("CachedPublish", func(b *testing.B) {
		registry, _, _ := strings.Cut(t.base, "/")
		pair(b, func(int) {
			session(b, func(c *dagger.Client) error {
				_, err := c.Container().From(t.base).WithNewFile("/f", "1").Publish(b.Context(), registry+"/ours:1")
				return err
			})
		}, func(int) {
			dockerfile(b, "echo cached", "--output", "type=image,push=true,name="+registry+"/theirs:1")
		})
	})
}

// pair times ours and the alternative in turn, if there is one, after a run of each that does not count.
func pair(b *testing.B, ours, other func(i int)) {
	b.Helper()
	var a, z []usage
	timed := func(f func(int), i int, into *[]usage) {
		began := time.Now()
		f(i)
		if i > 0 {
			*into = append(*into, usage{wall: time.Since(began)})
		}
	}
	for i := range b.N + 1 {
		timed(ours, i, &a)
		if other != nil {
			timed(other, i, &z)
		}
	}
	report(b, "session", a)
	if other != nil {
		report(b, "buildctl", z)
	}
	b.ReportMetric(0, "ns/op")
}
