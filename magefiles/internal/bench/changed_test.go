package bench

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"golang.org/x/sync/errgroup"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
)

// BenchmarkChanged: container:changed over 1,000 containers and 10,000 commits with a registry, compared with a shell script that reads the
// commits of the published images from a file, and asks git whether each container's folder changed since. The script does not follow FROM and
// does not query a registry. "since" is container:changed with a revision, which does not query a registry either. "cold" is container:changed
// without what an earlier run has kept in the cache.
func BenchmarkChanged(b *testing.B) {
	mage := compile(b)
	server, err := lab.StartRegistry(b.Context(), lab.Home{}, lab.RegistryOptions{})
	must(b, err)
	b.Cleanup(func() { _ = server.Close() })
	repo, published := manyContainers(b, server.Addr)
	env := []string{"BLUMEOPS_REGISTRY=" + server.Addr, "BLUMEOPS_REGISTRY_USER=none"}
	shell := `while read -r name since; do git diff --quiet "$since" HEAD -- "containers/$name" || echo "$name"; done <published`
	warm, cold := b.TempDir(), b.TempDir() // of the user's cache
	changed := []command{
		{name: "mage", dir: repo, env: append(slices.Clip(env), "XDG_CACHE_HOME="+warm), args: []string{mage, "container:changed"}},
		{name: "cold", dir: repo, env: append(slices.Clip(env), "XDG_CACHE_HOME="+cold), args: []string{"sh", "-euc", `rm -rf "$0"; exec "$1" container:changed`, cold, mage}},
	}
	inTurn(b, append(changed,
		command{name: "since", dir: repo, env: env, args: []string{mage, "container:changed", "-since=" + published[0]}},
		command{name: "git", dir: repo, args: []string{"sh", "-euc", shell}},
	)...)
	for _, c := range changed {
		server.Forget()
		c.run(b)
		b.ReportMetric(float64(len(server.Requests())), c.name+"-requests")
	}
}

// manyContainers is a repository of 1,000 containers, half of them based on ten of the others, and 10,000 commits that change one each. All but
// the last hundred are published; each container has its newest of these. It returns their commits, the oldest first.
func manyContainers(b *testing.B, registry string) (dir string, published []string) {
	b.Helper()
	const containers, commits, unpublished = 1000, 10_000, 100
	dir = b.TempDir()
	git(b, dir, nil, "init", "--quiet", "--initial-branch=main")
	script := filepath.Join(b.TempDir(), "import")
	must(b, os.WriteFile(script, history(registry, containers, commits), 0o600))
	command{dir: dir, args: []string{"sh", "-euc", `git fast-import --quiet <"$0" && git reset --quiet --hard && git gc --quiet && git rev-list --reverse main >"$0"`, script}}.run(b)
	hashes, err := os.ReadFile(script)
	must(b, err)
	published = strings.Fields(string(hashes))[commits-unpublished-containers : commits-unpublished]
	var list bytes.Buffer
	var group errgroup.Group
	group.SetLimit(8)
	for i, hash := range published {
		n := (commits - unpublished + i) % containers
		fmt.Fprintf(&list, "c%d %s\n", n, hash)
		group.Go(func() error { return labelled(fmt.Sprintf("%s/blumeops/c%d:v1.2.0-%s", registry, n, hash[:7]), hash) })
	}
	must(b, group.Wait())
	must(b, os.WriteFile(filepath.Join(dir, "published"), list.Bytes(), 0o600))
	return dir, published
}

func history(registry string, containers, commits int) []byte {
	var in bytes.Buffer
	for n := range commits {
		fmt.Fprintf(&in, "commit refs/heads/main\ncommitter c <c@example.org> %d +0000\ndata 14\nthe message of\n", 1600000000+n*60)
		for i := range containers {
			if n > 0 {
				break
			}
			text := "FROM scratch\nARG CONTAINER_APP_VERSION=1.2\n"
			if i >= containers/2 {
				text = fmt.Sprintf("FROM %s/blumeops/c%d:dev\n", registry, i%10)
			}
			fmt.Fprintf(&in, "M 644 inline containers/c%d/Dockerfile\ndata <<E\n%sE\n\nM 644 inline docs/d%d/page.md\ndata <<E\n%d\nE\n\n", i, text, i, i)
		}
		fmt.Fprintf(&in, "M 644 inline containers/c%d/file\ndata <<E\n%d\nE\n\n", n%containers, n)
	}
	return in.Bytes()
}

// labelled pushes an empty image with a commit in its label.
func labelled(ref, revision string) error {
	img, err := mutate.Config(empty.Image, v1.Config{Labels: map[string]string{"org.opencontainers.image.revision": revision, "title": ref}})
	if err != nil {
		return err
	}
	at, err := name.ParseReference(ref)
	if err != nil {
		return err
	}
	return remote.Write(at, img)
}
