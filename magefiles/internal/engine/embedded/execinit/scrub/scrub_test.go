package scrub

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// recorded are the outputs of the scenario secrets/secret_scrub_edge as recorded from Dagger, and outputs that follow from the rule.
var recorded = []struct {
	name, secret, text, want string
}{
	{"one character", "x", "axbxc x\n", "a***b***c ***\n"},
	{"empty", "", "[]\nS=\n", "[]\nS=\n"},
	{"several lines", "line-one\nline-two", "line-one\nline-two\nline-one\nline-two\n", "***\n***\n"},
	{"one of several lines", "line-one\nline-two", "line-two, line-one", "***, ***"},
	{"newline at the end", "tnl-secret\n", "tnl-secret\ntnl-secret\n", "******"},
	{"spaces", "a b c", "a b c\na b c\n", "***\n***\n"},
	{"unicode", "pässwörd", "pässwörd\n", "***\n"},
	{"beginning of a word", "abc", "abcdef\n", "***def\n"},
	{"blank lines are no secret", "key\n \n\nend", "a b\n\nkey", "a b\n\n***"},
	{"carriage returns are not part of a line", "one\r\ntwo\r\n", "[one] [two]", "[***] [***]"},
	{"binary", "\x00\xff\nA", "\x00\xff\nA.\xff", "***.\xff"},
	{"begins again inside", "aab", "aaab aab", "a*** ***"},
}

func TestBytes(t *testing.T) {
	for _, c := range recorded {
		if got := string(NewSet(c.secret).Bytes([]byte(c.text))); got != c.want {
			t.Errorf("%s: %q became %q, want %q", c.name, c.text, got, c.want)
		}
	}
}

func TestLongestOfSeveralWins(t *testing.T) {
	set := NewSet("abc", "abcdef", "cd", "abc")
	for text, want := range map[string]string{"abcdef": "***", "abcde": "***de", "xcdabc": "x******", "ab": "ab"} {
		if got := string(set.Bytes([]byte(text))); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func TestWriterEveryTwoWaySplit(t *testing.T) {
	for _, c := range recorded {
		for cut := range len(c.text) + 1 {
			if got := written(t, NewSet(c.secret), c.text[:cut], c.text[cut:]); got != c.want {
				t.Errorf("%s: %q and %q became %q, want %q", c.name, c.text[:cut], c.text[cut:], got, c.want)
			}
		}
	}
}

func TestWriterHoldsBackOnlyWhatIsOpen(t *testing.T) {
	var out bytes.Buffer
	w := NewSet("secret").Writer(&out)
	for _, step := range []struct{ in, seen string }{
		{"plain ", "plain "}, {"se", "plain "}, {"t sec", "plain set "}, {"ret", "plain set ***"}, {"s", "plain set ***"},
	} {
		if n, err := w.Write([]byte(step.in)); n != len(step.in) || err != nil {
			t.Fatalf("Write(%q) = %d, %v", step.in, n, err)
		}
		if out.String() != step.seen {
			t.Errorf("after %q: %q, want %q", step.in, out.String(), step.seen)
		}
	}
	if err := w.Close(); err != nil || out.String() != "plain set ***s" {
		t.Errorf("Close: %q, %v", out.String(), err)
	}
}

type brokenWriter struct{}

var errBroken = errors.New("broken")

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestWriterReportsTheWriterBehind(t *testing.T) {
	for _, set := range []*Set{NewSet(), NewSet("x")} {
		if _, err := set.Writer(brokenWriter{}).Write([]byte("text")); !errors.Is(err, errBroken) {
			t.Errorf("error = %v, want %v", err, errBroken)
		}
	}
}

// FuzzWriter cuts a text at places that come from the fuzzer, and compares the result with that of the whole text.
func FuzzWriter(f *testing.F) {
	f.Add("abc\ndef\n", "ab", "xxabc\ndefabx", []byte{1, 3})
	f.Add("aab", "aa", "aaabaab", []byte{1, 1, 1})
	f.Add("x", "", "axbxc", []byte{0})
	f.Fuzz(func(t *testing.T, one, two, text string, cuts []byte) {
		set := NewSet(one, two)
		whole := string(set.Bytes([]byte(text)))
		if got := written(t, set, pieces(text, cuts)...); got != whole {
			t.Fatalf("secrets %q, %q: %q cut at %v became %q, in one piece %q", one, two, text, cuts, got, whole)
		}
		if strings.Contains(one+two, "*") {
			return // the mask itself contains such a secret
		}
		for _, secret := range []string{one, two} {
			if secret != "" && strings.Contains(whole, secret) {
				t.Fatalf("%q is still in %q", secret, whole)
			}
		}
	})
}

func pieces(text string, cuts []byte) []string {
	var list []string
	for _, c := range cuts {
		n := min(int(c), len(text))
		list = append(list, text[:n])
		text = text[n:]
	}
	return append(list, text)
}

func written(t *testing.T, set *Set, parts ...string) string {
	t.Helper()
	var out bytes.Buffer
	w := set.Writer(&out)
	for _, p := range parts {
		if _, err := w.Write([]byte(p)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func BenchmarkWriter(b *testing.B) {
	line := []byte(strings.Repeat("a line of a build's output without any secret in it\n", 600))
	for name, set := range map[string]*Set{"no secret": NewSet(), "one": NewSet("sup3r-secret-value")} {
		b.Run(name, func(b *testing.B) {
			w := set.Writer(new(bytes.Buffer))
			b.SetBytes(int64(len(line)))
			for b.Loop() {
				w.dst.(*bytes.Buffer).Reset()
				if _, err := w.Write(line); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
