package bench

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/baseimage"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/faultproxy"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/labtest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// compile makes a mage with all targets.
func compile(b *testing.B) string {
	b.Helper()
	mage := filepath.Join(b.TempDir(), "mage")
	must(b, e2etest.Compile(testenv.Root(b), mage))
	return mage
}

// committer is the environment of git for a user without a configured name.
var committer = []string{
	"GIT_AUTHOR_NAME=b", "GIT_AUTHOR_EMAIL=b@example.test", "GIT_COMMITTER_NAME=b", "GIT_COMMITTER_EMAIL=b@example.test",
}

// git runs a command without timing it.
func git(b *testing.B, dir string, env []string, args ...string) {
	b.Helper()
	command{dir: dir, env: append(committer[:len(committer):len(committer)], env...), args: append([]string{"git"}, args...)}.run(b)
}

// copyTo copies files and folders of this checkout.
func copyTo(b *testing.B, dir string, names ...string) {
	b.Helper()
	for _, name := range names {
		from, to := filepath.Join(testenv.Root(b), name), filepath.Join(dir, name)
		must(b, os.MkdirAll(filepath.Dir(to), 0o755))
		info, err := os.Stat(from)
		must(b, err)
		if info.IsDir() {
			must(b, os.CopyFS(to, os.DirFS(from)))
			continue
		}
		text, err := os.ReadFile(from)
		must(b, err)
		must(b, os.WriteFile(to, text, 0o644))
	}
}

// fragments is the number of fragments for a section.
const fragments = 500

// newsroom makes a repository with this one's changelog and its configuration, and fragments of all types, half of them of an issue.
func newsroom(b *testing.B) string {
	b.Helper()
	dir := filepath.Join(b.TempDir(), "news")
	copyTo(b, dir, "towncrier.toml", "CHANGELOG.md")
	must(b, os.MkdirAll(filepath.Join(dir, fragmentFolder), 0o755))
	types := []string{"feature", "bugfix", "infra", "doc", "misc"}
	for i := range fragments {
		name := fmt.Sprintf("%d.%s.md", i, types[i%len(types)])
		if i%2 == 1 {
			name = "+change-" + name
		}
		text := fmt.Sprintf("Change %d is told in a sentence, which says what it means for those who read it.\n", i)
		must(b, os.WriteFile(filepath.Join(dir, fragmentFolder, name), []byte(text), 0o644))
	}
	git(b, dir, nil, "init", "--quiet", "--initial-branch=main")
	git(b, dir, nil, "add", "--all")
	git(b, dir, nil, "commit", "--quiet", "--message=start")
	return dir
}

const fragmentFolder = "docs/changelog.d"

// BenchmarkChangelog: the section of 500 fragments, compared with Debian's towncrier. Both print it, or write it in a fresh clone and remove the
// fragments there. Unlike mage, towncrier also stages the result. Debian's version is older than the one whose output mage has, so texts are not
// compared.
func BenchmarkChangelog(b *testing.B) {
	towncrier, err := exec.LookPath("towncrier")
	if err != nil {
		b.Skip("no towncrier: apt-get install towncrier")
	}
	mage, news := compile(b), newsroom(b)
	ours := command{name: "mage", dir: news, args: []string{mage, "docs:changelog", "v1.2.3", "-date=2026-03-08"}}
	theirs := command{name: "towncrier", dir: news, args: []string{towncrier, "build", "--version", "v1.2.3", "--date", "2026-03-08"}}
	b.Run("draft", func(b *testing.B) {
		pairs(b, ours.with("-draft"), theirs.with("--draft"), nothing)
	})
	b.Run("write", func(b *testing.B) {
		dirs := [2]string{filepath.Join(b.TempDir(), "mage"), filepath.Join(b.TempDir(), "towncrier")}
		ours, theirs := ours, theirs.with("--yes")
		ours.dir, theirs.dir = dirs[0], dirs[1]
		pairs(b, ours, theirs, func(i int) {
			must(b, os.RemoveAll(dirs[i%2]))
			git(b, "", nil, "clone", "--quiet", news, dirs[i%2])
		})
		for _, dir := range dirs {
			wholeNews(b, dir)
		}
	})
}

// with returns the command with more arguments.
func (c command) with(args ...string) command {
	c.args = append(c.args[:len(c.args):len(c.args)], args...)
	return c
}

// wholeNews checks that a changelog contains the text of all fragments.
func wholeNews(b *testing.B, dir string) {
	b.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "CHANGELOG.md"))
	must(b, err)
	left, err := filepath.Glob(filepath.Join(dir, fragmentFolder, "*.md"))
	must(b, err)
	if told := bytes.Count(text, []byte("- Change ")); told != fragments || len(left) > 0 {
		b.Errorf("%s tells of %d changes, and %d fragments are left", dir, told, len(left))
	}
}

// siteSize is the size of the part of the site that does not compress, in bytes.
const siteSize = 8 << 20

// BenchmarkReleaseTail: the part of a release from the built archive to the accepted push, compared with the same steps by hand with curl, sed
// and git. Both use one forge, each with its own repository and package, and one clock: that of the forge's fault proxy, from the request that
// uploads the archive to the answer to the push. For mage that is the upload, the link to the repository, reading back, the receipt, the
// manifest, the commit, the tag and the push; the shell does not read back and writes no receipt.
func BenchmarkReleaseTail(b *testing.B) {
	p := newPress(b)
	var ours, theirs, ratios []float64
	_, size := p.release(b)
	p.shell(b, size)
	for b.Loop() {
		took, size := p.release(b)
		other := p.shell(b, size)
		ours, theirs, ratios = append(ours, took), append(theirs, other), append(ratios, took/other)
	}
	reportTimes(b, "mage", ours)
	reportTimes(b, "shell", theirs)
	b.ReportMetric(median(ratios), "ratio")
	b.ReportMetric(float64(size)/1e6, "archive-MB")
	b.ReportMetric(0, "ns/op")
}

func reportTimes(b *testing.B, name string, ms []float64) {
	b.ReportMetric(median(ms), name+"-ms")
	b.ReportMetric(slices.Min(ms), name+"-min-ms")
	b.ReportMetric(slices.Max(ms), name+"-max-ms")
}

// press is a forge with two repositories of the same docs.
type press struct {
	forge   *lab.Forge
	watch   *stopwatch
	login   []string // environment of git, for the forge
	mage    command
	other   command // the script
	archive string  // file that the script uploads
	count   int     // of changes
}

func newPress(b *testing.B) *press {
	b.Helper()
	mirror := node(b)
	labtest.Need(b, lab.PartForge)
	forge, err := lab.StartForge(context.Background(), lab.Home{}, lab.ForgeOptions{})
	must(b, err)
	b.Cleanup(func() { forge.Close() })
	token, err := forge.Token(context.Background(), "bench", "all")
	must(b, err)
	p := &press{forge: forge, watch: watch(forge.Proxy()), login: forge.GitEnv(forge.Owner, token)}
	work := b.TempDir()
	p.archive = filepath.Join(work, "site.tar.gz")
	header := filepath.Join(work, "header")
	must(b, os.WriteFile(header, []byte("Authorization: token "+token+"\n"), 0o600))
	p.mage = command{dir: p.publish(b, filepath.Join(work, "blumeops")), args: []string{compile(b), "docs:release", "patch"}, env: []string{
		"BLUMEOPS_ENGINE_STATE=" + testenv.EngineState(b), "BLUMEOPS_ENGINE=embedded", "BLUMEOPS_REGISTRY_USER=none",
		"BLUMEOPS_MIRRORS=" + mirror, "BLUMEOPS_DOCS_SOURCE=" + filepath.Join(testenv.Root(b), "magefiles/internal/docsite/testdata/quartz"),
		"BLUMEOPS_FORGE_URL=" + forge.URL(), "BLUMEOPS_OWNER=" + forge.Owner, "BLUMEOPS_REPOSITORY=blumeops", "BLUMEOPS_FORGE_TOKEN=" + token,
		"BLUMEOPS_ARGOCD_URL=none", "BLUMEOPS_DOCS_URL=none",
	}}
	p.other = command{dir: p.publish(b, filepath.Join(work, "shell")), args: []string{"sh", "-euc", script}, env: append(append([]string{
		"HEADER=" + header, "ARCHIVE=" + p.archive, "PACKAGE=" + forge.URL() + "/api/packages/" + forge.Owner + "/generic/shell",
	}, committer...), p.login...)}
	return p
}

// script is a release by hand.
const script = `
file=docs-$VERSION.tar.gz
sum=$(sha256sum "$ARCHIVE" | cut -d ' ' -f 1)
curl --silent --show-error --fail --header "@$HEADER" --upload-file "$ARCHIVE" "$PACKAGE/$VERSION/$file"
sed -i "/DOCS_RELEASE_URL/{n;s|value: .*|value: $PACKAGE/$VERSION/$file|};/DOCS_RELEASE_SHA256/{n;s|value: .*|value: \"$sum\"|}" argocd/manifests/docs/deployment.yaml
cat docs/changelog.d/*.md >>CHANGELOG.md
rm docs/changelog.d/*.md
git add --all
git commit --quiet --message "Release docs $VERSION [skip ci]"
git tag --annotate --message "docs $VERSION" "$VERSION"
git push --quiet --atomic origin main "$VERSION"
`

// node starts a registry with the base image of the site, and returns the setting that selects it.
func node(b *testing.B) string {
	b.Helper()
	recipe := baseimage.NodeSlim()
	reg := labtest.Bases(b, lab.RegistryOptions{}, recipe)
	name, _, _ := strings.Cut(recipe.Reference(), ":")
	return "docker.io/" + name + "=" + reg.Addr + "/" + name
}

// publish makes a clone of a new repository, named like its folder, that has this repository's docs and a large file.
func (p *press) publish(b *testing.B, dir string) string {
	b.Helper()
	copyTo(b, dir, "docs", "CHANGELOG.md", "towncrier.toml", "argocd/manifests/docs")
	layout := "export const shared = { footer: \"a benchmark\" }\n" // the only TypeScript that the stand-in of Quartz reads
	must(b, os.WriteFile(filepath.Join(dir, "docs", "quartz.layout.ts"), []byte(layout), 0o644))
	random(b, filepath.Join(dir, "docs", "picture.bin"), siteSize)
	git(b, dir, nil, "init", "--quiet", "--initial-branch=main")
	git(b, dir, nil, "add", "--all")
	git(b, dir, nil, "commit", "--quiet", "--message=start")
	name := filepath.Base(dir)
	_, err := p.forge.Push(context.Background(), p.forge.Owner, name, dir, "HEAD")
	must(b, err)
	git(b, dir, nil, "remote", "add", "origin", p.forge.CloneURL(p.forge.Owner, name))
	git(b, dir, p.login, "fetch", "--quiet", "origin")
	git(b, dir, nil, "branch", "--quiet", "--set-upstream-to=origin/main", "main")
	return dir
}

func random(b *testing.B, file string, size int64) {
	b.Helper()
	data := make([]byte, size)
	rand.Read(data) // crypto/rand.Read never fails
	must(b, os.WriteFile(file, data, 0o644))
}

// news pushes a change to release.
func (p *press) news(b *testing.B, dir string) {
	b.Helper()
	p.count++
	git(b, dir, p.login, "pull", "--quiet", "--ff-only")
	must(b, os.MkdirAll(filepath.Join(dir, fragmentFolder), 0o755))
	text := fmt.Appendf(nil, "There is change %d.\n", p.count)
	must(b, os.WriteFile(filepath.Join(dir, fragmentFolder, fmt.Sprintf("+change%d.feature.md", p.count)), text, 0o644))
	must(b, os.WriteFile(filepath.Join(dir, "docs", "change.md"), append([]byte("---\ntitle: Change\n---\n\n"), text...), 0o644))
	git(b, dir, nil, "add", "--all")
	git(b, dir, nil, "commit", "--quiet", "--message=change")
	git(b, dir, p.login, "push", "--quiet", "origin", "main")
}

// release runs mage's release; size is that of the archive in bytes.
func (p *press) release(b *testing.B) (ms float64, size int64) {
	b.Helper()
	p.news(b, p.mage.dir)
	p.watch.reset()
	p.mage.run(b)
	return p.watch.read(b)
}

// shell releases a new archive of that size.
func (p *press) shell(b *testing.B, size int64) (ms float64) {
	b.Helper()
	p.news(b, p.other.dir)
	random(b, p.archive, size)
	c := p.other
	c.env = append(c.env[:len(c.env):len(c.env)], fmt.Sprintf("VERSION=v0.1.%d", p.count))
	p.watch.reset()
	c.run(b)
	ms, _ = p.watch.read(b)
	return ms
}

// stopwatch measures at a forge's fault proxy: the start of the upload of an archive, and the answer to the latest push.
type stopwatch struct {
	busy sync.WaitGroup // pending requests

	mu           sync.Mutex
	began, ended time.Time
	size         int64 // of the archive
}

func watch(f *faultproxy.Proxy) *stopwatch {
	s := &stopwatch{}
	f.Fail(faultproxy.Fault{Kind: faultproxy.Custom, Serve: func(next http.Handler, w http.ResponseWriter, q *http.Request) {
		s.busy.Add(1)
		defer s.busy.Done()
		if q.Method == http.MethodPut && strings.HasSuffix(q.URL.Path, ".tar.gz") {
			s.start(q.ContentLength)
		}
		next.ServeHTTP(w, q)
		if q.Method == http.MethodPost && strings.HasSuffix(q.URL.Path, "/git-receive-pack") {
			s.stop()
		}
	}})
	return s
}

func (s *stopwatch) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.began, s.ended, s.size = time.Time{}, time.Time{}, 0
}

// start keeps the first of several attempts.
func (s *stopwatch) start(size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.began.IsZero() {
		s.began, s.size = time.Now(), size
	}
}

func (s *stopwatch) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = time.Now()
}

// read waits for pending requests.
func (s *stopwatch) read(b *testing.B) (ms float64, size int64) {
	b.Helper()
	s.busy.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.began.IsZero() || s.ended.Before(s.began) {
		b.Fatal("nothing was uploaded, or nothing pushed after it")
	}
	return float64(s.ended.Sub(s.began).Microseconds()) / 1000, s.size
}
