package quartz_test

import (
	"archive/tar"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

func smallSite(t *testing.T) []byte { return pack(t, entry{name: "index.html", content: "hello"}) }

func TestChecksum(t *testing.T) {
	eachShell(t, func(t *testing.T, l *lab) {
		site := smallSite(t)
		url := release(t, content(site))
		l.wantFailure("expected "+strings.Repeat("0", 64), url, "DOCS_RELEASE_SHA256="+strings.Repeat("0", 64))
		l.wantFailure("64 hexadecimal", url, "DOCS_RELEASE_SHA256=abc")
		l.wantFailure("64 hexadecimal", url, "DOCS_RELEASE_SHA256="+strings.Repeat("x", 64))
		r := l.serve(url, "DOCS_RELEASE_SHA256=sha256:"+strings.ToUpper(sum(site)))
		r.quit()
		if r = l.serve(url); !strings.Contains(r.log(), sum(site)) {
			t.Errorf("without a checksum the log must state the one found:\n%s", r.log())
		}
	})
}

// quit ends nginx as the container runtime does, by the Dockerfile's STOPSIGNAL.
func (r *running) quit() {
	r.t.Helper()
	must(r.t, r.cmd.Process.Signal(syscall.SIGQUIT))
	if status := r.status(); status != 0 {
		r.t.Errorf("status %d after SIGQUIT:\n%s", status, r.log())
	}
}

func TestBadSettings(t *testing.T) {
	eachShell(t, func(t *testing.T, l *lab) {
		const good = "DOCS_RELEASE_URL=http://127.0.0.1/x"
		l.wantFailure("DOCS_RELEASE_URL is not set")
		l.wantFailure("expected http://", "DOCS_RELEASE_URL=file:///etc/passwd")
		l.wantFailure("QUARTZ_PORT=", good, "QUARTZ_PORT=80;user root")
		l.wantFailure("QUARTZ_ATTEMPTS=", good, "QUARTZ_ATTEMPTS=0")
		l.wantFailure("QUARTZ_PAUSE=", good, "QUARTZ_PAUSE=1s")
		l.wantFailure("QUARTZ_DIR=", good, "QUARTZ_DIR=/tmp/a|b")
		l.wantFailure("QUARTZ_DIR=", good, "QUARTZ_DIR=relative")
		l.wantFailure("cannot write to /proc", good, "QUARTZ_DIR=/proc")
	})
}

func TestDownload(t *testing.T) {
	eachShell(t, func(t *testing.T, l *lab) {
		var requests atomic.Int32
		url := release(t, func(w http.ResponseWriter, _ *http.Request) {
			if requests.Add(1) < 3 {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			w.Write(smallSite(t))
		})
		r := l.serve(url)
		if got := r.log(); strings.Count(got, " of 4 failed: curl: ") != 2 || !strings.Contains(got, "503") {
			t.Errorf("want two failed attempts in the log:\n%s", got)
		}
	})
}

// TestPauses replaces sleep, so that the test does not take as long as the pauses.
func TestPauses(t *testing.T) {
	l := newLab(t)
	must(t, os.WriteFile(filepath.Join(l.bin, "sleep"), []byte("#!/bin/sh\necho \"$1\" >>\"$QUARTZ_DIR/pauses\"\n"), 0o755))
	sick := release(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	l.wantFailure("in 8 attempts", sick, "QUARTZ_ATTEMPTS=8", "QUARTZ_PAUSE=1")
	if pauses, err := os.ReadFile(filepath.Join(l.dir, "pauses")); string(pauses) != "1\n2\n4\n8\n16\n30\n30\n" {
		t.Errorf("pauses %q between the attempts, want 1, 2, 4 … 30; %v", pauses, err)
	}
}

func TestDownloadFails(t *testing.T) {
	eachShell(t, func(t *testing.T, l *lab) {
		var requests atomic.Int32
		count := func(want int32) {
			t.Helper()
			if got := requests.Swap(0); got != want {
				t.Errorf("%d requests, want %d", got, want)
			}
		}
		l.wantFailure("in 4 attempts", release(t, func(w http.ResponseWriter, _ *http.Request) {
			requests.Add(1)
			w.WriteHeader(http.StatusBadGateway)
		}))
		count(4)
		l.wantFailure("answers 404", release(t, func(w http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			http.NotFound(w, r)
		}))
		count(1)
		l.wantFailure("in 4 attempts", release(t, func(w http.ResponseWriter, _ *http.Request) {
			requests.Add(1)
			w.Header().Set("Content-Length", "100000")
			w.Write(smallSite(t)) // and then the connection closes
		}))
		count(4)
		l.wantFailure("in 4 attempts", "DOCS_RELEASE_URL=http://127.0.0.1:"+freePort(t)+"/x")
		l.wantFailure("in 4 attempts", release(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		}))
	})
}

func TestURLsSecretsAreNotShown(t *testing.T) {
	l := newLab(t)
	url := strings.Replace(release(t, http.NotFound), "http://", "http://eve:hunter2@", 1) + "?token=hunter3"
	l.wantFailure("answers 404", url)
	r := l.start(url)
	r.status()
	if strings.Contains(r.log(), "hunter") {
		t.Errorf("the log shows credentials:\n%s", r.log())
	}
}

func TestBadArchives(t *testing.T) {
	index := entry{name: "index.html", content: "hello"}
	outside := func(l *lab) string { return filepath.Join(filepath.Dir(l.dir), "outside") }
	for name, c := range map[string]struct {
		archive []byte
		says    string
	}{
		"web page":          {[]byte("<html>login</html>"), "not gzip"},
		"empty":             {nil, "not gzip"},
		"truncated":         {smallSite(t)[:60], "damaged"},
		"no index":          {pack(t, entry{name: "public/"}, entry{name: "public/index.html", content: "x"}), "no index.html"},
		"parent":            {pack(t, index, entry{name: "../../outside", content: "x"}), "leads out of the site"},
		"parent inside":     {pack(t, index, entry{name: "a/../../../outside", content: "x"}), "leads out of the site"},
		"absolute":          {pack(t, index, entry{name: "/tmp/quartz-test-outside", content: "x"}), "leads out of the site"},
		"symbolic link":     {pack(t, index, entry{name: "etc", content: "/etc", kind: tar.TypeSymlink}), "something else"},
		"through a link":    {pack(t, index, entry{name: "up", content: "../..", kind: tar.TypeSymlink}, entry{name: "up/outside", content: "x"}), "something else"},
		"hard link":         {pack(t, index, entry{name: "copy", content: "index.html", kind: tar.TypeLink}), "something else"},
		"named pipe":        {pack(t, index, entry{name: "pipe", kind: tar.TypeFifo}), "something else"},
		"index is a folder": {pack(t, entry{name: "index.html/"}), "no index.html"},
	} {
		t.Run(name, func(t *testing.T) {
			eachShell(t, func(t *testing.T, l *lab) {
				l.wantFailure(c.says, release(t, content(c.archive)))
				for _, file := range []string{outside(l), "/tmp/quartz-test-outside"} {
					if _, err := os.Lstat(file); err == nil {
						t.Errorf("%s was written", file)
					}
				}
			})
		})
	}
}

func TestRestart(t *testing.T) {
	eachShell(t, func(t *testing.T, l *lab) {
		// The remains of a killed start: half a site, in its final place and next to it.
		for _, half := range []string{"site", "site.new"} {
			must(t, os.MkdirAll(filepath.Join(l.dir, half, "old"), 0o777))
			must(t, os.WriteFile(filepath.Join(l.dir, half, "index.html"), []byte("old"), 0o666))
			chownAll(t, filepath.Join(l.dir, half))
		}
		l.serve(release(t, content(smallSite(t))))
		if _, err := os.Stat(filepath.Join(l.dir, "site", "old")); err == nil {
			t.Error("files of the old site are still there")
		}
		if got := l.get("/").body; got != "hello" {
			t.Errorf("served %q", got)
		}
	})
}

// chownAll gives a tree to the script's user.
func chownAll(t *testing.T, root string) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	must(t, filepath.Walk(root, func(path string, _ os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(path, nobody, nobody)
	}))
}

func TestSignalWhileDownloading(t *testing.T) {
	eachShell(t, func(t *testing.T, l *lab) {
		asked := make(chan struct{})
		r := l.start(release(t, func(_ http.ResponseWriter, r *http.Request) {
			close(asked)
			<-r.Context().Done()
		}))
		<-asked
		must(t, r.cmd.Process.Signal(syscall.SIGTERM))
		if status := r.status(); status != 143 {
			t.Errorf("status %d, want 143:\n%s", status, r.log())
		}
	})
}
