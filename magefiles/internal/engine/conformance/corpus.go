package conformance

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

//go:embed corpus-differences.txt
var corpusDifferences string

// Corpus is the built program that replays the random pipelines of testdata/corpus. Its cases are described in its README.
type Corpus struct{ Program string }

// BuildCorpus builds the program into the folder work.
func BuildCorpus(ctx context.Context, testdata, work string) (Corpus, error) {
	program, err := build(ctx, filepath.Join(testdata, "diffgen"), work)
	if err != nil {
		return Corpus{}, fmt.Errorf("build the program of the corpus: %w", err)
	}
	return Corpus{program}, nil
}

// Replay runs the cases in a folder against the session program. Output that is not a result goes to log.
func (c Corpus) Replay(ctx context.Context, session, cases string, environ []string, log io.Writer) (CorpusResults, error) {
	var text bytes.Buffer
	cmd := Harness{Program: c.Program}.command(ctx, session, environ, "replay", "-dir", cases)
	cmd.Stdout, cmd.Stderr = &text, log
	// Exit status 1 means that something differs. The output has the details.
	if err := cmd.Run(); err != nil && !exitedWith(err, 1) {
		return CorpusResults{}, fmt.Errorf("replay the corpus: %w\n%s", err, text.Bytes())
	}
	return parseCorpus(&text)
}

// Pairs runs pairs of almost equal random pipelines against the session program, on two empty states of the engine. One state runs them in order,
// the other in reverse, so that each pipeline comes first once. Both must see the same. The output lists the differences, and the pipelines that
// differ are written to a folder.
func (c Corpus) Pairs(ctx context.Context, session string, states [2]string, seed, count int, environ []string, found string) (string, error) {
	out, err := Harness{Program: c.Program}.command(ctx, session, environ, "pairs", "-states", states[0]+","+states[1],
		"-seed", strconv.Itoa(seed), "-count", strconv.Itoa(count), "-out", found).CombinedOutput()
	return string(out), err
}

// CorpusResults are the cases by result.
type CorpusResults struct {
	Same      []string
	Text      map[string]string // differences in the text of an error only, by case
	Differing map[string]string // other differences, by case
}

// parseCorpus reads lines "NAME.json same" and "NAME.json different: WHERE, CLASS", each difference with lines that are indented.
func parseCorpus(output io.Reader) (CorpusResults, error) {
	r := CorpusResults{Text: map[string]string{}, Differing: map[string]string{}}
	lines := bufio.NewScanner(output)
	lines.Buffer(nil, longestLine)
	last, in := "", r.Differing
	for lines.Scan() {
		line := lines.Text()
		name, rest, found := strings.Cut(line, ".json ")
		switch {
		case found && rest == "same":
			r.Same = append(r.Same, name)
		case found && strings.HasPrefix(rest, "different: "):
			if last, in = name, r.Differing; strings.HasSuffix(rest, ": message") {
				in = r.Text
			}
			in[name] = rest
		case strings.HasPrefix(line, " ") && last != "":
			in[last] += "\n" + line
		default:
			last = ""
		}
	}
	return r, lines.Err()
}

// Check compares the results with corpus-differences.txt and returns the mistakes.
func (r CorpusResults) Check() ([]string, error) {
	listed, err := parseCorpusListed(corpusDifferences)
	if err != nil {
		return nil, err
	}
	var wrong []string
	for name, what := range r.Differing {
		if d, ok := listed[name]; !ok || d == textOnly {
			wrong = append(wrong, name+": differs and is not listed\n"+what)
		}
	}
	for name, what := range r.Text {
		switch d, ok := listed[name]; {
		case !ok:
			wrong = append(wrong, name+": an error's text differs and is not listed\n"+what)
		case d == always:
			wrong = append(wrong, name+": listed as a difference, but only an error's text differs now; say \"text\"\n"+what)
		}
	}
	for _, name := range r.Same {
		if d, ok := listed[name]; ok && d != sometimes {
			wrong = append(wrong, name+": listed as a difference, but it is the same now; remove the line")
		}
	}
	return wrong, nil
}

// When and in what a listed case differs.
const (
	always    = ""
	sometimes = " sometimes"
	textOnly  = " text"
)

// corpusLine is "CASE: reason", "CASE sometimes: reason" or "CASE text: reason".
var corpusLine = regexp.MustCompile(`^([0-9]+-[0-9]+)( sometimes| text)?: \S`)

// parseCorpusListed returns the listed cases, with when and in what they differ.
func parseCorpusListed(text string) (map[string]string, error) {
	listed := map[string]string{}
	for n, line := range strings.Split(text, "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		part := corpusLine.FindStringSubmatch(line)
		if part == nil {
			return nil, fmt.Errorf("corpus-differences.txt:%d: %q: expected \"CASE: reason\", \"CASE sometimes: reason\" or \"CASE text: reason\"", n+1, line)
		}
		if _, twice := listed[part[1]]; twice {
			return nil, fmt.Errorf("corpus-differences.txt:%d: %s is listed twice", n+1, part[1])
		}
		listed[part[1]] = part[2]
	}
	return listed, nil
}
