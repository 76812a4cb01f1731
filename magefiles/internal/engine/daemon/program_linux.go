package daemon

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sort"

	"golang.org/x/mod/modfile"
)

// program is an executable that is built from one of the pinned modules.
type program struct {
	name    string   // of the module's folder, and of the executable
	title   string   // for people
	pkg     string   // package to build, in the module
	pinned  string   // module whose version is the program's
	tags    string   // build tags
	cgo     bool     // needs a C compiler
	seconds int      // about how long it takes on two cores with empty caches
	stamp   []string // package variables that are set to package, version and key at linking time
}

// ours is what our buildkitd calls itself where BuildKit's own says github.com/moby/buildkit.
const ours = "forge.ops.eblu.me/eblume/blumeops"

var (
	buildkitd = program{
		name: "buildkitd", title: "BuildKit", pkg: ".", pinned: "github.com/moby/buildkit", seconds: 90,
		stamp: []string{
			"github.com/moby/buildkit/version.Package",
			"github.com/moby/buildkit/version.Version",
			"github.com/moby/buildkit/version.Revision",
		},
	}
	runc = program{
		name: "runc", title: "runc", pkg: "github.com/opencontainers/runc", pinned: "github.com/opencontainers/runc",
		tags: "seccomp", cgo: true, seconds: 25,
	}
	rootlesskit = program{
		name: "rootlesskit", title: "RootlessKit", pkg: "github.com/rootless-containers/rootlesskit/v3/cmd/rootlesskit",
		pinned: "github.com/rootless-containers/rootlesskit/v3", seconds: 30,
	}
)

// source is a program as it stands in the checkout.
type source struct {
	program
	dir     string // of the module
	version string // of the pinned module
	key     string // of the content: another key is another executable
}

// read looks at the module's own files only, which are few and small: what they require is pinned by go.sum.
func (p program) read(modulesDir string) (source, error) {
	s := source{program: p, dir: filepath.Join(modulesDir, p.name)}
	mod := filepath.Join(s.dir, "go.mod")
	data, err := os.ReadFile(mod)
	if err != nil {
		return s, fmt.Errorf("the sources of %s are needed to build it, so run this in a checkout of BlumeOps, or name one with BLUMEOPS_ROOT: %w", p.title, err)
	}
	file, err := modfile.ParseLax(mod, data, nil)
	if err != nil {
		return s, err
	}
	for _, r := range file.Require {
		if r.Mod.Path == p.pinned {
			s.version = r.Mod.Version
		}
	}
	if s.version == "" {
		return s, fmt.Errorf("%s does not require %s", mod, p.pinned)
	}
	s.key, err = s.hash()
	return s, err
}

func (s source) hash() (string, error) {
	sources, err := filepath.Glob(filepath.Join(s.dir, "*.go"))
	if err != nil {
		return "", err
	}
	sort.Strings(sources)
	h := sha256.New()
	fmt.Fprintln(h, runtime.Version(), runtime.GOOS, runtime.GOARCH, s.pkg, s.tags, s.cgo, s.stamp)
	for _, path := range append(sources, filepath.Join(s.dir, "go.mod"), filepath.Join(s.dir, "go.sum")) {
		f, err := os.Open(path)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(h, filepath.Base(path))
		_, err = io.Copy(h, f)
		f.Close()
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}

func (s source) executable(bin string) string { return filepath.Join(bin, s.name+"-"+s.key) }

func (s source) label() string { return s.title + " " + s.version }
