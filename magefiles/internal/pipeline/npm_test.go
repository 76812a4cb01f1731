package pipeline

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/trust/trusttest"
)

// npm runs the build's command with this machine's npm, on a package whose only dependency is in the registry.
func npm(t *testing.T, registry, authorities string, more ...string) error {
	t.Helper()
	testenv.Program(t, "npm", "apt-get install npm")
	dir := t.TempDir()
	for name, text := range map[string]string{
		"npm.js":       npmScript,
		"package.json": `{"name":"x","version":"1.0.0","dependencies":{"left":"1.0.0"}}`,
		"package-lock.json": `{"name":"x","version":"1.0.0","lockfileVersion":3,"packages":{"":{"name":"x","version":"1.0.0","dependencies":{"left":"1.0.0"}},` +
			`"node_modules/left":{"version":"1.0.0","resolved":"` + registry + `/left.tgz"}}}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	args := slices.Concat([]string{"npm.js"}, npmCI)
	cmd := exec.CommandContext(t.Context(), "node", args...)
	cmd.Dir = dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "NPM_CONFIG_CACHE=" + t.TempDir(), "NPM_CONFIG_GLOBALCONFIG=" + os.DevNull, "NPM_CONFIG_REGISTRY=" + registry, "NODE_EXTRA_CA_CERTS=" + authorities}, more...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return explainNPM(&dagger.ExecError{Cmd: append([]string{"node"}, args...), ExitCode: exit.ExitCode(), Stdout: out.String(), Stderr: errs.String()})
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules/left/package.json")); err != nil || strings.Contains(errs.String(), "npm http") {
		t.Errorf("%v; it says %s", err, errs.String())
	}
	return nil
}

// A certificate that npm refuses ends the build immediately, with the reason, the host and the remedy.
func TestNPMRefusesACertificate(t *testing.T) {
	t.Parallel()
	package1 := tarball(t, `{"name":"left","version":"1.0.0"}`)
	packages := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(package1) })
	good, file := trusttest.Server(t, trusttest.None, packages)
	if err := npm(t, good.URL, file); err != nil {
		t.Errorf("with its authority: %v", err)
	}
	for _, c := range []struct {
		fault   trusttest.Fault
		trusted bool
		says    string
		hint    string
	}{
		{trusttest.None, false, "its authority is not known here", "BLUMEOPS_CA_FILE"},
		{trusttest.OtherName, true, "it is not for this host", "another authority does not help"},
		{trusttest.Expired, true, "it has expired", "renew the certificate"},
	} {
		server, file := trusttest.Server(t, c.fault, packages)
		if !c.trusted {
			file = ""
		}
		err := npm(t, server.URL, file)
		var hinter interface{ Hint() string }
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "npm ci: the certificate of "+server.URL) ||
			!errors.As(err, &hinter) || !strings.Contains(hinter.Hint(), c.hint) {
			t.Errorf("%v", err)
		}
		var step *StepError
		if !errors.As(err, &step) || step.StepCode() != 1 {
			t.Errorf("not a StepError: %v", err)
		}
	}
}

// Other failures of npm are not changed, and name npm.
func TestNPMFails(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	err := npm(t, server.URL, "")
	var step *StepError
	if !errors.As(err, &step) || !strings.Contains(err.Error(), "npm ci --no-audit --no-fund: exit code 1") || !strings.Contains(step.Stderr, "404") {
		t.Errorf("%v", err)
	}
}

// tarball is a package as npm packs it.
func tarball(t *testing.T, manifest string) []byte {
	t.Helper()
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	archive := tar.NewWriter(zipped)
	err := archive.WriteHeader(&tar.Header{Name: "package/package.json", Mode: 0o644, Size: int64(len(manifest)), Typeflag: tar.TypeReg})
	if err == nil {
		_, err = archive.Write([]byte(manifest))
	}
	if err := errors.Join(err, archive.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
