package console

import (
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
)

// safe is text that may be printed: secrets are masked, and control sequences of terminals and commands of CI runners are removed. The order
// matters. Secrets are masked first, as they may hold such characters, and again after these are removed, as an escape sequence inside a
// secret hides it. Command prefixes are changed last, as they may be part of a secret.
func (c *Console) safe(text string) string {
	return disarm(c.redactor.String(plain.Text(c.redactor.String(text))))
}

// disarm puts a space into the prefix of a workflow command. Forgejo's and Gitea's runner obey ::command:: and ##[command] at the beginning of
// a line; GitHub's also obeys the first after blanks, and the second anywhere.
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
