package docs

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

// refusedWord is a word or a character that prose must not use.
type refusedWord struct {
	pattern *regexp.Regexp
	instead string
}

var (
	wordRow = regexp.MustCompile(`(?m)^\| ([^|]+) \| ([^|]+) \|$`)
	letters = regexp.MustCompile(`^[a-z ]+$`)
)

// refusedWords are the words in the glossary's table.
func refusedWords(t *testing.T) (words []refusedWord) {
	t.Helper()
	table := read(t, glossary).section(t, refusedHeading)
	for _, row := range wordRow.FindAllStringSubmatch(table, -1)[1:] { // the first row is the head
		for word := range strings.SplitSeq(row[1], ", ") {
			pattern := regexp.QuoteMeta(word)
			if letters.MatchString(word) {
				pattern = `(?i)\b` + pattern + `\b`
			}
			words = append(words, refusedWord{regexp.MustCompile(pattern), row[2]})
		}
	}
	if len(words) < 20 {
		t.Fatalf("only %d words are refused", len(words))
	}
	return words
}

const (
	glossary       = "docs/reference/glossary.md"
	refusedHeading = "## Words to avoid"
)

func TestPlainWords(t *testing.T) {
	words := refusedWords(t)
	for _, p := range append(append(pages(t), fragments(t)...), read(t, "README.md"), read(t, "CONTRIBUTING.md")) {
		for n, line := range strings.Split(prose(p), "\n") {
			for _, w := range words {
				if found := w.pattern.FindString(line); found != "" {
					t.Errorf("%s:%d: %q is a word to avoid: %s", p.path, n+1, found, w.instead)
				}
			}
		}
	}
}

// fragments are the entries of the next section of the changelog.
func fragments(t *testing.T) (found []page) {
	t.Helper()
	names, err := fs.Glob(os.DirFS(root), path.Join("docs", "changelog.d", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		found = append(found, read(t, name))
	}
	return found
}

var codeSpan = regexp.MustCompile("`[^`\n]*`")

// prose is a page without code and quoted output, and the glossary without its words to avoid. Line numbers stay the same.
func prose(p page) string {
	text := p.text
	if p.path == glossary {
		text, _, _ = strings.Cut(text, refusedHeading)
	}
	lines := strings.Split(text, "\n")
	inCode := false
	for i, line := range lines {
		fence := strings.HasPrefix(strings.TrimLeft(line, " "), "```")
		if inCode || fence || strings.HasPrefix(line, "    ") {
			lines[i] = ""
		}
		inCode = inCode != fence
	}
	return codeSpan.ReplaceAllString(strings.Join(lines, "\n"), "")
}

func TestProse(t *testing.T) {
	p := page{"docs/a.md", "One `want` two.\n```sh\nwhoever\n```\nthree\n\n    mend\n"}
	if got, want := prose(p), "One  two.\n\n\n\nthree\n\n\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
