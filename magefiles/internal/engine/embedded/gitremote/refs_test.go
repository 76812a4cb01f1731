package gitremote

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	one, two, three = "1111111111111111111111111111111111111111", "2222222222222222222222222222222222222222", "3333333333333333333333333333333333333333"
)

// answer is what git's server says about a repository with a branch, a tag and an annotated tag.
var answer = lines("# service=git-upload-pack\n") + "0000" + lines(
	one+" HEAD\x00multi_ack symref=HEAD:refs/heads/main agent=git/2\n", one+" refs/heads/main\n", two+" refs/heads/v1\n",
	two+" refs/tags/v1\n", three+" refs/tags/v2\n", two+" refs/tags/v2^{}\n") + "0000"

func lines(texts ...string) string {
	var out strings.Builder
	for _, text := range texts {
		const digits = "0123456789abcdef"
		n := len(text) + 4
		out.Write([]byte{digits[n>>12&15], digits[n>>8&15], digits[n>>4&15], digits[n&15]})
		out.WriteString(text)
	}
	return out.String()
}

func TestLookup(t *testing.T) {
	refs, err := advertised(strings.NewReader(answer))
	if err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]Ref{
		"HEAD": {"refs/heads/main", one}, "main": {"refs/heads/main", one}, "heads/main": {"refs/heads/main", one}, "refs/heads/main": {"refs/heads/main", one},
		"v1": {"refs/heads/v1", two}, "tags/v1": {"refs/tags/v1", two}, "v2": {"refs/tags/v2", two}, "refs/tags/v2": {"refs/tags/v2", two}, three: {"", three},
	} {
		if got, err := refs.Lookup(target); err != nil || got != want {
			t.Errorf("%s: got %v, %v, want %v", target, got, err, want)
		}
	}
	if _, err := refs.Lookup("refs/heads/v2"); err == nil || err.Error() != `repository does not contain ref "refs/heads/v2"` {
		t.Errorf("got %v", err)
	}
	if got, want := refs.Tags(nil), []string{"v1", "v2"}; !slices.Equal(got, want) {
		t.Errorf("tags %q, want %q", got, want)
	}
}

func TestAdvertised(t *testing.T) {
	empty := lines("# service=git-upload-pack\n") + "0000" + lines(strings.Repeat("0", 40)+" capabilities^{}\x00multi_ack\n") + "0000"
	if refs, err := advertised(strings.NewReader(empty)); err != nil || len(refs.all) != 0 {
		t.Errorf("an empty repository: %v, %v", refs, err)
	}
	for text, want := range map[string]string{
		"":                                 "EOF",
		"<html>log in</html>":              errNotSmart.Error(),
		"0002":                             errNotSmart.Error(),
		"00ff too short":                   errNotSmart.Error(),
		lines("ERR access denied"):         "git error: access denied",
		lines("no list"):                   errNotSmart.Error(),
		strings.TrimSuffix(answer, "0000"): "the server's list of references is incomplete: try again",
		lines("ERR \x1b[2Jred"):            "git error: red",
	} {
		if _, err := advertised(strings.NewReader(text)); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

// A name becomes an argument of git and a path in .git.
func TestNamesThatGitDoesNotAllowAreIgnored(t *testing.T) {
	bad := []string{"refs/heads/../../config", "refs/heads/a:b", "refs/heads/a b", "refs/heads/a.lock", "refs/heads/a\\b", "refs//x", "refs/heads/", "config", "--stdin", "refs/heads/.x", "refs/@{", "refs/tags/../x^{}"}
	var all []string
	for _, name := range append(bad, "refs/heads/-x", "refs/heads/a.b/ü") {
		all = append(all, one+" "+name+"\n")
	}
	for _, target := range []string{"--stdin", "config", "refs/heads/../x"} {
		all[0] = one + " HEAD\x00symref=HEAD:" + target
		refs, err := advertised(strings.NewReader(lines(all...) + "0000"))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := refs.Branches(nil), []string{"-x", "a.b/ü"}; !slices.Equal(got, want) || len(refs.all) != 3 {
			t.Errorf("got %v, want HEAD and %q", refs.all, want)
		}
		if head, err := refs.Lookup("HEAD"); err != nil || head.Name != "HEAD" {
			t.Errorf("%s: HEAD is %v, %v", target, head, err)
		}
	}
}

func TestClassify(t *testing.T) {
	for output, want := range map[string]error{
		"fatal: Authentication failed for 'https://x/'":                             ErrAuth,
		"fatal: could not read Username for 'https://x': terminal prompts disabled": ErrAuth,
		"fatal: remote error: upload-pack: not our ref 01":                          ErrSHAUnsupported,
		"error: Server does not allow request for unadvertised object 01":           ErrSHAUnsupported,
		"fatal: not a git repository: 'x'":                                          ErrNoRepository,
		"fatal: unable to access 'https://x/': Could not resolve host: x":           nil,
	} {
		if got := Classify(output); got != want {
			t.Errorf("%q: got %v, want %v", output, got, want)
		}
	}
}

func FuzzAdvertised(f *testing.F) {
	f.Add(answer)
	f.Add("0000")
	f.Fuzz(func(t *testing.T, text string) {
		refs, err := advertised(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, ref := range refs.all {
			if !IsSHA(ref.SHA) {
				t.Errorf("%q has no commit", ref.Name)
			}
		}
	})
}

// FuzzPattern: a pattern is a regular expression or matches nothing; one without special characters matches itself.
func FuzzPattern(f *testing.F) {
	f.Add("v1.*", "refs/tags/v1.2")
	f.Add("[!a-b[:digit:]]?\\*", "x")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		got := matches(name, []string{pattern})
		if strings.ContainsAny(pattern, `*?[\`) || !validUTF8(pattern, name) {
			return
		}
		if want := ("/"+name) == "/"+pattern || strings.HasSuffix(name, "/"+pattern); got != want {
			t.Errorf("%q matches %q: %t, want %t", pattern, name, got, want)
		}
	})
}

func validUTF8(texts ...string) bool {
	return !slices.ContainsFunc(texts, func(s string) bool { return !utf8.ValidString(s) })
}
