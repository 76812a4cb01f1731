package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"debug/buildinfo"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

// nettest runs the program with an environment of one variable.
func nettest(t *testing.T, targets string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, errs bytes.Buffer
	getenv := func(name string) string {
		if name == "NETTEST_TARGETS" {
			return targets
		}
		return ""
	}
	status = run(t.Context(), args, getenv, &out, &errs)
	return out.String(), errs.String(), status
}

func TestUsageErrors(t *testing.T) {
	noPEM := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(noPEM, []byte("nothing here\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for says, args := range map[string][]string{
		"no target given":          {},
		"not defined: -nonsense":   {"-nonsense", "host"},
		"-timeout=0s":              {"-timeout=0", "host"},
		"-format=\"yaml\"":         {"-format=yaml", "host"},
		"-expiry=-1":               {"-expiry=-1", "host"},
		"flags go first":           {"host", "-timeout=1s"},
		"no such file":             {"-ca=/nonexistent/ca.pem", "host"},
		"no certificate":           {"-ca=" + noPEM, "host"},
		"-nameserver=\"dns.name\"": {"-nameserver=dns.name", "host"},
		"-insecure-registry":       {"-insecure-registry=a/b", "host"},
		"needs a port":             {"tcp://host"},
	} {
		stdout, stderr, status := nettest(t, "", args...)
		if status != exitUsage || stdout != "" || !strings.Contains(stderr, says) {
			t.Errorf("nettest %q: status %d, stdout %q, stderr %q; want 2 and %q", args, status, stdout, stderr, says)
		}
	}
}

func TestHelpAndVersion(t *testing.T) {
	stdout, stderr, status := nettest(t, "", "-h")
	if status != exitOK || stderr != "" || stdout != usage {
		t.Errorf("-h: status %d, stdout %q, stderr %q", status, stdout, stderr)
	}
	stdout, stderr, status = nettest(t, "", "-version")
	if status != exitOK || stderr != "" || !strings.HasPrefix(stdout, "nettest "+version+" (go") {
		t.Errorf("-version: status %d, stdout %q, stderr %q", status, stdout, stderr)
	}
}

func TestDirectiveStatesVersion(t *testing.T) {
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	directive := regexp.MustCompile(`(?m)^//blumeops:version (\S+)$`).FindSubmatch(source)
	if directive == nil || string(directive[1]) != version {
		t.Errorf("main.go has the directive %q, want //blumeops:version %s", directive, version)
	}
}

func TestTable(t *testing.T) {
	good := serveTCP(t, func(net.Conn) {})
	stdout, stderr, status := nettest(t, "tcp://"+good+", tcp://"+refused+"\nhttp://"+servePlain(t, hello)+"/moved")
	if status != exitFailed || stderr != "" {
		t.Errorf("status %d, stderr %q", status, stderr)
	}
	for _, want := range []string{
		`^TARGET +RESULT +ADDRESS +TLS +CERTIFICATE +HTTP +DNS +CONNECT +TLS +HTTP$`,
		`^tcp://127.0.0.1:\d+ +ok +` + good + ` +- +- +- +- +[\d.]+ms +- +-$`,
		`^tcp://127.0.0.1:\d+ +FAILED connect +127.0.0.1 `,
		`^http://127.0.0.1:\d+/moved +ok +127.0.0.1:\d+ +- +- +302 to https://elsewhere.example/ `,
		`^tcp://` + refused + ` failed at connect: .*connection refused$`,
		`^  hint: .*nothing listens`,
	} {
		if !regexp.MustCompile("(?m)" + want).MatchString(stdout) {
			t.Errorf("no line matches %s in:\n%s", want, stdout)
		}
	}
}

func TestTableShowsNoControlCharacters(t *testing.T) {
	r := Result{Target: "tls://h", TLS: &TLSInfo{Subject: "CN=\x1b]0;owned\a"}, Error: "a\x1b[2Jb\nc", Failed: HopTLS}
	var out bytes.Buffer
	if err := writeTable(&out, []Result{r}); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(out.String(), "\x1b\a") || !strings.Contains(out.String(), "a?[2Jb; c") {
		t.Errorf("%q", out.String())
	}
}

func TestInterruptEndsProbes(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	silent := serveTCP(t, func(c net.Conn) {
		c.Read(make([]byte, 4096)) // the request has arrived; now the user presses ^C
		interrupt()
		c.Read(make([]byte, 1))
	})
	var out, errs bytes.Buffer
	start := time.Now()
	if status := run(ctx, []string{"-timeout=1h", "http://" + silent + "/"}, noEnv, &out, &errs); status != exitFailed {
		t.Errorf("status %d after %v, want %d\n%s%s", status, time.Since(start), exitFailed, &out, &errs)
	}
}

// TestBuiltInRoots runs this test's own program again without access to a certificate store, as in an image from scratch.
func TestBuiltInRoots(t *testing.T) {
	if os.Getenv("NETTEST_NO_STORE") != "" {
		roots, err := loadRoots("")
		if err != nil || roots.Equal(x509.NewCertPool()) {
			t.Fatalf("roots without a certificate store: %v, error %v", roots, err)
		}
		return
	}
	again := exec.Command(os.Args[0], "-test.run=^TestBuiltInRoots$", "-test.count=1")
	again.Env = []string{"NETTEST_NO_STORE=1", "SSL_CERT_FILE=/nonexistent", "SSL_CERT_DIR=/nonexistent"}
	if out, err := again.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestProgramIsSmallAndStatic builds the program as the image does: the image must be smaller than 8 MB, and contain only the standard
// library and the CA roots.
func TestProgramIsSmallAndStatic(t *testing.T) {
	file := filepath.Join(t.TempDir(), "nettest")
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", file, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+runtime.GOARCH)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if limit := int64(8_000_000); info.Size() >= limit {
		t.Errorf("the program has %d bytes, want less than %d", info.Size(), limit)
	}
	built, err := buildinfo.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, dep := range built.Deps {
		if dep.Path != "golang.org/x/crypto/x509roots/fallback" {
			t.Errorf("the program depends on %s", dep.Path)
		}
	}
}
