package gitremote

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/mod/semver"
)

// Ref is a reference with its commit.
type Ref struct {
	Name string // in full, as refs/heads/main; "" for a commit
	SHA  string
}

// Refs are the references of a repository, in the order of the server.
type Refs struct {
	all      []Ref
	symbolic map[string]string // as HEAD -> refs/heads/main
}

const (
	heads  = "refs/heads/"
	tags   = "refs/tags/"
	peeled = "^{}" // the end of the name under which a server gives the commit of an annotated tag
)

func newRefs() Refs { return Refs{symbolic: map[string]string{}} }

// add adds a reference of the server. A name that git does not allow is ignored, as by git: it could be an option or another path.
func (r *Refs) add(name, sha string) {
	if validName(name) {
		r.all = append(r.all, Ref{Name: name, SHA: sha})
	}
}

// point adds a symbolic reference.
func (r *Refs) point(name, target string) {
	if validName(target) {
		r.symbolic[name] = target
	}
}

// notInNames are the texts that git-check-ref-format(1) forbids.
var notInNames = regexp.MustCompile(`[\x00-\x20\x7f~^:?*\[\\]|//|/$|/\.|\.\.|\.lock(/|$)|\.$|@\{`)

func validName(name string) bool {
	name = strings.TrimSuffix(name, peeled)
	return name == "HEAD" || strings.HasPrefix(name, "refs/") && !notInNames.MatchString(name)
}

var sha = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// IsSHA reports whether s is the full name of an object.
func IsSHA(s string) bool { return sha.MatchString(s) }

// Lookup finds a reference by its full name, a part of it, or the name of a commit, as git checkout does: a branch comes before a tag.
func (r Refs) Lookup(target string) (Ref, error) {
	if IsSHA(target) {
		return Ref{SHA: target}, nil
	}
	partial := "refs/" + strings.TrimPrefix(target, "refs/")
	head := heads + strings.TrimPrefix(target, heads)
	tag := tags + strings.TrimPrefix(target, tags)
	var exact, ofHead, ofTag *Ref
	for _, ref := range r.all {
		switch ref.Name {
		case head:
			ofHead = &ref
		case tag, tag + peeled: // the commit comes after its tag
			ofTag = &Ref{Name: tag, SHA: ref.SHA}
		case partial, target:
			exact = &ref
		}
	}
	for _, found := range []*Ref{exact, ofHead, ofTag} {
		if found != nil {
			if name, ok := r.symbolic[found.Name]; ok {
				found.Name = name
			}
			return *found, nil
		}
	}
	return Ref{}, fmt.Errorf("repository does not contain ref %q", target)
}

// Tags are the short names of the tags that match one of the patterns, all without patterns.
func (r Refs) Tags(patterns []string) []string { return r.short(tags, patterns) }

// TagsKey names the tags with their commits; "" if there are none.
func (r Refs) TagsKey() string {
	if len(r.Tags(nil)) == 0 {
		return ""
	}
	h := sha256.New()
	for _, ref := range r.all {
		if strings.HasPrefix(ref.Name, tags) {
			fmt.Fprintf(h, "%s %s\n", ref.SHA, ref.Name)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Branches are the same for branches.
func (r Refs) Branches(patterns []string) []string { return r.short(heads, patterns) }

func (r Refs) short(prefix string, patterns []string) []string {
	out := []string{}
	for _, ref := range r.all {
		name, ok := strings.CutPrefix(ref.Name, prefix)
		if ok && !strings.HasSuffix(name, peeled) && matches(ref.Name, patterns) {
			out = append(out, name)
		}
	}
	return out
}

// LatestVersion is the tag with the highest semantic version.
func (r Refs) LatestVersion() (Ref, error) {
	var versions []string
	for _, tag := range r.Tags([]string{tags + "v*"}) {
		if semver.IsValid(tag) {
			versions = append(versions, tag)
		}
	}
	if len(versions) == 0 {
		return Ref{}, errors.New("no valid semver tags found")
	}
	semver.Sort(versions)
	return r.Lookup(tags + versions[len(versions)-1])
}

// matches reports whether one of the patterns of git ls-remote matches the end of a name, from a slash on.
func matches(name string, patterns []string) bool {
	if len(patterns) == 0 {
		return true
	}
	for _, p := range patterns {
		if e, err := regexp.Compile(expression(p)); err == nil && e.MatchString("/"+name) {
			return true
		}
	}
	return false
}

// expression is the regular expression for a pattern, in which * and ? match a slash too, see wildmatch of git.
func expression(pattern string) string {
	var out strings.Builder
	out.WriteString(`(?s)^.*/`)
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; c {
		case '*':
			out.WriteString(".*")
		case '?':
			out.WriteString(".")
		case '\\':
			if i++; i < len(pattern) {
				out.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
			}
		case '[':
			end := classEnd(pattern, i)
			if end < 0 {
				return "[" // no valid pattern, which matches nothing
			}
			class := pattern[i+1 : end]
			if strings.HasPrefix(class, "!") {
				class = "^" + class[1:]
			}
			out.WriteString("[" + class + "]")
			i = end
		default:
			out.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	return out.String() + "$"
}

// classEnd is the index of the bracket that closes the class at start, -1 if there is none.
func classEnd(pattern string, start int) int {
	i := start + 1
	if i < len(pattern) && (pattern[i] == '!' || pattern[i] == '^') {
		i++
	}
	for first := true; i < len(pattern); i, first = i+1, false {
		switch {
		case pattern[i] == '[' && i+1 < len(pattern) && pattern[i+1] == ':':
			if end := strings.Index(pattern[i:], ":]"); end >= 0 {
				i += end + 1
			}
		case pattern[i] == '\\':
			i++
		case pattern[i] == ']' && !first:
			return i
		}
	}
	return -1
}
