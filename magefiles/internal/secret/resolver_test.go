package secret

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// cabinet replaces 1Password's service, which is not available in a test. It counts the requests.
type cabinet struct {
	values map[string]Answer
	err    error

	logins []Login
	calls  [][]string
}

func (c *cabinet) connect(_ context.Context, login Login) (Vault, error) {
	c.logins = append(c.logins, login)
	if c.err != nil {
		return nil, c.err
	}
	return c, nil
}

func (c *cabinet) String() string { return c.logins[0].String() }

func (c *cabinet) ResolveAll(_ context.Context, references []string) (map[string]Answer, error) {
	c.calls = append(c.calls, references)
	answers := map[string]Answer{}
	for _, reference := range references {
		if answer, found := c.values[reference]; found {
			answers[reference] = answer
		}
	}
	return answers, nil
}

func must(t *testing.T, s string) Reference {
	t.Helper()
	ref, err := ParseReference(s)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i+1 < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func TestResolveReadsEachKind(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "token"), []byte("from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	op := &cabinet{values: map[string]Answer{"op://v/i/f": {Value: "from-op"}, "op://v/i/g": {Value: "two\nlines\n"}}}
	var learned []string
	r := NewResolver(Options{
		Root: root, Connect: op.connect, Learn: func(v string) { learned = append(learned, v) },
		Env: env("TOKEN", "from-env", "BLUMEOPS_P", "from-override", "BLUMEOPS_Q", "op://v/i/f", "OP_SERVICE_ACCOUNT_TOKEN", "ops_t0ken\n"),
	})
	refs := []Reference{
		must(t, "env://TOKEN"), must(t, "file://token"), must(t, "file://"+filepath.Join(root, "token")),
		must(t, "op://v/i/f"), must(t, "op://v/i/g"), must(t, "op://v/i/none").WithVariable("BLUMEOPS_P"),
		must(t, "file://nowhere").WithVariable("BLUMEOPS_Q"), must(t, "op://v/i/f").WithVariable("BLUMEOPS_UNSET"),
		Reference{}.WithVariable("BLUMEOPS_P"),
	}
	want := []string{"from-env", "from-file", "from-file", "from-op", "two\nlines\n", "from-override", "from-op", "from-op", "from-override"}
	for range 2 { // the second time there is no request
		got, err := r.Resolve(t.Context(), refs...)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range got {
			if s.Reveal() != want[i] {
				t.Errorf("%s: %q, want %q", refs[i].label(), s.Reveal(), want[i])
			}
			if s.String() != refs[i].label() {
				t.Errorf("%s: prints as %q", refs[i].label(), s)
			}
		}
	}
	if len(op.logins) != 1 || op.logins[0].Token.Reveal() != "ops_t0ken" || len(op.calls) != 1 || !slices.Equal(op.calls[0], []string{"op://v/i/f", "op://v/i/g"}) {
		t.Errorf("1Password was asked %v by %+v, want one call of two references", op.calls, len(op.logins))
	}
	for _, value := range append(want, "ops_t0ken") {
		if !slices.Contains(learned, value) {
			t.Errorf("%q was not learned", value)
		}
	}
}

func TestResolveInCIReadsTheEnvironmentAlone(t *testing.T) {
	op := &cabinet{}
	r := NewResolver(Options{CI: true, Connect: op.connect, Env: env("TOKEN", "from-env", "BLUMEOPS_P", "value", "BLUMEOPS_Q", "op://v/i/f", "OP_SERVICE_ACCOUNT_TOKEN", "ops_x")})
	got, err := r.Resolve(t.Context(), must(t, "env://TOKEN"), must(t, "op://v/i/f").WithVariable("BLUMEOPS_P"))
	if err != nil || got[0].Reveal() != "from-env" || got[1].Reveal() != "value" {
		t.Errorf("%v, %v", got, err)
	}
	for want, ref := range map[string]Reference{
		"set BLUMEOPS_R":                     must(t, "op://v/i/f").WithVariable("BLUMEOPS_R"),
		"set BLUMEOPS_Q to the value itself": must(t, "op://v/i/f2").WithVariable("BLUMEOPS_Q"),
		"use an env://NAME reference":        must(t, "file:///etc/hostname"),
	} {
		_, err := r.Resolve(t.Context(), ref)
		var failed *Error
		if !errors.As(err, &failed) || failed.State != Missing || failed.Hint() != want || !strings.Contains(err.Error(), "in CI") {
			t.Errorf("%v: %v; want the hint %q", ref.label(), err, want)
		}
	}
	if len(op.logins) > 0 {
		t.Error("1Password was asked in CI")
	}
}

func TestEachReferenceHasItsOwnError(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("empty", "\r\n")
	write("binary", "\xff\xfe\x00")
	write("large", strings.Repeat("x", maxSize+1))
	op := &cabinet{values: map[string]Answer{"op://v/i/ok": {Value: "v4lue"}, "op://v/i/empty": {}, "op://v/i/gone": {Err: refusal("fieldNotFound")}, "op://v/two/f": {Err: refusal("tooManyItems")}, "op://v/new/f": {Err: refusal("whatever")}}}
	r := NewResolver(Options{Root: root, Connect: op.connect, Env: env("OP_ACCOUNT", "me")})
	cases := []struct {
		ref    string
		state  State
		reason string
	}{
		{"op://v/i/ok", OK, ""},
		{"op://v/i/empty", Empty, "empty in 1Password"},
		{"op://v/i/gone", Missing, "field not found"},
		{"op://v/two/f", Unreadable, "more than one item"},
		{"op://v/new/f", Unreadable, "whatever"},
		{"op://v/i/silent", Unreadable, "no answer"},
		{"env://NOT_SET", Missing, "NOT_SET is not set"},
		{"file://none", Missing, "file not found"},
		{"file://empty", Empty, "is empty"},
		{"file://binary", Unreadable, "not text"},
		{"file://large", Unreadable, "larger than 500 KiB"},
		{"file://" + root, Unreadable, "is a directory"},
	}
	var refs []Reference
	for _, c := range cases {
		refs = append(refs, must(t, c.ref))
	}
	statuses, err := r.Check(t.Context(), refs...)
	if err != nil {
		t.Fatal(err)
	}
	secrets, err := r.Resolve(t.Context(), refs...)
	for i, c := range cases {
		if statuses[i].State != c.state || !strings.Contains(statuses[i].Reason, c.reason) || statuses[i].Name != c.ref || statuses[i].Source == "" {
			t.Errorf("%s: %+v, want %s %q", c.ref, statuses[i], c.state, c.reason)
		}
		if secrets[i].IsZero() != (c.state != OK) {
			t.Errorf("%s: %s and secret %q", c.ref, c.state, secrets[i])
		}
		if c.state != OK && !strings.Contains(err.Error(), c.ref) {
			t.Errorf("the error does not name %s", c.ref)
		}
	}
	if len(op.calls) != 1 || op.logins[0].Account != "me" {
		t.Errorf("1Password was asked %d times, as %+v", len(op.calls), op.logins)
	}
}

func TestARefusalOfOnePasswordIsFinal(t *testing.T) {
	op := &cabinet{err: errors.New("token revoked")}
	r := NewResolver(Options{Connect: op.connect, Env: env("OP_SERVICE_ACCOUNT_TOKEN", "ops_x", "A", "fine")})
	for _, s := range []string{"op://v/i/f", "op://v/i/f", "op://v/i/other"} {
		got, err := r.Resolve(t.Context(), must(t, s), must(t, "env://A"))
		var failed *Error
		if !errors.As(err, &failed) || failed.State != Unreachable || !strings.Contains(err.Error(), "token revoked") || !strings.Contains(failed.Hint(), "OP_SERVICE_ACCOUNT_TOKEN") {
			t.Errorf("%s: %v", s, err)
		}
		if got[1].Reveal() != "fine" {
			t.Error("the other secret was lost")
		}
	}
	if len(op.logins) != 1 {
		t.Errorf("connected %d times", len(op.logins))
	}
}

func TestNobodyToAskAs(t *testing.T) {
	_, err := NewResolver(Options{}).Resolve(t.Context(), must(t, "op://v/i/f"))
	var failed *Error
	if !errors.As(err, &failed) || failed.State != Unreachable || !strings.Contains(failed.Hint(), "OP_ACCOUNT") {
		t.Errorf("%v", err)
	}
}

func TestResolveEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	hang := make(chan struct{})
	defer close(hang)
	slow := true
	op := &cabinet{values: map[string]Answer{"op://v/i/f": {Value: "v4lue"}}}
	r := NewResolver(Options{Env: env("OP_ACCOUNT", "me"), Connect: func(ctx context.Context, login Login) (Vault, error) {
		if slow {
			slow = false
			cancel()
			<-hang
		}
		return op.connect(ctx, login)
	}})
	if _, err := r.Resolve(ctx, must(t, "op://v/i/f")); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	// It was cancelled, not refused: a second request is right.
	if got, err := r.Resolve(t.Context(), must(t, "op://v/i/f")); err != nil || got[0].Reveal() != "v4lue" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestResolveFromSeveralGoroutines(t *testing.T) {
	op := &cabinet{values: map[string]Answer{"op://v/i/f": {Value: "v4lue"}}}
	r := NewResolver(Options{Connect: op.connect, Env: env("OP_ACCOUNT", "me")})
	ref := must(t, "op://v/i/f")
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if got, err := r.Resolve(t.Context(), ref); err != nil || got[0].Reveal() != "v4lue" {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
	group.Wait()
	if len(op.calls) != 1 {
		t.Errorf("asked %d times", len(op.calls))
	}
}

func TestOneTrailingLineEndOfAFileIsDropped(t *testing.T) {
	root := t.TempDir()
	for text, want := range map[string]string{"a": "a", "a\n": "a", "a\r\n": "a", "a\n\n": "a\n", "a\nb\n": "a\nb", " a ": " a "} {
		if err := os.WriteFile(filepath.Join(root, "f"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := readFile(root, "f"); err != nil || got != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

func TestCheckNeverShowsAValue(t *testing.T) {
	op := &cabinet{values: map[string]Answer{"op://v/i/f": {Value: canaryValue}}}
	r := NewResolver(Options{Connect: op.connect, Env: env("A", canaryValue, "OP_SERVICE_ACCOUNT_TOKEN", "ops_"+canaryValue)})
	statuses, err := r.Check(t.Context(), must(t, "op://v/i/f"), must(t, "env://A"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range statuses {
		if text := strings.Join([]string{s.Name, s.Source, string(s.State), s.Reason, s.Hint}, " "); s.State != OK || strings.Contains(text, canaryValue) {
			t.Errorf("%s", text)
		}
	}
}
