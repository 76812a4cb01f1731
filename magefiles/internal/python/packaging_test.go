package python_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/python"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// verdict is the answer of packaging.
type verdict struct {
	Versions []*struct {
		Normal  string
		Preview bool
		Local   string
	}
	Order []int
	Names []*string
}

// packaging asks the library. It is Debian's, for Debian's Python.
func packaging(t *testing.T, versions, names []string) (said verdict) {
	t.Helper()
	const interpreter = "/usr/bin/python3"
	if _, err := os.Stat(interpreter); err != nil || exec.Command(interpreter, "-c", "import packaging").Run() != nil {
		testenv.Missing(t, "Python's packaging is missing: apt-get install python3-packaging")
	}
	asked, err := json.Marshal(map[string]any{"versions": versions, "names": names})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(interpreter, "testdata/authority.py")
	cmd.Stdin = bytes.NewReader(asked)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &said)
	}
	if err != nil || len(said.Versions) != len(versions) || len(said.Names) != len(names) {
		t.Fatalf("packaging: %v\n%s", err, &errs)
	}
	return said
}

// pieces are joined to texts that often are versions, and often nearly.
var (
	versionPieces = strings.Split("0|1|2|01|10|007|99999999999999999999|.|.|.|-|_|!|+|a|alpha|b|beta|c|rc|pre|preview|post|rev|r|dev|v|x|A|RC|Dev|POST| |\n|*|1.|.1|2!|.post1|.dev2|rc1|a0|+local|+ab.1|-1|1.0|1.0.0", "|")
	namePieces    = strings.Split("a|b|Z|0|9|-|_|.|--|-_.|my|pkg|X1", "|")
)

func joined(random *rand.Rand, pieces []string, most int) string {
	text := ""
	for range 1 + random.IntN(most) {
		text += pieces[random.IntN(len(pieces))]
	}
	return text
}

// TestPackaging compares names and versions with the library packaging.
func TestPackaging(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2)) // the same texts in each run
	versions := []string{"1.0", "1.0.0", "1", "1.0a1", "1.0.dev1", "1.0a1.dev1", "1.0.post1", "1.0.post1.dev1", "1.0+a", "1.0+1", "1.0+1.a", "1!0", "v1.0", "1.0-1", "1.0c1", ""}
	for range 40_000 {
		versions = append(versions, "1"+joined(random, versionPieces, 3), joined(random, versionPieces, 7))
	}
	var names []string
	for range 5_000 {
		names = append(names, joined(random, namePieces, 6))
	}
	said := packaging(t, versions, names)
	var before *python.Version
	order, valid := said.Order, 0
	for i, text := range versions {
		v, err := python.ParseVersion(text)
		want := said.Versions[i]
		if (err == nil) != (want != nil) {
			t.Errorf("version %q: %v, packaging says %v", text, err, want)
		}
		if err != nil || want == nil {
			before = nil
			continue
		}
		valid++
		if v.String() != want.Normal || v.IsPreview() != want.Preview || v.Local() != want.Local {
			t.Errorf("version %q: %s, %t, %s; packaging says %+v", text, v, v.IsPreview(), v.Local(), want)
		}
		if before != nil {
			if got := before.Compare(v); got != order[0] {
				t.Errorf("%s and %s: %d, packaging says %d", before, v, got, order[0])
			}
			order = order[1:]
		}
		before = &v
	}
	if valid < 10_000 || len(order) != 0 {
		t.Errorf("%d valid versions, %d pairs not compared", valid, len(order))
	}
	valid = 0
	for i, text := range names {
		name, err := python.ParseName(text)
		want := said.Names[i]
		if strings.HasSuffix(text, "_") && want != nil { // as a requirement packaging 23 accepts it, although PEP 508 does not
			want = nil
		}
		if (err == nil) != (want != nil) || err == nil && name.Normalized() != *want {
			t.Errorf("name %q: %q, %v; packaging says %v", text, name.Normalized(), err, want != nil)
		}
		if err == nil {
			valid++
		}
	}
	if valid < 1_000 {
		t.Errorf("%d valid names", valid)
	}
}
