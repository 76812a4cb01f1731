package docs

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/target"
)

// generated is the file that Mage writes while it compiles. Tests of other packages may run Mage at the same time.
const generated = "mage_output_file.go"

// targets are the targets that mage finds: those of magefiles/targets.
func targets(t *testing.T) *target.Set {
	t.Helper()
	files := os.DirFS(root)
	var names []string
	for _, pattern := range []string{"go.mod", "magefiles/*.go", "magefiles/targets/*.go"} {
		found, err := fs.Glob(files, pattern)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, found...)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return path.Base(name) == generated })
	found, err := target.Read(validate.NewTree(files, names))
	if err != nil {
		t.Fatal(err)
	}
	if len(found.All()) < 5 {
		t.Fatalf("only %d targets were found", len(found.All()))
	}
	return found
}

// The two ways in which pages name targets: on a mage command line, or as NAMESPACE:TARGET in code.
var (
	mageCommand = regexp.MustCompile("go tool mage (?:-[vh] )?([a-z]+(?::[a-z]+)?)")
	inCode      = regexp.MustCompile("`([a-z]+:[a-z]+)[ `]")
	noTarget    = regexp.MustCompile(`^(?:gitleaks:allow|mage:(?:import|multiline)|(?:read|write):[a-z]+)$`) // the last ones are scopes of the forge's tokens
)

func TestNamedTargetsExist(t *testing.T) {
	known := targets(t)
	named := 0
	for _, p := range append(pages(t), read(t, "README.md")) {
		for _, m := range append(mageCommand.FindAllStringSubmatch(p.text, -1), inCode.FindAllStringSubmatch(p.text, -1)...) {
			named++
			if _, ok := known.Find(m[1]); !ok && !noTarget.MatchString(m[1]) {
				t.Errorf("%s: mage has no target %s", p.path, m[1])
			}
		}
	}
	if named < 10 {
		t.Errorf("only %d targets are named", named)
	}
}

var flagCell = regexp.MustCompile("(?m)^\\| `-([a-z]+)=?`")

func TestTargetsAndTheirFlagsAreDescribed(t *testing.T) {
	reference := read(t, "docs/reference/targets.md")
	for _, of := range targets(t).All() {
		heading := "## " + of.Name
		for _, p := range of.Positional {
			heading += " " + strings.ToUpper(p.Name)
		}
		var want, got []string
		for _, p := range of.Flags {
			want = append(want, p.Name)
		}
		for _, m := range flagCell.FindAllStringSubmatch(reference.section(t, heading), -1) {
			got = append(got, m[1])
		}
		if !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) {
			t.Errorf("%s: %s is described with the flags %v, and has %v", reference.path, of.Name, got, want)
		}
	}
}
