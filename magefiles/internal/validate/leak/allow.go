package leak

import (
	"fmt"
	"strings"

	"github.com/zricethezav/gitleaks/v8/config"
)

// allowsPath says whether one of the lists allows every match in a file with this path.
func allowsPath(lists []*config.Allowlist, name string) bool {
	for _, list := range lists {
		and := list.MatchCondition == config.AllowlistMatchAnd
		if and && (len(list.Regexes) > 0 || len(list.StopWords) > 0 || len(list.Commits) > 0) {
			continue // checked for each match
		}
		if list.PathAllowed(name) {
			return true
		}
	}
	return false
}

// allows says whether one of the lists allows a match. A list of commits allows none: files have no commit.
func allows(lists []*config.Allowlist, name string, f found) bool {
	for _, list := range lists {
		target := f.secret
		switch list.RegexTarget {
		case "match":
			target = f.whole
		case "line":
			target = f.line
		}
		matched := list.RegexAllowed(target)
		stopped, _ := list.ContainsStopWord(f.secret)
		if list.MatchCondition != config.AllowlistMatchAnd {
			if matched || stopped {
				return true
			}
			continue
		}
		if len(list.Commits) == 0 && (len(list.Paths) == 0 || list.PathAllowed(name)) &&
			(len(list.Regexes) == 0 || matched) && (len(list.StopWords) == 0 || stopped) {
			return true
		}
	}
	return false
}

// Allow is the comment that allows the matches on its line, followed by the reason.
const Allow = "gitleaks:allow"

// Allowance is the reason in a comment on one of the lines; "" if the comment has no reason.
func Allowance(lines string) (reason string, found bool) {
	_, after, found := strings.Cut(lines, Allow)
	if !found {
		return "", false
	}
	reason, _, _ = strings.Cut(after, "\n")
	for _, end := range []string{"-->", "*/", "#}", "}}"} {
		reason, _, _ = strings.Cut(reason, end)
	}
	return strings.Trim(reason, " \t\r:,;.-–—()\"'`"), true
}

// ignores says whether .gitleaksignore names a match.
func (s *scan) ignores(f found) bool {
	if len(s.ignored) == 0 {
		return false
	}
	line := strings.Count(s.text[:f.start], "\n") + 1
	return s.ignored[fmt.Sprintf("%s:%s:%d", s.name, f.Rule, line)]
}

// ignore reads .gitleaksignore: a fingerprint, FILE:RULE:LINE, on each line, with the reason in a comment above it.
func (s *Scanner) ignore(text string) (problems []Problem) {
	s.ignored = map[string]bool{}
	explained, offset := false, 0
	for line := range strings.Lines(text) {
		entry := strings.TrimSpace(line)
		switch {
		case entry == "":
			explained = false
		case strings.HasPrefix(entry, "#"):
			explained = strings.Trim(entry, "# \t") != ""
		case strings.Count(entry, ":") < 2:
			problems = append(problems, Problem{File: IgnoreFile, Offset: offset, Message: "is not a fingerprint: expected FILE:RULE:LINE"})
		default:
			s.ignored[strings.ReplaceAll(entry, `\`, "/")] = true
			if !explained {
				problems = append(problems, Problem{File: IgnoreFile, Offset: offset, Reason: true, Message: "a fingerprint has no comment with a reason above it"})
			}
		}
		offset += len(line)
	}
	return problems
}
