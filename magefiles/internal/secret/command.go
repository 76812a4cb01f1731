package secret

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"os/exec"
	"strings"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/procgroup"
)

// command reads with 1Password's own program, op (https://developer.1password.com/docs/cli/reference/commands/read), one call for each reference: op
// inject would read all in one call, but its error names only the first that fails.
type command struct {
	program string
	login   Login
	environ []string
	wait    time.Duration // for one call; opWait if it is 0
}

func (c *command) String() string { return "1Password, op command" }

// ResolveAll implements Vault. The first failure that concerns the account ends it: the others would ask the user for the same fingerprint.
func (c *command) ResolveAll(ctx context.Context, references []string) (map[string]Answer, error) {
	answers := make(map[string]Answer, len(references))
	for _, reference := range references {
		value, err := c.read(ctx, reference)
		if p := (*problem)(nil); err != nil && (!errors.As(err, &p) || p.state == Unreachable) {
			return nil, err
		}
		answers[reference] = Answer{Value: value, Err: err}
	}
	return answers, nil
}

const (
	// opGrace is the time that op has to end after an interrupt.
	opGrace = 2 * time.Second
	// opWait is the time for one call: op waits for the desktop app, which waits for a person.
	opWait = 2 * time.Minute
)

func (c *command) read(whole context.Context, reference string) (string, error) {
	wait := cmp.Or(c.wait, opWait)
	ctx, cancel := context.WithTimeout(whole, wait)
	defer cancel()
	args := []string{"read", "--no-newline"}
	if c.login.Account != "" && c.login.Token.IsZero() {
		args = append(args, "--account", c.login.Account)
	}
	cmd := exec.CommandContext(ctx, c.program, append(args, "--", reference)...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Env = &out, &said, c.environ
	if !c.login.Token.IsZero() {
		cmd.Env = append(cmd.Env[:len(cmd.Env):len(cmd.Env)], TokenVariable+"="+c.login.Token.Reveal())
	}
	err := procgroup.Run(ctx, cmd, opGrace)
	switch {
	case whole.Err() != nil:
		return "", context.Cause(whole)
	case ctx.Err() != nil:
		return "", problemf(Unreachable, "unlock 1Password, or run `op signin`", "the op command did not answer in %v", wait)
	case err != nil:
		return "", opProblem(said.String(), err)
	}
	return out.String(), nil
}

// The texts of op that concern one reference, and the reason as the SDK names it.
var opTexts = []struct{ text, reason string }{
	{"isn't a vault", "vaultNotFound"},
	{"isn't an item", "itemNotFound"},
	{"does not have a section", "noMatchingSections"},
	{"section does not exist", "noMatchingSections"},
	{"does not have a field", "fieldNotFound"},
	{"could not find field", "fieldNotFound"},
	{"More than one vault matches", "tooManyVaults"},
	{"More than one item matches", "tooManyItems"},
	{"more than one field", "tooManyMatchingFields"},
}

// The texts of op that concern the account.
var opAccount = []string{
	"signed in", "sign in", "No accounts configured", "No account found", "found no accounts", "authorization", "Authorization", "authentication required",
	"connecting to desktop app", "Service Account", "service account", "rate limit", "rate-limit", "Too many requests",
}

// opProblem explains the end of op. What it says holds no value of a secret.
func opProblem(said string, err error) error {
	for _, known := range opTexts {
		if strings.Contains(said, known.text) {
			return refusal(known.reason)
		}
	}
	text := opLine(said)
	if text == "" {
		text = err.Error()
	}
	for _, part := range opAccount {
		if strings.Contains(said, part) {
			return problemf(Unreachable, "run `op signin`, or set "+TokenVariable, "the op command: %s", text)
		}
	}
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) {
		return problemf(Unreachable, "check that "+"`op --version` works", "the op command: %s", text)
	}
	return problemf(Unreadable, "", "the op command: %s", text)
}

// opLine is the first line of what op says, without `[ERROR] DATE TIME`.
func opLine(said string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(said), "\n")
	if rest, is := strings.CutPrefix(line, "[ERROR] "); is {
		line = rest
		if words := strings.SplitN(rest, " ", 3); len(words) == 3 {
			line = words[2]
		}
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, line)
}
