package objects

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/moby/buildkit/client/llb"
)

// A choice that failed is made again for the next request, and only once for each: it may depend on a command that failed.
func TestChosen(t *testing.T) {
	calls, broken := 0, errors.New("broken")
	c := &chosen{unlocked: func(do func()) { do() }, choose: func(context.Context) (llb.State, error) {
		if calls++; calls < 3 {
			return llb.State{}, broken
		}
		return llb.Scratch().File(llb.Mkdir("/made", 0o755)), nil
	}}
	st := llb.Scratch().WithOutput(c)
	for i, want := range []error{broken, broken, nil, nil} {
		ctx, cancel := context.WithCancel(t.Context())
		def, err := st.Marshal(ctx)
		cancel()
		if !errors.Is(err, want) || (want == nil) != (err == nil) {
			t.Errorf("request %d: %v, want %v", i, err, want)
		}
		if wantCalls := min(i+1, 3); calls != wantCalls {
			t.Errorf("request %d: %d choices, want %d", i, calls, wantCalls)
		}
		if want == nil && len(def.Def) != 2 {
			t.Errorf("request %d: %d operations, want mkdir and its result", i, len(def.Def))
		}
	}
}

func TestPatternsOfAHostDirectory(t *testing.T) {
	for _, c := range []struct{ given, want []string }{
		{[]string{"a/", "./b", "c//d", "!./e/"}, []string{"a", "b", "c/d", "!e"}},
		{[]string{".", "!."}, []string{"*", "!*"}},
		{[]string{"", "/a", "../a", "a/../../b", "!/a"}, nil},
		{[]string{"**/x", "a/../b"}, []string{"**/x", "b"}},
	} {
		if got := local(c.given); !slices.Equal(got, c.want) {
			t.Errorf("local(%q) = %q, want %q", c.given, got, c.want)
		}
	}
}

// Folders that are copied to the target of a link are left out of the copy around them, by name and not as a pattern.
func TestCopyAroundLinks(t *testing.T) {
	c := dirCopy{info: &llb.CopyInfo{ExcludePatterns: []string{"x"}}}
	linked := []string{"a", "a/b*", "ab", "c/[d]"}
	for folder, want := range map[string][]string{
		"":     {"x", "a", `a/b\*`, "ab", `c/\[d\]`},
		"a":    {"x", `b\*`},
		"a/b*": {"x"},
		"ab":   {"x"},
	} {
		if got := c.without(folder, linked).ExcludePatterns; !slices.Equal(got, want) {
			t.Errorf("without %q: %q, want %q", folder, got, want)
		}
	}
	if !slices.Equal(c.info.ExcludePatterns, []string{"x"}) {
		t.Errorf("the filter itself became %q", c.info.ExcludePatterns)
	}
}
