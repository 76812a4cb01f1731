// Package source fetches the source of a program from git on this machine, at one commit, with the git command. Engines are given the
// folder: the embedded one offers no git, and credentials stay with the user's own git.
package source

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

// Source is where a program's source is: a folder, or a commit of a git repository.
type Source struct {
	Dir string // a folder of this machine; "" for git
	URL string // of a git repository
	Ref string // a commit in full, a branch or a tag
}

// Parse reads DIR or URL#REF. A path that holds a '#' and is no folder is taken for the URL of a local repository.
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
			return Source{}, invalid(s, "names no commit: add #COMMIT, or #BRANCH")
		}
		return Source{}, invalid(s, "is no folder")
	}
	src := Source{URL: s[:at], Ref: s[at+1:]}
	return src, src.check(s)
}

// Pinned tells whether the source is the same whenever it is fetched.
func (s Source) Pinned() bool { return s.Dir == "" && fullHash.MatchString(s.Ref) }

// String is what Parse reads.
func (s Source) String() string {
	if s.Dir != "" {
		return s.Dir
	}
	return s.URL + "#" + s.Ref
}

var (
	fullHash = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
	// refName is stricter than git is, so that a reference is nothing else to any command.
	refName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._/+-]*$`)
	scp     = regexp.MustCompile(`^([A-Za-z0-9_.-]+@)?[A-Za-z0-9.-]+:[^:]*$`) // git@host:path
)

// isRemote tells whether git would ask another machine, or a URL.
func isRemote(s string) bool { return strings.Contains(s, "://") || scp.MatchString(s) }

// schemes that git is let use.
var schemes = map[string]bool{"https": true, "http": true, "ssh": true, "git": true, "file": true}

func (s Source) check(given string) error {
	switch {
	case strings.HasPrefix(s.URL, "-") || strings.ContainsFunc(s.URL, unprintable) || s.URL == "":
		return invalid(given, "has no URL of a git repository before the #")
	case !refName.MatchString(s.Ref) || strings.Contains(s.Ref, ".."):
		return invalid(given, "has no commit, branch or tag after the #")
	case !strings.Contains(s.URL, "://"):
		if filepath.IsAbs(s.URL) || scp.MatchString(s.URL) {
			return nil
		}
		return invalid(given, "is neither a folder nor a URL with a scheme; give file:///PATH for a repository on this machine")
	}
	u, err := url.Parse(s.URL)
	if err != nil || !schemes[u.Scheme] || u.Opaque != "" {
		return invalid("", "the URL before the # is none of https, ssh, git or file")
	}
	if _, password := u.User.Password(); password || u.User != nil && u.Scheme != "ssh" {
		return invalid("", "the URL holds a user or a password, which other processes could read: keep them in git's credential helper")
	}
	return nil
}

// unprintable tells what no address of a repository holds: blanks, control characters, and bytes that are no UTF-8.
func unprintable(r rune) bool {
	return r == utf8.RuneError || unicode.IsSpace(r) || !unicode.IsPrint(r)
}

// InvalidError says that a text names no source.
type InvalidError struct{ Input, Reason string }

func (e *InvalidError) Error() string {
	if e.Input == "" {
		return "source: " + e.Reason
	}
	return fmt.Sprintf("source %q %s", e.Input, e.Reason)
}

// Hint says what to write.
func (e *InvalidError) Hint() string { return "give a folder, or URL#COMMIT" }

// ExitStatus is that of a program that was given wrong arguments.
func (e *InvalidError) ExitStatus() int { return 2 }

func invalid(input, reason string) error { return &InvalidError{input, reason} }
