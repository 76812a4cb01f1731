package docsite

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/frontmatter"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

var (
	came    = time.Date(2024, 5, 6, 7, 8, 9, 0, time.FixedZone("", 2*60*60))
	changed = time.Date(2025, 6, 7, 8, 9, 10, 11, time.UTC)
)

func TestWithDates(t *testing.T) {
	const both = "created: 2024-05-06T05:08:09Z\nmodified: 2025-06-07T08:09:10Z\n"
	for name, c := range map[string]struct{ page, want string }{
		"none":                      {"# Title\n", "---\n" + both + "---\n# Title\n"},
		"empty page":                {"", "---\n" + both + "---\n"},
		"other keys":                {"---\ntitle: A\n---\nB\n", "---\n" + both + "title: A\n---\nB\n"},
		"no keys":                   {"---\n---\nB\n", "---\n" + both + "---\nB\n"},
		"comment":                   {"---\n# x\n---\n", "---\n" + both + "# x\n---\n"},
		"both":                      {"---\ndate: 2020-01-01\nlastmod: 2020-01-02\n---\n", ""},
		"created, which is both":    {"---\ncreated: 2020-01-01\n---\n", ""},
		"date, which is both":       {"---\n\"date\": 2020-01-01\n---\n", ""},
		"modified":                  {"---\nupdated: 2020-01-01\n---\n", "---\ncreated: 2024-05-06T05:08:09Z\nupdated: 2020-01-01\n---\n"},
		"key in a list":             {"---\ntags:\n- date\n---\n", "---\n" + both + "tags:\n- date\n---\n"},
		"key of a part":             {"---\na:\n  date: 1\n---\n", "---\n" + both + "a:\n  date: 1\n---\n"},
		"CRLF":                      {"---\r\ntitle: A\r\n---\r\n", "---\r\n" + strings.ReplaceAll(both, "\n", "\r\n") + "title: A\r\n---\r\n"},
		"dashes inside a text":      {"---\ntitle: a --- b\n---\n", "---\n" + both + "title: a --- b\n---\n"},
		"flow":                      {"---\n{title: A}\n---\n", ""},
		"indented":                  {"---\n  title: A\n---\n", ""},
		"not YAML":                  {"---\n: [\n---\n", ""},
		"not keys":                  {"---\nonly text\n---\n", ""},
		"never ends":                {"---\ntitle: A\n", ""},
		"a rule":                    {"---", ""},
		"a longer rule":             {"-----\ntext\n", ""},
		"TOML":                      {"+++\ntitle = \"A\"\n+++\n", ""},
		"byte order mark":           {"\ufeff---\ntitle: A\n---\n", ""},
		"a key that states nothing": {"---\nmodified:\n---\n", ""},
	} {
		if c.want == "" {
			c.want = c.page
		}
		if got := string(WithDates([]byte(c.page), vcs.Dates{Created: came, Modified: changed})); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, c.want)
		}
	}
	if got := string(WithDates([]byte("x"), vcs.Dates{})); got != "x" {
		t.Errorf("without dates: %q", got)
	}
	if got := string(WithDates([]byte("x"), vcs.Dates{Created: came})); got != "---\ncreated: 2024-05-06T05:08:09Z\n---\nx" {
		t.Errorf("without the second date: %q", got)
	}
}

// FuzzWithDates: in any page, its own text stays, its keys keep their values, and no key is there twice.
func FuzzWithDates(f *testing.F) {
	for _, page := range []string{"", "# A\n", "---\ntitle: A\n---\nB\n", "---\r\ndate: 1\r\n---\r\n", "---\n{a: 1}\n---\n", "+++\n+++\n", "---\n? a\n: b\n---\n", "---\n&a b: *a\n---\n", "---\n--- \n"} {
		f.Add([]byte(page))
	}
	f.Fuzz(func(t *testing.T, page []byte) {
		got := WithDates(page, vcs.Dates{Created: came, Modified: changed})
		if bytes.Equal(got, page) {
			return
		}
		again := WithDates(got, vcs.Dates{Created: changed, Modified: came})
		if !bytes.Equal(again, got) {
			t.Errorf("again:\n%q\nis not\n%q", again, got)
		}
		var before, after map[string]any
		matter := func(text []byte, into *map[string]any) {
			block := frontmatter.Find(string(text))
			if block.Fence != "---" {
				return
			}
			if err := yaml.Unmarshal(text[block.From:block.To], into); block.Closed && err != nil && !strings.Contains(err.Error(), "unmarshal errors") {
				t.Errorf("%q: %v", text, err)
			}
		}
		if _, keys, _ := keysOf(page); keys != nil {
			matter(page, &before)
		}
		matter(got, &after)
		for key, value := range before {
			if s, ok := value.(string); ok && after[key] != s {
				t.Errorf("%s was %q, is %v", key, s, after[key])
			}
		}
	})
}
