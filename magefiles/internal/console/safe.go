package console

import (
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
)

// safe is text as it may be printed: with secrets masked, without what acts on a terminal, and without what the runner of a CI job obeys. The
// order matters. Secrets are masked as they are, for they may hold such characters, and once more when these are gone, for an escape sequence
// in the middle hides a secret. What begins a command is changed last, for it may be part of a secret.
func (c *Console) safe(text string) string {
	return disarm(c.redactor.String(plain.Text(c.redactor.String(text))))
}

// disarm puts a space into what begins a workflow command. Forgejo's and Gitea's runner take ::command:: and ##[command] at the beginning of a
// line, GitHub's also with blanks before the one, and the other anywhere.
func disarm(text string) string {
	text = strings.ReplaceAll(text, "##[", "# #[")
	if !strings.Contains(text, "::") {
		return text
	}
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		if rest := strings.TrimSpace(line); strings.HasPrefix(rest, "::") {
			lines[i] = strings.Replace(line, "::", ": :", 1)
		}
	}
	return strings.Join(lines, "")
}
