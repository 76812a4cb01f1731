package workflows

import (
	"archive/zip"
	"bytes"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// testCaches runs the job of validate.yaml in fresh containers of the image, each with a change of the repository, and counts downloads and
// compiled packages.
func (j *jobImage) testCaches(t *testing.T, r *jobRepo) {
	began := r.commit
	defer func() {
		r.w.Git("reset", "--hard", "--quiet", began)
		r.commit = began
	}()
	proxy := serveModules(t, nil)
	job := func(modules string) (said string, compiled, requests []string, err error) {
		c := j.fresh(t)
		said, err = c.runJob(t, checkout, "validate.yaml", "validate", r, modules)
		return said, c.compiled(t, j.container), proxy.take(), err
	}
	want := func(what, ends string, packages int, downloads ...string) {
		t.Helper()
		said, compiled, requests, err := job(proxy.url)
		if err != nil || !strings.HasSuffix(strings.TrimSpace(said), ends) {
			t.Fatalf("%s: %v\n%s", what, err, said)
		}
		if len(compiled) != packages {
			t.Errorf("%s: %d packages are compiled, want %d: %q", what, len(compiled), packages, compiled)
		}
		if slices.Sort(requests); !slices.Equal(requests, downloads) {
			t.Errorf("%s: the requests for modules are %q, want %q", what, requests, downloads)
		}
	}
	want("nothing changed", "job: validate", 0)
	r.w.Edit("magefiles/mage.go", `own.Says + "validate"`, `own.Says + "changed"`)
	r.commitAll()
	want("the magefile changed", "job: changed", 1)
	r.w.Edit("own/own.go", "job: ", "own: ")
	r.commitAll()
	want("a package changed", "own: changed", 2)

	const module = "github.com/agnivade/levenshtein"
	mod, sum := moduleFiles(t, mageModule, module)
	r.w.Write("go.mod", mod+"\ntool "+mageModule+"\n")
	r.w.Write("go.sum", sum)
	r.w.Edit("own/own.go", "package own\n", "package own\n\nimport _ \""+module+"\"\n")
	r.commitAll()
	at := "/" + module + "/@v/" + strings.Fields(sum[strings.Index(sum, module):])[1]
	at = strings.TrimSuffix(at, "/go.mod")
	want("a module is new", "own: changed", 3, at+".info", at+".mod", at+".zip")
	said, _, _, err := job(serveModules(t, poisoned).url)
	testenv.WantError(t, err, `step "Validate"`)
	if !strings.Contains(said, "checksum mismatch") {
		t.Errorf("a poisoned module in a job: %s", said)
	}
	built := j.w.Run("container:build", "forgejo-runner", r.args(serveModules(t, poisoned).url))
	if built.Status == 0 || !strings.Contains(built.Stderr, "checksum mismatch") {
		t.Errorf("a poisoned module in the image: status %d\n%s", built.Status, built.Stderr)
	}
}

// testTimes checks that the go command does not remove the results of the compiler from an image that is older than five days.
func (j *jobImage) testTimes(t *testing.T) {
	results := 0
	j.eachResult(t, func(name string, info fs.FileInfo) {
		results++
		if info.ModTime().Before(time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("%s is of %v", name, info.ModTime())
		}
	})
	if results == 0 {
		t.Error("the image has no results of the compiler")
	}
}

// fresh is a new container of the image.
func (j *jobImage) fresh(t testing.TB) container {
	t.Helper()
	root := filepath.Join(t.TempDir(), "root")
	if out, err := exec.Command("cp", "--archive", "--reflink=auto", j.root, root).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v\n%s", err, out)
	}
	return container{root: root, config: j.config}
}

// eachResult calls found for each file that the go command keeps of a compilation.
func (c container) eachResult(t testing.TB, found func(name string, info fs.FileInfo)) {
	t.Helper()
	dir := filepath.Join(c.root, c.env()["GOCACHE"])
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if name, _ := filepath.Rel(dir, path); strings.HasSuffix(name, "-a") || strings.HasSuffix(name, "-d") {
			found(name, info)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// compiled are the compiled packages that a container has in addition to its image.
func (c container) compiled(t testing.TB, image container) (packages []string) {
	t.Helper()
	c.eachResult(t, func(name string, _ fs.FileInfo) {
		if _, err := os.Lstat(filepath.Join(image.root, image.env()["GOCACHE"], name)); err == nil {
			return
		}
		content, err := os.ReadFile(filepath.Join(c.root, c.env()["GOCACHE"], name))
		if err != nil {
			t.Error(err)
		}
		if bytes.HasPrefix(content, []byte("!<arch>\n")) {
			packages = append(packages, name)
		}
	})
	return packages
}

// moduleProxy serves the modules of this machine, and records the requests.
type moduleProxy struct {
	url string

	mu       sync.Mutex
	requests []string
	bytes    int64 // of all answers
}

// counter counts the bytes of an answer.
type counter struct {
	http.ResponseWriter
	p *moduleProxy
}

func (c counter) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	c.p.bytes += int64(n)
	return n, err
}

// take returns the requests since the last call.
func (p *moduleProxy) take() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	taken := p.requests
	p.requests = nil
	return taken
}

// serveModules starts a proxy. change, if not nil, replaces the archives of modules.
func serveModules(t testing.TB, change func(archive []byte) ([]byte, error)) *moduleProxy {
	t.Helper()
	p := &moduleProxy{}
	dir := filepath.Join(e2etest.ModuleCache(), "cache", "download")
	files := http.FileServer(http.Dir(dir))
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		p.mu.Lock()
		p.requests = append(p.requests, req.URL.Path)
		p.mu.Unlock()
		if change == nil || !strings.HasSuffix(req.URL.Path, ".zip") {
			files.ServeHTTP(counter{rw, p}, req)
			return
		}
		archive, err := fs.ReadFile(os.DirFS(dir), strings.TrimPrefix(req.URL.Path, "/"))
		if err == nil {
			archive, err = change(archive)
		}
		if err != nil {
			t.Error(err)
		}
		_, _ = rw.Write(archive) // the client reports what is missing
	}))
	t.Cleanup(s.Close)
	p.url = s.URL
	return p
}

// poisoned is an archive of a module with one more line in each Go file.
func poisoned(archive []byte) ([]byte, error) {
	from, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	to := zip.NewWriter(&out)
	for _, f := range from.File {
		content, err := fs.ReadFile(from, f.Name)
		if err != nil {
			return nil, err
		}
		w, err := to.Create(f.Name)
		if err != nil {
			return nil, err
		}
		if strings.HasSuffix(f.Name, ".go") {
			content = slices.Concat(content, []byte("\nfunc init() { println(\"poisoned\") }\n"))
		}
		if _, err := io.Copy(w, bytes.NewReader(content)); err != nil {
			return nil, err
		}
	}
	if err := to.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
