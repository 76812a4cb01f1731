package engine_test

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/enginetest"
)

func TestTheTokenOfARepositoryIsNowhere(t *testing.T) {
	ctx := t.Context()
	opts := enginetest.Options(t, t.TempDir())
	c := enginetest.Connect(t, opts).Client
	root := t.TempDir()
	work := newRepository(t, root, "repo")
	newest := commit(t, work, time.Now().String())
	run(t, work, "push", "-q", "origin", "main")
	gitToken := fmt.Sprintf("canary-%016x", rand.Uint64())
	encoded := base64.StdEncoding.EncodeToString([]byte("x-access-token:" + gitToken))
	server := gitServer(t, root, "basic "+encoded)
	address := server.URL + "/repo.git"
	secret := c.SetSecret("token", gitToken+"\n") // as from a file

	seen := watchArguments(t, gitToken, encoded)
	repo := c.Git(address, dagger.GitOpts{HTTPAuthToken: secret})
	for name, opts := range ways {
		t.Run(name, func(t *testing.T) {
			sameFiles(t, exported(t, repo.Branch("main").Tree(opts)), archived(t, work, newest))
		})
	}
	header := c.Git(address, dagger.GitOpts{HTTPAuthHeader: c.SetSecret("header", "basic "+encoded)})
	if got, err := header.Head().Commit(ctx); err != nil || got != newest {
		t.Errorf("got %s, %v", got, err)
	}
	user := c.Git(strings.Replace(address, "http://", "http://x-access-token:"+gitToken+"@", 1))
	if got, err := user.Branch("main").Tree().File("message").Contents(ctx); err != nil || got == "" {
		t.Errorf("got %s, %v", got, err)
	}
	if got, err := user.URL(ctx); err != nil || got != address {
		t.Errorf("the address is %s, %v", got, err)
	}
	planted := exec.Command("sh", "-c", "read line", gitToken, "planted")
	hold, err := planted.StdinPipe()
	must(t, err)
	must(t, planted.Start())
	found := seen()
	must(t, hold.Close())
	_ = planted.Wait() // read fails at the end of its input
	if len(found) == 0 {
		t.Error("the test does not see arguments")
	}
	for line := range found {
		if strings.Contains(line, "planted") {
			continue
		}
		t.Errorf("a process has the token as an argument: %s", line)
	}
	// BuildKit asks the session for the header of a download.
	list := c.HTTP(address+"/info/refs?service=git-upload-pack", dagger.HTTPOpts{AuthHeader: c.SetSecret("download", "basic "+encoded)})
	if got, err := list.Contents(ctx); err != nil || !strings.Contains(got, newest) {
		t.Errorf("a download: %q, %v", got, err)
	}
	// A credential helper of the user has the token, too.
	store := filepath.Join(t.TempDir(), "credentials")
	must(t, os.WriteFile(store, []byte(strings.Replace(server.URL, "http://", "http://x-access-token:"+gitToken+"@", 1)+"\n"), 0o600))
	config := filepath.Join(t.TempDir(), "config")
	must(t, os.WriteFile(config, []byte("[credential]\n\thelper = store --file="+store+"\n"), 0o600))
	t.Setenv("GIT_CONFIG_GLOBAL", config)
	if got, err := c.Git(address).Ref("main").Commit(ctx); err != nil || got != newest {
		t.Errorf("with a credential helper: %s, %v", got, err)
	}
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	if _, err := enginetest.Connect(t, opts).Client.Git(address).Head().Commit(ctx); err == nil || err.Error() != "git error: git authentication failed" {
		t.Errorf("without the token: %v", err)
	}
	// The state has the cache, with its keys, and the log.
	for _, text := range []string{gitToken, encoded} {
		out, _ := exec.Command("grep", "-rlaF", "--", text, opts.StateDir).Output()
		if len(out) > 0 {
			t.Errorf("files with the token:\n%s", out)
		}
	}
}

func TestThePasswordOfAnInvalidAddressIsNotInTheError(t *testing.T) {
	c := connect(t, t.TempDir())
	for _, address := range []string{
		"http://u:canary@host:bad/x", "http://u:can/ary@host/x", "ftp://u:canary@host/x", "ssh://u:canary@127.0.0.1:1/x", "git://u:canary@127.0.0.1:1/x", "http://u:canary@127.0.0.1:1/x",
		"u:canary@127.0.0.1:1/x", "http:u:canary@host/x", "http://u:canary@ho st/x", "http://127.0.0.1:1/x?token=canary", "http://u:%zzcanary@host/",
	} {
		_, ofGit := c.Git(address).Head().Commit(t.Context())
		_, ofHTTP := c.HTTP(address).Contents(t.Context())
		for _, err := range []error{ofGit, ofHTTP} {
			if err == nil || regexp.MustCompile(`can(/?ary|" )`).MatchString(strings.ReplaceAll(err.Error(), "?token=canary", "")) {
				t.Errorf("%s: got %v", address, err)
			}
		}
	}
}

// watchArguments looks at the arguments of all processes until the returned function is called, which looks a last time and returns those with one
// of the texts.
func watchArguments(t *testing.T, texts ...string) func() map[string]bool {
	t.Helper()
	found, stop, done := map[string]bool{}, make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for last := false; ; {
			paths, _ := filepath.Glob("/proc/[0-9]*/cmdline")
			for _, path := range paths {
				line, _ := os.ReadFile(path)
				if slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(string(line), text) }) {
					found[strings.ReplaceAll(string(line), "\x00", " ")] = true
				}
			}
			if last {
				return
			}
			select {
			case <-stop:
				last = true
			case <-time.After(time.Millisecond):
			}
		}
	}()
	return func() map[string]bool { close(stop); <-done; return found }
}
