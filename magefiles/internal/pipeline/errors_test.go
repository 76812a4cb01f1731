package pipeline

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"dagger.io/dagger"
)

func TestFailedCommandIsAStepError(t *testing.T) {
	theirs := &dagger.ExecError{Cmd: []string{"/bin/sh", "-c", "make " + strings.Repeat("x", 300)}, ExitCode: 9, Stderr: "oops"}
	err := explain(theirs)
	var step *StepError
	if !errors.As(err, &step) || step.StepCode() != 9 || step.Stderr != "oops" || !strings.HasSuffix(err.Error(), "…: exit code 9") || len(err.Error()) > 230 {
		t.Errorf("error %q", err)
	}
	never := &StepError{Command: []string{"x"}, Code: -1, Stderr: "unable to find user nosuch\n"}
	if want := "x: not started: unable to find user nosuch"; never.Error() != want {
		t.Errorf("error %q, want %q", never, want)
	}
	never = &StepError{Command: []string{"x"}, Code: -1, why: "get user: unable to find user nosuch"}
	if want := "x: not started: get user: unable to find user nosuch"; never.Error() != want {
		t.Errorf("error %q, want %q", never, want)
	}
}

func TestTelemetryIsLeftOutOfErrors(t *testing.T) {
	theirs := errors.New("stat /x: no such file or directory [traceparent:0123456789abcdef0123456789abcdef-0123456789abcdef]")
	err := explain(fmt.Errorf("build: %w", theirs))
	if err.Error() != "build: stat /x: no such file or directory" || !errors.Is(err, theirs) {
		t.Errorf("error %q", err)
	}
	if explain(nil) != nil {
		t.Error("nothing became an error")
	}
}

func TestHintsForErrorsOfTheEngine(t *testing.T) {
	for said, want := range map[string]struct{ text, hint string }{
		"failed to content hash dockerfile copy: failed to unpack source archive: stat /tmp/dagger-mount33/x.tar: no such file or directory":     {"/x.tar is not in the build context", ".dockerignore"},
		`failed to content hash dockerfile bind mount at "/x": failed to get content hash: failed to checksum ref at subdir /x: "/x": not found`: {"/x is not in the build context", ".dockerignore"},
		"failed to clone built container state: failed to resolve ownership for nosuch: find uid: no such user: nosuch":                          {"failed to resolve ownership for nosuch: find uid: no such user: nosuch", ""},
		`failed to compute cache key: failed to calculate checksum of ref ab::cd: "/x.txt": not found`:                                           {"/x.txt is not in the build context", ".dockerignore"},
		"failed to load container from converted ID: load Container@CqcMCh+/=: load xxh3:c9c8e6dc33a7beb5: inputs: load xxh3:a2fd54788621d703: inputs: " +
			"failed to content hash dockerfile copy: failed to copy source directory: lstat /x.txt: no such file or directory": {"/x.txt is not in the build context", ".dockerignore"},
		"failed to convert Dockerfile to LLB: dockerfile parse error on line 2: unknown instruction: X":                                                        {"line 2: unknown instruction: X", "that line"},
		"failed to convert Dockerfile to LLB: r.example/x:1: r.example/x:1: not found":                                                                         {"r.example/x:1: not found", "FROM"},
		"base image r.example/x:1: r.example/x:1: not found":                                                                                                   {"r.example/x:1: not found", "//blumeops:base"},
		`Head "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused`:                                                                     {"connection refused", "BLUMEOPS_MIRRORS"},
		`failed to solve with frontend: secret "tok" is required but no secret mappings were provided`:                                                         {"mappings were provided", "-secret=ID=REFERENCE"},
		`secret "tok" is required but was not provided`:                                                                                                        {"was not provided", "-secret=ID=REFERENCE"},
		`failed to convert Dockerfile LLB to Dagger ID: llbtodagger: unsupported op "file.mkdir" (sha256:ab): mkdir without makeParents is unsupported`:        {"is unsupported", "-engine=embedded"},
		"the connection to BuildKit was lost: EOF":                                                                                                             {"was lost: EOF", "engine:status"},
		`r.example/x:1: failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://r.example/token: 401 Unauthorized`: {"401 Unauthorized", "docker login"},
		`r.example/x:1: failed to do request: Head "https://r.example/v2/x/manifests/1": tls: failed to verify certificate: x509: certificate is valid for other.example, not r.example`: {
			"(certificate is valid for other.example, not r.example)", "another authority does not help"},
		`r.example/x:1: failed to do request: Head "https://r.example/v2/x/manifests/1": tls: failed to verify certificate: x509: certificate signed by unknown authority`: {
			"(its authority is not known here)", "BLUMEOPS_CA_FILE"},
		`r.example/x:1: failed to do request: Head "https://r.example/v2/x/manifests/1": http: server gave HTTP response to HTTPS client`: {"HTTPS client", "BLUMEOPS_PLAIN_REGISTRIES"},
		`failed to copy files: copy file range failed: no space left on device`:                                                           {"no space left on device", "engine:prune"},
		"lstat /x y: no such file or directory":                                                                                           {"lstat /x y: no such file or directory", "after --from"},
		"something else":                                                                                                                  {"something else", ""},
	} {
		theirs := errors.New(said)
		err := explain(theirs)
		var hinter interface{ Hint() string }
		hint := ""
		if errors.As(err, &hinter) {
			hint = hinter.Hint()
		}
		if !strings.HasSuffix(err.Error(), want.text) || strings.Contains(err.Error(), "xxh3") || !strings.Contains(hint, want.hint) || (hint == "") != (want.hint == "") || !errors.Is(err, theirs) {
			t.Errorf("%s\nbecame %q, hint %q", said, err, hint)
		}
	}
}

// A step's message about a refused certificate or about its format has a hint; other messages have none.
func TestHintOfASteps(t *testing.T) {
	for said, want := range map[string]string{
		"curl: (60) SSL certificate problem: unable to get local issuer certificate": "COPY the authority's certificate",
		"npm error code CERT_HAS_EXPIRED":                                            "renew the certificate",
		"fork/exec /hello: exec format error":                                        "for the platform of the step",
		"tar: write error: No space left on device":                                  "BLUMEOPS_ENGINE_STATE",
		"make: *** [all] Error 2":                                                    "",
	} {
		if got := (&StepError{Code: 1, Stderr: said}).Hint(); !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("%s: hint %q, want %q", said, got, want)
		}
	}
}

func TestHintOfTheDocsBase(t *testing.T) {
	for said, want := range map[string]string{
		"tls: failed to verify certificate: x509: certificate signed by unknown authority": "BLUMEOPS_CA_FILE",
		"unexpected status from HEAD request: 401 Unauthorized":                            "docker login",
		"write /x: no space left on device":                                                "engine:prune",
		"node:0: not found":                                                                "BLUMEOPS_NODE_IMAGE",
	} {
		if got := hintForBase(said, "set BLUMEOPS_NODE_IMAGE to another image"); !strings.Contains(got, want) {
			t.Errorf("%s: hint %q, want %q", said, got, want)
		}
	}
}

// An error is explained where a step failed, and again as part of a larger error.
func TestExplainedTwice(t *testing.T) {
	once := explain(errors.New("x509: certificate signed by unknown authority"))
	if twice := explain(once); twice.Error() != once.Error() || hintOf(twice) != hintOf(once) || hintOf(once) == "" {
		t.Errorf("once %q, twice %q", once, twice)
	}
}

// An error with a hint keeps that hint, independent of its text.
func TestAnErrorKeepsItsOwnHint(t *testing.T) {
	theirs := &engineError{text: "the connection was lost: connect: connection refused [traceparent:0123456789abcdef0123456789abcdef-0123456789abcdef]", hint: "run the same command again"}
	err := explain(fmt.Errorf("build: %w", theirs))
	var hinter interface{ Hint() string }
	if !errors.As(err, &hinter) || hinter.Hint() != "run the same command again" || err.Error() != "build: the connection was lost: connect: connection refused" {
		t.Errorf("error %q, hint %q", err, hinter.Hint())
	}
}
