package bench

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
)

// each is the size of the new content in each image of BenchmarkPublishFive, in bytes; it does not compress.
const each = 8 << 20

// BenchmarkPublishFive: five images, each with a command that runs in the build and 8 MB of new content, are published by one run with the list,
// and by five runs one after the other.
func BenchmarkPublishFive(b *testing.B) {
	t := newBed(b)
	reg, err := lab.StartRegistry(context.Background(), lab.Home{}, lab.RegistryOptions{})
	must(b, err)
	b.Cleanup(func() { reg.Close() })
	names := []string{"one", "two", "three", "four", "five"}
	for _, name := range names {
		dir := filepath.Join(t.dir, "containers", name)
		must(b, os.MkdirAll(dir, 0o755))
		must(b, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM "+t.base+"\nCOPY data /data\nRUN sha256sum /data > /sum\n"), 0o644))
	}
	command{dir: t.dir, args: []string{"git", "-c", "user.name=b", "-c", "user.email=b@example.test", "commit", "--quiet", "--allow-empty", "-m", "start"}}.run(b)
	publish := func(names string) string {
		return fmt.Sprintf("%s container:publish %s dev -registry=%s -platform=linux/amd64", t.mage, names, reg.Addr)
	}
	together := command{name: "list", dir: t.dir, env: t.env, args: strings.Fields(publish(strings.Join(names, ",")))}
	var script strings.Builder
	for _, name := range names {
		script.WriteString(publish(name) + "\n")
	}
	apart := command{name: "apart", dir: t.dir, env: t.env, args: []string{"sh", "-ec", script.String()}}
	pairs(b, together, apart, func(int) {
		for _, name := range names {
			data := make([]byte, each)
			rand.Read(data) // crypto/rand.Read never fails
			must(b, os.WriteFile(filepath.Join(t.dir, "containers", name, "data"), data, 0o644))
		}
	})
}
