//go:build unix

package secret

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fakeOp is a program that answers like the op command, whose service needs an account. It records its arguments and its environment.
func fakeOp(t *testing.T, script string) (program, dir string) {
	t.Helper()
	dir = t.TempDir()
	program = filepath.Join(dir, "op")
	text := "#!/bin/sh\necho \"$*\" >>'" + dir + "/calls'\nenv >'" + dir + "/env'\nfor reference; do :; done\n" + script
	if err := os.WriteFile(program, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return program, dir
}

func contents(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(text)
}

// opAnswers are answers of op 2.
const opAnswers = `
fail() { echo "[ERROR] 2026/11/30 09:00:00 could not read secret '$reference': $1" >&2; exit 1; }
case $reference in
op://v/i/f) printf '` + canaryValue + `' ;;
op://v/i/lines) printf 'two\nlines\n' ;;
op://v/i/empty) ;;
op://v/i/binary) printf '\377' ;;
op://none/i/f) fail 'could not get item none/i: "none" isn'"'"'t a vault in this account. Specify the vault with its ID or name.' ;;
op://v/none/f) fail 'could not get item v/none: "none" isn'"'"'t an item in the "v" vault. Specify the item with its UUID, name, or domain.' ;;
op://v/i/none) fail "item 'v/i' does not have a field 'none'" ;;
op://v/two/f) echo '[ERROR] 2026/11/30 09:00:00 More than one item matches "two". Try again and specify the item by its ID:' >&2; exit 1 ;;
op://v/i/odd) fail 'something else' ;;
esac
`

func TestOpReadsWithoutAnAccount(t *testing.T) {
	program, dir := fakeOp(t, opAnswers)
	r := NewResolver(Options{Op: program, Environ: func() []string {
		return []string{"PATH=" + os.Getenv("PATH"), "OP_SESSION_me=abc", "FORGE_TOKEN=" + canaryValue, "AWS_SECRET_ACCESS_KEY=" + canaryValue}
	}})
	want := map[string]Status{
		"op://v/i/f":      {State: OK},
		"op://v/i/lines":  {State: OK},
		"op://v/i/empty":  {State: Empty, Reason: "the field is empty"},
		"op://v/i/binary": {State: Unreadable, Reason: "it is not text"},
		"op://none/i/f":   {State: Missing, Reason: "vault not found"},
		"op://v/none/f":   {State: Missing, Reason: "item not found"},
		"op://v/i/none":   {State: Missing, Reason: "field not found"},
		"op://v/two/f":    {State: Unreadable, Reason: "more than one item"},
		"op://v/i/odd":    {State: Unreadable, Reason: "the op command: could not read secret 'op://v/i/odd': something else"},
	}
	var refs []Reference
	for text := range want {
		refs = append(refs, must(t, text))
	}
	statuses, err := r.Check(t.Context(), refs...)
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range statuses {
		if w := want[got.Name]; got.State != w.State || !strings.Contains(got.Reason, w.Reason) || got.Source != "1Password, op command" {
			t.Errorf("%+v, want %+v", got, w)
		}
	}
	secrets, err := r.Resolve(t.Context(), must(t, "op://v/i/f"), must(t, "op://v/i/lines"))
	if err != nil || secrets[0].Reveal() != canaryValue || secrets[1].Reveal() != "two\nlines\n" {
		t.Errorf("%v, %v", secrets, err)
	}
	calls := contents(t, filepath.Join(dir, "calls"))
	if strings.Count(calls, "\n") != len(want) || !strings.Contains(calls, "read --no-newline -- op://v/i/f\n") {
		t.Errorf("op was called with %q", calls)
	}
	if seen := contents(t, filepath.Join(dir, "env")); strings.Contains(seen, canaryValue) || !strings.Contains(seen, "OP_SESSION_me=abc") {
		t.Errorf("op has the environment %q", seen)
	}
}

// A failure that concerns the account ends the reads, so that nobody is asked twice.
func TestOpThatIsNotSignedIn(t *testing.T) {
	for said, want := range map[string]string{
		"[ERROR] 2026/11/30 09:00:00 You are not currently signed in. Please run `op signin --help` for instructions": "You are not currently signed in.",
		"[ERROR] 2026/11/30 09:00:00 authorization prompt dismissed, please try again":                                "prompt dismissed",
		"[ERROR] 2026/11/30 09:00:00 No accounts configured for use with 1Password CLI.":                              "No accounts configured",
		"[ERROR] 2026/11/30 09:00:00 rate limit exceeded":                                                             "rate limit",
	} {
		program, dir := fakeOp(t, "cat >&2 <<'END'\n"+said+"\nEND\nexit 1\n")
		r := NewResolver(Options{Op: program})
		for range 2 {
			_, err := r.Resolve(t.Context(), must(t, "op://v/i/f"), must(t, "op://v/i/g"))
			var failed *Error
			if !errors.As(err, &failed) || failed.State != Unreachable || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "[ERROR]") {
				t.Errorf("%v; want %q", err, want)
			}
		}
		if calls := contents(t, filepath.Join(dir, "calls")); strings.Count(calls, "\n") != 1 {
			t.Errorf("op was called with %q", calls)
		}
	}
	_, err := NewResolver(Options{Op: filepath.Join(t.TempDir(), "gone")}).Resolve(t.Context(), must(t, "op://v/i/f"))
	if err == nil || !strings.Contains(err.Error(), "the op command: ") {
		t.Errorf("of a missing program: %v", err)
	}
}

// The SDK is asked first for an account. On a machine without the desktop app, the op command reads instead.
func TestOpWhereTheDesktopAppIsMissing(t *testing.T) {
	program, dir := fakeOp(t, opAnswers)
	r := NewResolver(Options{Op: program, Account: "me.1password.example"})
	secrets, err := r.Resolve(t.Context(), must(t, "op://v/i/f"))
	if err != nil || secrets[0].Reveal() != canaryValue {
		t.Errorf("%v, %v", secrets, err)
	}
	if calls := contents(t, filepath.Join(dir, "calls")); calls != "read --no-newline --account me.1password.example -- op://v/i/f\n" {
		t.Errorf("op was called with %q", calls)
	}
	if _, err := NewResolver(Options{Account: "me.1password.example"}).Resolve(t.Context(), must(t, "op://v/i/f")); err == nil {
		t.Error("a secret without the desktop app and without op")
	}
}

// A token of a service account reaches op only in its environment, never in its arguments.
func TestOpWithAServiceAccount(t *testing.T) {
	program, dir := fakeOp(t, opAnswers)
	c := &command{program: program, login: Login{Token: New("env://"+TokenVariable, "ops_t0ken")}, environ: []string{"PATH=" + os.Getenv("PATH")}}
	if _, err := c.ResolveAll(t.Context(), []string{"op://v/i/f"}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(contents(t, filepath.Join(dir, "calls")), "ops_") || !strings.Contains(contents(t, filepath.Join(dir, "env")), TokenVariable+"=ops_t0ken\n") {
		t.Error("the token is in the arguments, or not in the environment")
	}
}

func TestOpIsInterrupted(t *testing.T) {
	program, dir := fakeOp(t, "mkfifo '"+t.TempDir()+"/never'\necho started >\"${0%/*}/started\"\nsleep 600 & wait\n")
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	go func() {
		for contents(t, filepath.Join(dir, "started")) == "" {
			time.Sleep(time.Millisecond)
		}
		cancel(stopped)
	}()
	if _, err := NewResolver(Options{Op: program}).Resolve(ctx, must(t, "op://v/i/f")); !errors.Is(err, stopped) {
		t.Errorf("%v", err)
	}
}

func TestReasonsOfOpExist(t *testing.T) {
	for _, known := range opTexts {
		if reasons[known.reason] == nil {
			t.Errorf("%q has the reason %s, which is unknown", known.text, known.reason)
		}
	}
}

func FuzzOpProblem(f *testing.F) {
	for _, seed := range []string{"", "[ERROR]", "[ERROR] 2026/11/30 09:00:00 x\ny", "\x1b[31m[ERROR] a b", "rate limit"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, said string) {
		err := opProblem(said, errors.New("exit status 1"))
		if text := err.Error(); text == "" || strings.ContainsAny(text, "\n\r\x1b\x00") {
			t.Errorf("%q: %q", said, text)
		}
	})
}

// TestOpThatWaitsEnds has an op that waits for a person who is not there.
func TestOpThatWaitsEnds(t *testing.T) {
	program, dir := fakeOp(t, "exec sleep 600\n")
	c := &command{program: program, environ: []string{"PATH=" + os.Getenv("PATH")}, wait: time.Millisecond}
	_, err := c.ResolveAll(t.Context(), []string{"op://v/i/f", "op://v/i/g"})
	p := (*problem)(nil)
	if !errors.As(err, &p) || p.state != Unreachable || !strings.Contains(err.Error(), "did not answer in 1ms") {
		t.Errorf("got %v", err)
	}
	if calls := strings.Count(contents(t, filepath.Join(dir, "calls")), "\n"); calls > 1 {
		t.Errorf("op was called %d times", calls)
	}
}
