// Package gitfetch fetches the source of a program from git to this machine, at one commit, with the git command. Engines get the
// folder: the engine does not need the credentials of the user's git.
package gitfetch

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Source is the place of a program's source: a folder, or a commit of a git repository.
type Source struct {
	Dir string // a folder of this machine; "" for git
	URL string // of a git repository
	Ref string // a commit in full, a branch or a tag
}

// Parse reads DIR or URL#REF. A path that contains a '#' and is not a folder is taken for the URL of a local repository.
func Parse(s string) (Source, error) {
	if s == "" {
		return Source{}, invalid(s, "is empty")
	}
	if info, err := os.Stat(s); err == nil && info.IsDir() {
		return Source{Dir: s}, nil
	}
	at := strings.LastIndex(s, "#")
	if at < 0 {
		if isRemote(s) {
			return Source{}, invalid(s, "has no commit: add #COMMIT or #BRANCH")
		}
		return Source{}, invalid(s, "is not a folder")
	}
	src := Source{URL: s[:at], Ref: s[at+1:]}
	return src, src.check(s)
}

// Pinned reports whether every fetch gives the same source.
func (s Source) Pinned() bool { return s.Dir == "" && fullHash.MatchString(s.Ref) }

// String is the text that Parse reads.
func (s Source) String() string {
	if s.Dir != "" {
		return s.Dir
	}
	return s.URL + "#" + s.Ref
}

var (
	fullHash = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
	// refName is stricter than git, so that no command can misread a reference.
	refName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._/+-]*$`)
	scp     = regexp.MustCompile(`^([A-Za-z0-9_.-]+@)?[A-Za-z0-9.-]+:[^:]*$`) // git@host:path
)

// isRemote reports whether git would use another machine, or a URL.
func isRemote(s string) bool { return strings.Contains(s, "://") || scp.MatchString(s) }

// schemes are the schemes that git may use.
var schemes = map[string]bool{"https": true, "http": true, "ssh": true, "git": true, "file": true}

func (s Source) check(given string) error {
	switch {
	case strings.HasPrefix(s.URL, "-") || strings.ContainsFunc(s.URL, invalidInURL) || s.URL == "":
		return invalid(given, "has no URL of a git repository before the #")
	case !refName.MatchString(s.Ref) || strings.Contains(s.Ref, ".."):
		return invalid(given, "has no commit, branch or tag after the #")
	case !strings.Contains(s.URL, "://"):
		if filepath.IsAbs(s.URL) || scp.MatchString(s.URL) {
			return nil
		}
		return invalid(given, "is neither a folder nor a URL with a scheme: use file:///PATH for a repository on this machine")
	}
	u, err := url.Parse(s.URL)
	if err != nil || !schemes[u.Scheme] || u.Opaque != "" {
		return invalid("", "the URL before the # must begin with https, http, ssh, git or file")
	}
	if _, password := u.User.Password(); password || u.User != nil && u.Scheme != "ssh" {
		return invalid("", "the URL contains a user or a password, which other processes can read: store them in git's credential helper")
	}
	return nil
}

// invalidInURL reports whether an address of a repository may not hold a character: blanks, control characters, and
// bytes that are not UTF-8.
func invalidInURL(r rune) bool {
	return r == utf8.RuneError || unicode.IsSpace(r) || !unicode.IsPrint(r)
}

// InvalidError says that a text does not name a source.
type InvalidError struct{ Input, Reason string }

func (e *InvalidError) Error() string {
	if e.Input == "" {
		return "invalid source: " + e.Reason
	}
	return fmt.Sprintf("source %q %s", e.Input, e.Reason)
}

// Hint says what to write.
func (e *InvalidError) Hint() string { return "use a folder or URL#COMMIT" }

// ExitStatus is the status for invalid arguments.
func (e *InvalidError) ExitStatus() int { return 2 }

func invalid(input, reason string) error { return &InvalidError{input, reason} }
