package cijobs_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/cijobs"
)

// failing is a module whose tests fail in every way.
const failing = `
-- go.mod --
module example.org/shop

go 1.26
-- good/good_test.go --
package good

import "testing"

func TestGood(t *testing.T) { println("--- FAIL: TestNot (0.00s)") }
-- wrong/wrong_test.go --
package wrong

import "testing"

func TestFirst(t *testing.T) {
	t.Log("before")
	t.Error("one is two")
}

func TestTable(t *testing.T) {
	t.Run("good", func(*testing.T) {})
	t.Run("bad row", func(t *testing.T) { t.Fatal("three is four") })
}

func TestSilent(t *testing.T) { t.Fail() }
-- panics/panics_test.go --
package panics

import "testing"

func TestPanics(*testing.T) { panic("lost") }
-- exits/exits_test.go --
package exits

import (
	"os"
	"testing"
)

func TestMain(*testing.M) { os.Exit(3) }
-- typo/typo.go --
package typo

var A int = "a"
-- typo/typo_test.go --
package typo

import "testing"

func TestTypo(*testing.T) {}
-- outer/outer_test.go --
package outer_test

import "testing"

func TestOuter(*testing.T) { missing() }
-- empty/empty.go --
package empty
`

// TestTestLog reads the output of the real go command.
func TestTestLog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, f := range txtar.Parse([]byte(failing)).Files {
		file := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var whole bytes.Buffer
	log := &cijobs.TestLog{To: &whole}
	cmd := exec.CommandContext(t.Context(), "go", "test", "./...")
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off"), log, log
	if err := cmd.Run(); err == nil {
		t.Fatalf("the tests pass:\n%s", whole.String())
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	got := slices.Sorted(slices.Values(log.Findings()))
	want := []string{
		"example.org/shop/exits",
		"example.org/shop/outer: outer/outer_test.go:5:30: undefined: missing: [build failed]",
		"example.org/shop/panics: TestPanics: panic: lost [recovered, repanicked]",
		"example.org/shop/typo: typo/typo.go:3:13: cannot use \"a\" (untyped string constant) as int value in variable declaration: [build failed]",
		"example.org/shop/wrong: TestFirst: wrong_test.go:6: before",
		"example.org/shop/wrong: TestSilent",
		"example.org/shop/wrong: TestTable/bad_row: wrong_test.go:12: three is four",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s\nof\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"), whole.String())
	}
	if log.Last() != "FAIL" {
		t.Errorf("the last line is %q", log.Last())
	}
}

// Other tests than Go's give their last line.
func TestTestLogOfOthers(t *testing.T) {
	t.Parallel()
	log := &cijobs.TestLog{To: io.Discard}
	for _, piece := range []string{"3 pas", "sed, 1 fai", "led\n", "\n  \n"} {
		if _, err := io.WriteString(log, piece); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil || len(log.Findings()) > 0 || log.Last() != "3 passed, 1 failed" {
		t.Errorf("%v, %q, %q", err, log.Findings(), log.Last())
	}
}

// All output is passed on; the result does not depend on where the output is cut, and is bounded.
func FuzzTestLog(f *testing.F) {
	f.Add("--- FAIL: TestA (0.00s)\n    a_test.go:1: no\nFAIL\nFAIL\texample.org/a\t0.1s\n", 7)
	f.Add("# example.org/b [example.org/b.test]\n./b.go:1:2: no\nFAIL\texample.org/b [build failed]\n", 40)
	f.Add("panic: x\n"+strings.Repeat("a", 5000)+"\nok  \ta\t1s", 5003)
	f.Fuzz(func(t *testing.T, text string, at int) {
		at = max(0, min(at, len(text)))
		var whole bytes.Buffer
		cut, once := &cijobs.TestLog{To: &whole}, &cijobs.TestLog{To: io.Discard}
		for log, pieces := range map[*cijobs.TestLog][]string{cut: {text[:at], text[at:]}, once: {text}} {
			for _, p := range pieces {
				if n, err := io.WriteString(log, p); n != len(p) || err != nil {
					t.Fatal(n, err)
				}
			}
			if err := log.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if whole.String() != text {
			t.Errorf("passed on %q", whole.String())
		}
		if !slices.Equal(cut.Findings(), once.Findings()) || cut.Last() != once.Last() || len(cut.Findings()) > 1000 {
			t.Errorf("cut at %d: %q, %q; whole: %q, %q", at, cut.Findings(), cut.Last(), once.Findings(), once.Last())
		}
		for _, finding := range once.Findings() {
			if strings.Contains(finding, "\n") {
				t.Errorf("a finding has two lines: %q", finding)
			}
		}
	})
}
