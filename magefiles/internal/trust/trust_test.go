package trust_test

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/trust"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/trust/trusttest"
)

// The three reasons for a refused certificate are recognised, in the errors of Go's own client and in the output of other programs.
func TestRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		fault   trusttest.Fault
		trusted bool
		problem string
		do      string
	}{
		{"authority", trusttest.None, false, "authority is not known", "BLUMEOPS_CA_FILE"},
		{"name", trusttest.OtherName, true, "127.0.0.1", "another authority does not help"},
		{"time", trusttest.Expired, true, "expired", "renew the certificate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server, file := trusttest.Server(t, c.fault, http.NotFoundHandler())
			if !c.trusted {
				file = ""
			}
			client := http.Client{Transport: transport(t, file)}
			_, err := client.Get(server.URL)
			refused, ok := trust.Refused(err)
			if !ok || !strings.Contains(refused.Problem, c.problem) || !strings.Contains(refused.Do, c.do) {
				t.Errorf("%v: %+v, %v", err, refused, ok)
			}
			said, ok := trust.Said(err.Error())
			if !ok || said.Do != refused.Do {
				t.Errorf("its text: %+v, %v; want the advice %q", said, ok, refused.Do)
			}
			for name, command := range map[string][]string{
				"curl": {"curl", "-sS", server.URL},
				"git":  {"git", "ls-remote", server.URL},
				"node": {"node", "-e", `require("https").get(process.argv[1]).on("error", (e) => { console.error(e.code, e.message); process.exit(1) })`, server.URL},
			} {
				program(t, name, command, file, c.do)
			}
		})
	}
}

// Any server chooses the names in its certificate: on a terminal they stay on one line, and nothing in them controls it.
func TestRefusedNamesAreCleaned(t *testing.T) {
	t.Parallel()
	server, file := trusttest.Server(t, trusttest.OddName, http.NotFoundHandler())
	client := http.Client{Transport: transport(t, file)}
	resp, err := client.Get(server.URL)
	if err == nil {
		_ = resp.Body.Close()
	}
	refused, ok := trust.Refused(err)
	said, told := trust.Said("x509: certificate is valid for odd\x1b[31m\x07.example, not this.example")
	for _, problem := range []string{refused.Problem, said.Problem} {
		if !ok || !told || !strings.Contains(problem, "odd") || strings.ContainsFunc(problem, plain.Hidden) {
			t.Errorf("%v, %v: %q", ok, told, problem)
		}
	}
}

// program runs another program against the server, if this machine has it.
func program(t *testing.T, name string, args []string, file, do string) {
	t.Helper()
	path, err := exec.LookPath(args[0])
	if err != nil && os.Getenv("CI") == "true" && name != "node" { // which CI does not install
		t.Fatal(err)
	}
	if err != nil {
		t.Logf("there is no %s here", name)
		return
	}
	cmd := exec.CommandContext(t.Context(), path, args[1:]...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1"}
	if file != "" {
		cmd.Env = append(cmd.Env, "CURL_CA_BUNDLE="+file, "GIT_SSL_CAINFO="+file, "NODE_EXTRA_CA_CERTS="+file)
	}
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Errorf("%s does not refuse it", name)
	}
	vague := name == "git" && strings.Contains(string(out), "server certificate verification failed") // GnuTLS gives this message for all reasons except the name
	if said, ok := trust.Said(string(out)); !ok || !vague && !strings.Contains(said.Do, do) || vague && !strings.Contains(said.Do, "has not expired") {
		t.Errorf("%s says %q, which is read as %+v, %v", name, out, said, ok)
	}
}

func transport(t *testing.T, file string) http.RoundTripper {
	t.Helper()
	own, err := trust.Transport(file)
	if err != nil {
		t.Fatal(err)
	}
	return own
}

// The authorities in SSL_CERT_FILE, SSL_CERT_DIR and NODE_EXTRA_CA_CERTS are trusted; a setting replaces them.
func TestSources(t *testing.T) {
	t.Parallel()
	var servers, files []string
	for range 4 {
		server, file := trusttest.Server(t, trusttest.None, http.NotFoundHandler())
		servers, files = append(servers, server.URL), append(files, file)
	}
	folder := filepath.Dir(files[2])
	if err := errors.Join(os.Symlink(files[2], filepath.Join(folder, "0a1b2c3d.0")), os.Symlink("nowhere", filepath.Join(folder, "dead")), os.Mkdir(filepath.Join(folder, "java"), 0o700)); err != nil {
		t.Fatal(err)
	}
	environment := map[string]string{
		"SSL_CERT_FILE": files[0], "NODE_EXTRA_CA_CERTS": files[1], "SSL_CERT_DIR": filepath.Join(folder, "java") + ":" + folder,
	}
	for _, c := range []struct {
		setting string
		trusted []bool
		empty   int
	}{
		{"", []bool{true, true, true, false}, 1},
		{files[3], []bool{false, false, false, true}, 0},
	} {
		sources, err := trust.Sources("CA_FILE", c.setting, func(name string) string { return environment[name] })
		if err != nil {
			t.Fatal(err)
		}
		var bundle trust.Bundle
		empty := 0
		for _, s := range sources {
			if _, err := bundle.Add(s); errors.Is(err, trust.ErrEmpty) {
				empty++
			} else if err != nil {
				t.Error(err)
			}
		}
		if empty != c.empty {
			t.Errorf("%d of %v are empty, want %d", empty, sources, c.empty)
		}
		dir := filepath.Join(t.TempDir(), "new")
		file, err := bundle.Write(dir)
		if again, errAgain := bundle.Write(dir); err != nil || errAgain != nil || again != file {
			t.Fatalf("%v; again: %s, %v", err, again, errAgain)
		}
		client := http.Client{Transport: transport(t, file)}
		for i, url := range servers {
			resp, err := client.Get(url)
			if err == nil {
				_ = resp.Body.Close()
			}
			if (err == nil) != c.trusted[i] {
				t.Errorf("setting %q: server %d: %v", c.setting, i, err)
			}
		}
	}
}

func TestSourcesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe, text := filepath.Join(dir, "pipe"), filepath.Join(dir, "text")
	if err := errors.Join(syscall.Mkfifo(pipe, 0o600), os.WriteFile(text, []byte("hello"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]error{filepath.Join(dir, "absent"): fs.ErrNotExist, text: trust.ErrEmpty, pipe: nil, dir: nil} {
		var bundle trust.Bundle
		if n, err := bundle.Add(trust.Source{Path: path}); err == nil || n != 0 || want != nil && !errors.Is(err, want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %d, %v", path, n, err)
		}
	}
	var none trust.Bundle
	if path, err := none.Write(filepath.Join(dir, "unmade")); path != "" || err != nil {
		t.Errorf("no authority became %q, %v", path, err)
	}
}
