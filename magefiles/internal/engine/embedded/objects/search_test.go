package objects

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSearchIsThatOfGrep compares lines, their numbers and the places of matches with those of grep.
func TestSearchIsThatOfGrep(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	for range 40 {
		var text strings.Builder
		for range rand.IntN(30) {
			for range rand.IntN(8) {
				text.WriteString([]string{"a", "b", "ab", " ", ".", "A", "ü"}[rand.IntN(7)])
			}
			if rand.IntN(20) > 0 {
				text.WriteString("\n")
			}
		}
		if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, pattern := range []string{"a", "ab+", "^a", "b$", "[^a]b", "a.b", "(a|b){2}", `\.`, "A|ü"} {
			s := searching{expression: regexp.MustCompile("(?m:" + pattern + ")")}
			var lines, parts strings.Builder
			for _, r := range s.in("file", []byte(text.String()), nil) {
				fmt.Fprintf(&lines, "%d:%d:%s\n", r.line, r.offset, strings.TrimSuffix(r.lines, "\n"))
				for _, m := range r.submatches {
					fmt.Fprintf(&parts, "%d:%d:%s\n", r.line, r.offset+m.start, m.text)
					if r.lines[m.start:m.end] != m.text {
						t.Errorf("%q is not at %d-%d of %q", m.text, m.start, m.end, r.lines)
					}
				}
			}
			if want := grep(t, "-nbE", pattern, file); lines.String() != want {
				t.Errorf("%q in %q: lines\n%swant\n%s", pattern, text.String(), &lines, want)
			}
			if want := grep(t, "-nboE", pattern, file); parts.String() != want {
				t.Errorf("%q in %q: matches\n%swant\n%s", pattern, text.String(), &parts, want)
			}
		}
	}
}

func grep(t *testing.T, options, pattern, file string) string {
	t.Helper()
	cmd := exec.Command("grep", options, "-e", pattern, file)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	out, err := cmd.Output()
	if err != nil && cmd.ProcessState.ExitCode() != 1 {
		t.Fatal(err)
	}
	return string(out)
}

func TestSearchOverSeveralLines(t *testing.T) {
	const text = "one\ntwo a\na three\nfour\na\n"
	s := searching{expression: regexp.MustCompile(`(?m:a\n\S)`), multiline: true}
	var got []string
	for _, r := range s.in("f", []byte(text), nil) {
		got = append(got, fmt.Sprintf("%d %d %q %v", r.line, r.offset, r.lines, r.submatches))
	}
	want := `[2 4 "two a\na three\n" [{a` + "\n" + `a 4 7}]]`
	if fmt.Sprint(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func FuzzSearch(f *testing.F) {
	f.Add("a\nb\n", "a|b", true)
	f.Fuzz(func(t *testing.T, text, pattern string, multiline bool) {
		e, err := regexp.Compile("(?m:" + pattern + ")")
		if err != nil {
			return
		}
		for _, r := range (searching{expression: e, multiline: multiline}).in("f", []byte(text), nil) {
			if text[r.offset:r.offset+len(r.lines)] != r.lines || r.line != 1+strings.Count(text[:r.offset], "\n") {
				t.Errorf("%+v is not in the text", r)
			}
			for _, m := range r.submatches {
				if r.lines[m.start:m.end] != m.text {
					t.Errorf("%+v: %+v is not in the lines", r, m)
				}
			}
		}
	})
}
