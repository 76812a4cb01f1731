package pages

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
)

// example is a shell block of a page, and what the page shows that it prints; "" if it shows nothing.
type example struct{ script, shows string }

// fenced is a code block: its language, its text.
var fenced = regexp.MustCompile("(?ms)^```([a-z]+)\n(.*?)^```$")

// examples are the shell blocks of a page after a heading. What one prints is shown by a block that follows at once and is none of a shell.
func examples(t *testing.T, page, heading string) (all []example) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(e2etest.Root(), filepath.FromSlash(page)))
	if err != nil {
		t.Fatal(err)
	}
	_, from, ok := strings.Cut(string(text), heading)
	if !ok {
		t.Fatalf("%s has no %q", page, heading)
	}
	for rest, after := from, false; ; {
		at := fenced.FindStringSubmatchIndex(rest)
		if at == nil {
			break
		}
		language, text := rest[at[2]:at[3]], rest[at[4]:at[5]]
		switch {
		case language == "sh":
			all = append(all, example{script: text})
		case after && strings.TrimSpace(rest[:at[0]]) == "":
			all[len(all)-1].shows = text
		}
		rest, after = rest[at[1]:], language == "sh"
	}
	if len(all) == 0 {
		t.Fatalf("%s has no shell block after %q", page, heading)
	}
	return all
}

// refusal tells whether the page shows an error.
func (e example) refusal() bool { return strings.HasPrefix(e.shows, "Error: ") }

// mark ends what a block prints.
const mark = "\x1e\n"

// script is all of the blocks for one shell, so that what one sets, the next one has.
func script(all []example) string {
	var text strings.Builder
	for _, e := range all {
		if e.refusal() {
			fmt.Fprintf(&text, "if\n%sthen echo 'this was to be refused' >&2; exit 1; fi\n", e.script)
		} else {
			text.WriteString(e.script)
		}
		text.WriteString("printf '\\036\\n'; printf '\\036\\n' >&2\n")
	}
	return text.String()
}

// follow does in a folder what a page says, and compares what is printed with what it shows.
func follow(w *e2etest.Workspace, dir, page string, all []example) {
	w.T.Helper()
	env := e2etest.Environ{}
	for name, value := range w.Env {
		env[name] = value
	}
	env["PATH"] = w.Shims() + string(filepath.ListSeparator) + env["PATH"]
	cmd := exec.CommandContext(w.T.Context(), "sh", "-eu", "-c", script(all))
	cmd.Dir, cmd.Env = dir, env.List()
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	stdouts, stderrs := strings.Split(string(out), mark), strings.Split(stderr.String(), mark)
	for i, e := range all[:min(len(all), len(stdouts)-1, len(stderrs)-1)] {
		if e.shows != "" && !e.prints(stdouts[i], stderrs[i]) {
			w.T.Errorf("%s: this prints something else than is shown:\n%s\nshown:\n%s\nstdout:\n%s\nstderr:\n%s", page, e.script, e.shows, stdouts[i], stderrs[i])
		}
	}
	if err != nil {
		at := min(len(all), len(stdouts)) - 1
		w.T.Fatalf("%s: %v in\n%s\nstdout:\n%s\nstderr:\n%s", page, err, all[at].script, stdouts[len(stdouts)-1], stderrs[len(stderrs)-1])
	}
}

// prints tells whether a block has printed what is shown: to stdout, and nothing else there; or somewhere on stderr.
func (e example) prints(stdout, stderr string) bool {
	pattern := shownAs(e.shows)
	return regexp.MustCompile(`\A`+pattern+`\s*\z`).MatchString(stdout) || regexp.MustCompile(`(?m)^`+pattern).MatchString(stderr)
}

// changing is what differs from run to run: what a page leaves out, ports of this machine, digests and commits, times.
var changing = regexp.MustCompile(`…|127\.0\.0\.1:[0-9]+|[0-9a-f]{7,64}…?|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]+Z|[ \t]+`)

// shownAs is an expression for what a page shows. The number of spaces between words does not count.
func shownAs(shown string) string {
	shown = strings.TrimSpace(shown)
	var text strings.Builder
	last := 0
	for _, at := range changing.FindAllStringIndex(shown, -1) {
		text.WriteString(regexp.QuoteMeta(shown[last:at[0]]))
		switch what := shown[at[0]:at[1]]; {
		case what == "…":
			text.WriteString(`.*`)
		case strings.HasPrefix(what, "127."):
			text.WriteString(`127\.0\.0\.1:[0-9]+`)
		case strings.HasSuffix(what, "Z"):
			text.WriteString(`[0-9TZ:-]+`)
		case strings.TrimSpace(what) == "":
			text.WriteString(`[ \t]+`)
		default:
			text.WriteString(`[0-9a-f]+…?`)
		}
		last = at[1]
	}
	return strings.ReplaceAll(text.String()+regexp.QuoteMeta(shown[last:]), "\n", `\s*\n`)
}

func TestShownAs(t *testing.T) {
	shown := "NAME  AT\nx  127.0.0.1:5000/x:v1@sha256:d13d00e0…\n…\nrevision a867951b…, created 2026-11-21T22:01:27Z\n"
	for said, want := range map[string]bool{
		"NAME   AT\nx      127.0.0.1:41/x:v1@sha256:" + strings.Repeat("0a", 32) + "\nanything\nrevision 0bd0ef58…, created 2026-02-03T04:05:06Z\n": true,
		"NAME   AT\nx      127.0.0.1:41/x:v2@sha256:" + strings.Repeat("0a", 32) + "\nanything\nrevision 0bd0ef58…, created 2026-02-03T04:05:06Z\n": false,
		"NAME   AT\nx      127.0.0.2:41/x:v1@sha256:" + strings.Repeat("0a", 32) + "\nanything\nrevision 0bd0ef58…, created 2026-02-03T04:05:06Z\n": false,
		"": false,
	} {
		if got := (example{shows: shown}).prints(said, ""); got != want {
			t.Errorf("%q: %v", said, got)
		}
		if got := (example{shows: shown}).prints("", "before\n"+said+"after\n"); got != want {
			t.Errorf("%q on stderr: %v", said, got)
		}
		if (example{shows: shown}).prints(said+"more\n", "") {
			t.Errorf("%q and more of it", said)
		}
	}
}
