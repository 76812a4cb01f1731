package console

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
)

// obeyed matches the lines that runners take for commands. Forgejo's, Gitea's and act's: commandPatternGA and commandPatternADO of act/runner/command.go.
// GitHub's: ActionCommand.TryParseV2 trims the beginning, TryParse looks for ##[ anywhere.
var obeyed = []*regexp.Regexp{
	regexp.MustCompile(`^::([^ ]+)( (.+))?::([^\r\n]*)[\r\n]*$`),
	regexp.MustCompile(`^##\[([^ ]+)( (.+))?]([^\r\n]*)[\r\n]*$`),
	regexp.MustCompile(`^\s*::.*::`),
	regexp.MustCompile(`##\[.*\]`),
}

func commandsIn(text string) (found []string) {
	for line := range strings.Lines(text) {
		for _, pattern := range obeyed {
			if pattern.MatchString(line) {
				found = append(found, line)
			}
		}
	}
	return found
}

// foreign are texts that a folder's name, an archive's entry, a compiler or a build step may contain.
var foreign = []string{
	"a\n::add-mask::x",
	"containers/a\r\n::stop-commands::t\x1b[2J\x1b]0;title\x07: holds no image",
	"::error file=x,line=1::msg:3:2: undefined: f",
	"  \t::warning::indented",
	"x\n##[error]y and ##[add-mask]z",
	"a\u2028::error::b\u0085::error::c\v::error::d",
	"\x1b[0m::error::hidden by a sequence", "\u200b::error::hidden by a space without width", "\x00::error::x", ":\x1b[m:error::x", "#\x07#[error]x",
	"turned \u202eround\u2066 and \u200fback\u061c",
}

// No function of this package prints a line of foreign text as a command to the runner of a CI job, or a control sequence of
// terminals.
func TestForeignTextIsNoCommand(t *testing.T) {
	for _, text := range foreign {
		c, stdout, stderr := quietly(Options{Verbose: true})
		if err := c.Result(text); err != nil {
			t.Fatal(err)
		}
		c.Note(text)
		c.Detail(text)
		c.Warn(text)
		if err := c.JSON(map[string]string{text: text}); err != nil {
			t.Fatal(err)
		}
		v, err := c.View(text, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, aloud := range []bool{false, true} {
			v.Event(Event{Step: text, Name: text, State: Started})
			v.Event(Event{Step: text, State: Log, Stream: 1, Data: []byte(text + "\n"), Aloud: aloud})
			v.Event(Event{Step: text, State: Failed, Err: text})
		}
		v.Finish(errors.New(text))
		exit := "Error: " + c.Exit(t.Context(), errors.New(text)).Error()
		for place, printed := range map[string]string{"stdout": stdout.String(), "stderr": stderr.String(), "the error": exit} {
			if found := commandsIn(printed); len(found) > 0 {
				t.Errorf("%q: %s has the commands %q", text, place, found)
			}
			if plain.Text(printed) != printed {
				t.Errorf("%q: %s acts on a terminal: %q", text, place, printed)
			}
		}
	}
}

// Our own commands are commands, and the text quoted in them is not.
func TestCommands(t *testing.T) {
	c, stdout, _ := quietly(Options{})
	c.Redactor().Learn("hunter2-horse")
	if err := c.Commands("::error file=a::hunter2-\x1b[0mhorse\n::error::b\n"); err != nil {
		t.Fatal(err)
	}
	if got, want := stdout.String(), "::error file=a::***\n::error::b\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if n := len(commandsIn(stdout.String())); n < 2 {
		t.Errorf("%d commands", n)
	}
}

// FuzzEscapesHideNoSecret inserts sequences that the reader does not see into a secret: it must still be masked, whether it is written as a whole
// or in pieces.
func FuzzEscapesHideNoSecret(f *testing.F) {
	f.Add("hunter2-horse", "\x1b[31m", 3, 4)
	f.Add("hunter2-horse", "\x1b]0;t\x07", 6, 1)
	f.Add("##[error]secret", "\u200b", 2, 2)
	f.Add("::add-mask::secret", "\x07", 1, 7)
	f.Add("c4n/ry+\"<q&uote>", "\u202e", 8, 3)
	f.Add("hunter2-horse", "\u009b0m", 12, 5)
	f.Add("hunter2-horse", "\x00", 1, 9)
	f.Add("täst-secret", "\x1b(B", 2, 1)
	f.Fuzz(func(t *testing.T, secret, inserted string, at, size int) {
		secret = strings.TrimSpace(plain.Line(secret))
		if len(secret) < minSecret || strings.Contains(secret, "*") || strings.Contains(secret, ": :") || strings.Contains(secret, "# #[") || plain.Text(inserted) != "" {
			t.Skip() // too short for a secret, text of masks and disarmed commands, or visible to the reader
		}
		runes := []rune(secret)
		cut := len(string(runes[:min(max(at, 0), len(runes))]))
		text := "so: " + secret[:cut] + inserted + secret[cut:] + " it was"
		if !strings.Contains(plain.Text(text), secret) {
			t.Skip() // a sequence that removes a part of the secret
		}
		c, stdout, stderr := quietly(Options{Verbose: true})
		c.Redactor().Learn(secret)
		if err := c.Result(text); err != nil {
			t.Fatal(err)
		}
		c.Warn(text)
		v, err := c.View("x", "")
		if err != nil {
			t.Fatal(err)
		}
		v.Event(Event{Step: text, State: Started})
		for rest := []byte(text + "\n"); len(rest) > 0; {
			n := min(max(size, 1), len(rest))
			v.Event(Event{Step: text, State: Log, Stream: 1, Data: bytes.Clone(rest[:n])})
			rest = rest[n:]
		}
		v.Event(Event{Step: text, State: Failed, Err: text})
		v.Finish(errors.New(text))
		said := stdout.String() + stderr.String() + c.Exit(t.Context(), errors.New(text)).Error()
		if strings.Contains(plain.Text(said), secret) {
			t.Errorf("%q hides %q: %q", inserted, secret, said)
		}
	})
}
