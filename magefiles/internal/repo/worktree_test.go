package repo

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

// TestMissingOfOddNames has a shell parse the advice: the path is one word. The message stays on one line.
func TestMissingOfOddNames(t *testing.T) {
	for _, name := range []string{"app/sub", "my sub", "it's", "a$HOME`id`\"\\", "new\nline"} {
		missing := missingSubmodule(name, plumbing.ZeroHash)
		command, ok := strings.CutPrefix(missing.Hint(), "get it with: git submodule ")
		out, err := exec.Command("sh", "-c", `git() { shift 4; printf "%s|" "$@"; }; git `+command).Output()
		if !ok || err != nil || string(out) != name+"|" {
			t.Errorf("%q: %s is read as %q, %v", name, missing.Hint(), out, err)
		}
		if strings.Contains(missing.Error(), "\n") {
			t.Errorf("%q", missing.Error())
		}
	}
}

// TestAbsentSubmodules compares with git submodule status, which marks them with a minus.
func TestAbsentSubmodules(t *testing.T) {
	lib, c := newClone(t), newClone(t)
	lib.write("f", "lib")
	lib.commit("lib")
	for _, at := range []string{"a/one", "a/two", "b"} {
		c.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", lib.dir, at)
	}
	c.commit("subs")
	for _, absent := range [][]string{nil, {"a/two"}, {"a/one", "b"}} {
		if absent != nil {
			c.git(append([]string{"submodule", "--quiet", "deinit", "--force"}, absent...)...)
		}
		for _, below := range []string{".", "a", "a/one"} {
			var want []string
			for line := range strings.Lines(c.git("submodule", "status")) {
				if fields := strings.Fields(line); strings.HasPrefix(line, "-") && (below == "." || within(fields[1], below)) {
					want = append(want, fields[1])
				}
			}
			found, err := c.open().AbsentSubmodules(below)
			must(t, err)
			var got []string
			for _, one := range found {
				got = append(got, one.Path)
			}
			if !slices.Equal(got, want) {
				t.Errorf("below %s: %q, git says %q", below, got, want)
			}
			files, err := c.open().WorkTree(os.DirFS(c.dir), below)
			must(t, err)
			for _, name := range want {
				var missing *MissingError
				if _, err := fs.ReadDir(files, name); !errors.As(err, &missing) || missing.Path != name {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	}
}
