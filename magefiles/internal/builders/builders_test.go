package builders_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/builders"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image/imagetest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

const amd, arm, arm2 = "tcp://amd:1", "tcp://arm:1", "tcp://arm2:1"

var (
	errDown = errors.New("does not answer")
	errGone = errors.New("connection lost")
	errFull = errors.New("no space left")
)

// site are engines of a test.
type site struct {
	t    *testing.T
	pool *builders.Pool

	mu     sync.Mutex
	asked  []string            // by Check: address, platform
	built  map[string][]string // by address: the containers with their platforms
	warned []string
	down   map[string]error                        // by address: of Check
	fails  map[string]error                        // by address: of Build
	torn   map[string]error                        // by address: of Archives
	runs   map[string]int                          // by address: builds
	during func(address string, c image.Container) // while a build runs
}

// newSite has the builders amd for amd64, arm for arm64, and those that are added: PLATFORM=ADDRESS.
func newSite(t *testing.T, more ...builders.Builder) *site {
	s := &site{t: t, built: map[string][]string{}, down: map[string]error{}, fails: map[string]error{}, torn: map[string]error{}, runs: map[string]int{}}
	s.pool = &builders.Pool{
		Declared: append([]builders.Builder{{Platform: imagetest.AMD64, Address: amd}, {Platform: imagetest.ARM64, Address: arm}}, more...),
		Check: func(_ context.Context, address string, p image.Platform) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.asked = append(s.asked, address+" "+p.String())
			return s.down[address]
		},
		Builds: func(_ context.Context, address string) int { return s.runs[address] },
		Gone:   func(err error) bool { return errors.Is(err, errGone) },
		Full:   func(err error) bool { return errors.Is(err, errFull) },
		Warn: func(line string) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.warned = append(s.warned, line)
		},
	}
	return s
}

// engine is the builder at an address.
type engine struct {
	*site
	address string
}

func (e engine) Build(ctx context.Context, q image.BuildRequest) (image.Built, error) {
	e.mu.Lock()
	e.built[e.address] = append(e.built[e.address], string(q.Container.Name)+" "+image.JoinPlatforms(q.Platforms))
	err := e.fails[e.address]
	e.mu.Unlock()
	if e.during != nil {
		e.during(e.address, q.Container)
	}
	if err != nil {
		return nil, err
	}
	built, err := (&imagetest.Builder{T: e.t, Content: e.address}).Build(ctx, q)
	return engineImage{built, e}, err
}

type engineImage struct {
	image.Built
	engine
}

func (i engineImage) Archives(ctx context.Context, dir string) ([]image.Variant, error) {
	if err := i.torn[i.address]; err != nil {
		return nil, err
	}
	return i.Built.Archives(ctx, dir)
}

func (s *site) build(name string, platforms ...image.Platform) (image.Built, error) {
	kind := image.KindDockerfile
	if name == "program" {
		kind = image.KindGo
	}
	on := func(address string) image.Builder { return engine{s, address} }
	return s.pool.For(on).Build(s.t.Context(), image.BuildRequest{Container: image.Container{Name: image.Name(name), Kind: kind}, Platforms: platforms})
}

// archived builds and exports, and returns the platforms of the archives.
func (s *site) archived(name string, platforms ...image.Platform) (string, error) {
	built, err := s.build(name, platforms...)
	if err != nil {
		return "", err
	}
	variants, err := built.Archives(s.t.Context(), s.t.TempDir())
	var list []image.Platform
	for _, v := range variants {
		list = append(list, v.Platform)
	}
	return image.JoinPlatforms(list), err
}

func (s *site) wantBuilt(want map[string][]string) {
	s.t.Helper()
	if !reflect.DeepEqual(s.built, want) {
		s.t.Errorf("built %v, want %v", s.built, want)
	}
}

func (s *site) wantWarning(parts ...string) {
	s.t.Helper()
	if len(parts) == 0 && len(s.warned) > 0 {
		s.t.Errorf("warned: %q", s.warned)
	}
	for _, part := range parts {
		if len(s.warned) != 1 || !strings.Contains(s.warned[0], part) {
			s.t.Errorf("warned: %q, want %q", s.warned, part)
		}
	}
}

// Each platform is built on its builder, side by side. The image has the order of the request. A platform without a builder is built here.
func TestEachPlatformOnItsBuilder(t *testing.T) {
	s := newSite(t)
	var both sync.WaitGroup
	both.Add(3)
	s.during = func(string, image.Container) { both.Done(); both.Wait() } // each waits for the others
	other := image.Platform{OS: "linux", Architecture: "s390x"}
	got, err := s.archived("web", other, imagetest.ARM64, imagetest.AMD64)
	if err != nil || got != "linux/s390x,linux/arm64,linux/amd64" {
		t.Errorf("got %s, %v", got, err)
	}
	s.wantBuilt(map[string][]string{amd: {"web linux/amd64"}, arm: {"web linux/arm64"}, builders.Here: {"web linux/s390x"}})
	s.wantWarning()
}

// One engine that is declared for two platforms builds both in one build.
func TestOneBuilderForTwoPlatforms(t *testing.T) {
	s := newSite(t)
	s.pool.Declared[1].Address = amd
	if _, err := s.archived("web", imagetest.ARM64, imagetest.AMD64); err != nil {
		t.Fatal(err)
	}
	s.wantBuilt(map[string][]string{amd: {"web linux/arm64,linux/amd64"}})
}

// No command of a program runs, so that the builder of its platform is not needed; without any builder it is built here.
func TestPrograms(t *testing.T) {
	s := newSite(t)
	s.down[arm] = errDown
	for range 2 {
		if _, err := s.archived("program", imagetest.AMD64, imagetest.ARM64); err != nil {
			t.Fatal(err)
		}
	}
	s.wantBuilt(map[string][]string{amd: slices.Repeat([]string{"program linux/amd64,linux/arm64"}, 2)})
	s = newSite(t)
	s.down[arm], s.down[amd] = errDown, errDown
	if _, err := s.archived("program", imagetest.ARM64); err != nil {
		t.Fatal(err)
	}
	s.wantBuilt(map[string][]string{builders.Here: {"program linux/arm64"}})
}

// A builder that is down fails its platform, with its name and the remedies. The others finish.
func TestBuilderDown(t *testing.T) {
	s := newSite(t)
	s.down[arm] = errDown
	_, err := s.archived("web", imagetest.AMD64, imagetest.ARM64)
	testenv.WantError(t, err, "linux/arm64: builder tcp://arm:1: does not answer")
	var failed *builders.Error
	if !errors.As(err, &failed) || !strings.Contains(failed.Hint(), "-emulate") {
		t.Errorf("error %v", err)
	}
	s.wantBuilt(map[string][]string{amd: {"web linux/amd64"}})
	if _, err := s.archived("next", imagetest.ARM64); err == nil {
		t.Error("the next container is built")
	}
	if n := len(slices.DeleteFunc(s.asked, func(a string) bool { return !strings.HasPrefix(a, arm) })); n != 1 {
		t.Errorf("the builder was asked %d times", n)
	}
}

// With emulation the platform is built on another builder, and, if none can do it, on the engine of this machine. A line says so.
func TestEmulation(t *testing.T) {
	s := newSite(t)
	s.pool.Emulate, s.down[arm] = true, errDown
	for _, name := range []string{"web", "next"} {
		if _, err := s.archived(name, imagetest.ARM64); err != nil {
			t.Fatal(err)
		}
	}
	s.wantBuilt(map[string][]string{amd: {"web linux/arm64", "next linux/arm64"}})
	s.wantWarning("linux/arm64: builder tcp://arm:1: does not answer; building on builder tcp://amd:1 under emulation")

	s = newSite(t)
	s.pool.Emulate, s.down[arm] = true, errDown
	s.down[amd] = &builders.PlatformError{Platform: imagetest.ARM64, Offers: []string{"linux/amd64"}}
	if _, err := s.archived("web", imagetest.ARM64); err != nil {
		t.Fatal(err)
	}
	s.wantWarning("building on the engine of this machine under emulation")
	delete(s.down, amd)
	if _, err := s.archived("web", imagetest.AMD64); err != nil {
		t.Errorf("the builder does not build its own platform: %v", err)
	}

	s = newSite(t)
	s.pool.Emulate, s.down[arm], s.down[builders.Here] = true, errDown, errors.New("no runc")
	s.down[amd] = &builders.PlatformError{Platform: imagetest.ARM64, Offers: []string{"linux/amd64"}}
	_, err := s.archived("web", imagetest.ARM64)
	testenv.WantError(t, err, "builder tcp://arm:1: does not answer", "builder tcp://amd:1: cannot run programs for linux/arm64: it offers linux/amd64", "the engine of this machine: no runc")
}

// Containers of a list go to the least loaded builder of their platform, and then to the one with the fewest builds of others.
func TestListSharesBuilders(t *testing.T) {
	s := newSite(t, builders.Builder{Platform: imagetest.ARM64, Address: arm2})
	s.runs[arm] = 3
	release := make(chan struct{})
	var running, done sync.WaitGroup
	s.during = func(string, image.Container) { running.Done(); <-release }
	for i := range 7 {
		running.Add(1)
		done.Go(func() {
			if _, err := s.archived(fmt.Sprint("c", i), imagetest.ARM64); err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
	close(release)
	done.Wait()
	if len(s.built[arm]) != 3 || len(s.built[arm2]) != 4 {
		t.Errorf("built %v", s.built)
	}
	if n := s.pool.Limit(5); n != 10 {
		t.Errorf("limit %d", n)
	}
}

// If a builder of several is down, or is lost in a build or in an export, another one of its platform takes over.
func TestAnotherBuilderTakesOver(t *testing.T) {
	for name, breakIt := range map[string]func(*site){
		"down":   func(s *site) { s.down[arm] = errDown },
		"build":  func(s *site) { s.fails[arm] = errGone },
		"export": func(s *site) { s.torn[arm] = errGone },
		"full":   func(s *site) { s.fails[arm] = errFull },
	} {
		s := newSite(t, builders.Builder{Platform: imagetest.ARM64, Address: arm2})
		breakIt(s)
		if got, err := s.archived("web", imagetest.ARM64, imagetest.AMD64); err != nil || got != "linux/arm64,linux/amd64" {
			t.Errorf("%s: %s, %v", name, got, err)
		}
		if !slices.Contains(s.built[arm2], "web linux/arm64") || len(s.built[amd]) != 1 {
			t.Errorf("%s: built %v", name, s.built)
		}
		s.wantWarning("builder tcp://arm:1: ", "building on builder tcp://arm2:1")
		s.built = map[string][]string{}
		s.runs[arm2] = 1
		_, _ = s.archived("next", imagetest.ARM64)
		if used := len(s.built[arm]) > 0; used != (name == "full") { // there may be space for another
			t.Errorf("%s: the next container: %v", name, s.built)
		}
	}
}

// A build that fails is not tried elsewhere, and the builder is used again.
func TestBuildFails(t *testing.T) {
	s := newSite(t, builders.Builder{Platform: imagetest.ARM64, Address: arm2})
	s.pool.Emulate = true
	s.fails[arm] = errors.New("exit code 1")
	_, err := s.archived("web", imagetest.AMD64, imagetest.ARM64)
	if err == nil || err.Error() != "exit code 1" {
		t.Errorf("error %v", err)
	}
	s.wantBuilt(map[string][]string{amd: {"web linux/amd64"}, arm: {"web linux/arm64"}})
	s.wantWarning()
}

// The archives of two engines become one, which lists the platforms in the order of the request.
func TestArchive(t *testing.T) {
	s := newSite(t)
	built, err := s.build("web", imagetest.AMD64, imagetest.ARM64)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := built.Archive(t.Context(), filepath.Join(dir, "image.tar")); err != nil {
		t.Fatal(err)
	}
	imagetest.WantEntries(t, dir, "image.tar")
	if built.Rootfs(t.Context(), dir) == nil {
		t.Error("two platforms have one root file system")
	}
	if keys := slices.Sorted(maps.Keys(s.built)); !slices.Equal(keys, []string{amd, arm}) {
		t.Errorf("built on %v", keys)
	}
}
