package image

import (
	"bufio"
	"bytes"
	"os"
	"strconv"
	"strings"
	"testing"
)

// tagCase is a line of testdata/tags.txt.
type tagCase struct{ ref, name, rest string }

func tagCases(t testing.TB) []tagCase {
	t.Helper()
	text, err := os.ReadFile("testdata/tags.txt")
	if err != nil {
		t.Fatal(err)
	}
	var cases []tagCase
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		line := lines.Text()
		if strings.HasPrefix(line, "#") {
			continue
		}
		quoted, err := strconv.QuotedPrefix(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		ref, _ := strconv.Unquote(quoted)
		name, rest, _ := strings.Cut(strings.TrimSpace(line[len(quoted):]), " ")
		cases = append(cases, tagCase{ref, name, rest})
	}
	long := strings.Repeat("a", 200)
	return append(cases, tagCase{long, "-", "expected NAME"}, tagCase{long + "-v1.0.0", "-", "expected NAME"}, tagCase{"a-v1.0.0-" + long, "-", "longer than 128 characters"},
		tagCase{strings.Repeat("a", maxName) + "-v1.0.0", strings.Repeat("a", maxName), "v1.0.0"})
}

func TestParseTag(t *testing.T) {
	for _, c := range tagCases(t) {
		tag, err := ParseTag(c.ref)
		if c.name == "-" {
			if err == nil {
				t.Errorf("ParseTag(%q) = %v; want it refused", c.ref, tag)
			} else if !strings.Contains(err.Error(), c.rest) || strings.Contains(err.Error(), "\n") {
				t.Errorf("ParseTag(%q): %v; want one line with %q", c.ref, err, c.rest)
			}
			continue
		}
		if err != nil || string(tag.Name) != c.name || tag.Version.String() != c.rest {
			t.Errorf("ParseTag(%q) = %s, %s, %v; want %s, %s", c.ref, tag.Name, tag.Version, err, c.name, c.rest)
		}
	}
}

func TestNewTagOfAChannel(t *testing.T) {
	dev, err := channels.Parse("dev")
	if err != nil {
		t.Fatal(err)
	}
	_, err = NewTag("devpi", dev)
	wantInvalid(t, err, "devpi-dev", "has no release tag")
}

func FuzzParseTag(f *testing.F) {
	for _, c := range tagCases(f) {
		f.Add(c.ref)
	}
	f.Fuzz(func(t *testing.T, ref string) {
		tag, err := ParseTag(ref)
		if err != nil {
			return
		}
		if tag.String() != TagName(ref) || strings.ContainsAny(tag.String(), " '\"`$(){};&|<>\\/\n\r\x00") || tag.Version.IsChannel() {
			t.Errorf("ParseTag(%q) = %q", ref, tag)
		}
		again, err := ParseTag(tagRefs + tag.String())
		if err != nil || again != tag {
			t.Errorf("ParseTag(%q) = %v, and again %v, %v", ref, tag, again, err)
		}
		if _, err := ParseName(string(tag.Name)); err != nil {
			t.Error(err)
		}
		if made, err := NewTag(tag.Name, tag.Version); err != nil || made != tag {
			t.Errorf("NewTag of %v: %v, %v", tag, made, err)
		}
	})
}
