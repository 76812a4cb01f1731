package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/enginetest"
)

// BenchmarkNewMachine: the build of a Dockerfile container on an engine without any state, with its cache in a registry. It is compared with the
// same build without that cache, and with buildctl, which imports a cache of its own from the same registry. Each process has an engine that has
// just started; the start does not count.
func BenchmarkNewMachine(b *testing.B) {
	t := newBed(b)
	registry, _, _ := strings.Cut(t.base, "/")
	opts := enginetest.Fresh(b, t.dir)
	opts.Log = func(string) {}
	empty := func(int) {
		must(b, engine.Down(context.Background(), opts))
		must(b, os.RemoveAll(filepath.Join(opts.StateDir, "root")))
		d, err := engine.Up(context.Background(), opts)
		must(b, err)
		t.address = d.Address
	}
	dir := filepath.Join(t.dir, "containers", "slow")
	must(b, os.MkdirAll(dir, 0o755))
	must(b, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM "+t.base+"\nRUN find /usr/lib /usr/share -type f | sort | xargs cat | gzip > /archive\nCOPY source /source\nRUN cat /archive /source | sha256sum > /sum\n"), 0o644))
	change := func(i int) { must(b, os.WriteFile(filepath.Join(dir, "source"), fmt.Appendf(nil, "%d", i), 0o644)) }
	change(0)
	empty(0)
	t.env = []string{"BLUMEOPS_ENGINE_STATE=" + opts.StateDir, "BLUMEOPS_ENGINE=embedded", "BLUMEOPS_REGISTRY_USER=none"}
	plain := t.build("slow")
	plain.name = "without"
	t.env = append(t.env, "BLUMEOPS_CACHE="+registry+"/cache/mage")
	ours := t.build("slow")
	ours.env = t.env
	theirs := t.buildctlBuild(dir).with("--import-cache", "type=registry,ref="+registry+"/cache/buildctl")

	filling := ours
	filling.env = append(t.env[:len(t.env):len(t.env)], "BLUMEOPS_CACHE_WRITE=always")
	filling.run(b)
	t.buildctlBuild(dir).with("--export-cache", "type=registry,mode=max,ref="+registry+"/cache/buildctl").run(b)
	for name, before := range map[string]func(int){
		"unchanged": empty,
		"changed":   func(i int) { empty(i); change(i + 1) },
	} {
		b.Run(name+"/without", func(b *testing.B) { pairs(b, ours, plain, before) })
		b.Run(name+"/buildctl", func(b *testing.B) { pairs(b, ours, theirs, before) })
	}
}
