package workflow

import (
	"fmt"
	"path"
	"strings"

	"gopkg.in/yaml.v3"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// pinned checks the actions, reusable workflows and images of a job.
func (f *file) pinned(j *job) {
	if uses := get(j.node, "uses"); uses != nil && !f.action {
		f.pin(uses, j, true)
	}
	for _, s := range j.steps {
		if s.uses != nil {
			f.pin(s.uses, j, false)
		}
	}
	if f.action {
		return
	}
	f.image(get(j.node, "container"))
	pairs(get(j.node, "services"), func(_, service *yaml.Node) { f.image(service) })
}

// pin checks the action or workflow that a job or step uses.
func (f *file) pin(n *yaml.Node, j *job, reusable bool) {
	uses := scalar(n)
	switch {
	case uses == "" || strings.Contains(uses, "${{"): // other rules report syntax errors
	case strings.HasPrefix(uses, "./"), strings.HasPrefix(uses, "../"):
		f.local(n, uses, j, reusable)
	case strings.HasPrefix(uses, "docker://"):
		f.version(n, strings.TrimPrefix(uses, "docker://"))
	default:
		f.commit(n, uses)
	}
}

func (f *file) commit(n *yaml.Node, uses string) {
	at := strings.LastIndexByte(uses, '@')
	message, item := "", ""
	switch ref := uses[at+1:]; {
	case at < 0:
		message = fmt.Sprintf("%s has no commit", quote(uses))
	case !isCommit(ref) && isHex(ref) && len(ref) >= 7:
		message = fmt.Sprintf("%s abbreviates the commit", quote(uses))
	case !isCommit(ref):
		item = quote(uses)
		message = "a tag or branch can be moved: " + item
	default:
		return
	}
	p := Problem{Line: n.Line, Column: n.Column, Rule: RulePin, Message: message, Do: f.pinning(uses), Fix: f.pinFix(n, uses)}
	if item != "" {
		p.Group, p.Item = "tags", item
	}
	f.report(p)
}

// pinning says how to write an action with its commit, and how to look that up.
func (f *file) pinning(uses string) string {
	name, ref, tagged := strings.Cut(uses, "@")
	if !tagged {
		ref = "HEAD"
	}
	from := actionURL(name, f.Forgejo)
	if from == "" || len(uses) > 200 || isHex(ref) {
		return ""
	}
	if !tagged {
		return fmt.Sprintf("Write %s@COMMIT # HEAD; `git ls-remote %s HEAD` prints the commit.", name, from)
	}
	return fmt.Sprintf("Write %s@COMMIT # %s; `git ls-remote %s %s '%s^{}'` prints the commit, in its last line.", name, ref, from, ref, ref)
}

// pinFix writes the commit of an action, and its tag as a comment.
func (f *file) pinFix(n *yaml.Node, uses string) *validate.Fix {
	name, ref, tagged := strings.Cut(uses, "@")
	url := actionURL(name, f.Forgejo)
	line, ok := f.line(n.Line)
	if !f.Fix || f.Commit == nil || !tagged || url == "" || isHex(ref) || n.Anchor != "" || !ok {
		return nil
	}
	written := uses
	switch n.Style {
	case 0:
	case yaml.SingleQuotedStyle:
		written = "'" + uses + "'"
	case yaml.DoubleQuotedStyle:
		written = `"` + uses + `"`
	default:
		return nil
	}
	column := byteAt(line, n.Column)
	if !strings.HasPrefix(line[column:], written) || strings.TrimSpace(line[column+len(written):]) != "" {
		return nil // such as a comment, or another value in the line
	}
	commit := f.Commit(url, ref)
	if !isCommit(commit) {
		return nil
	}
	start := column
	for _, before := range f.lines[:n.Line-1] {
		start += len(before) + 1
	}
	pinned := strings.Replace(written, "@"+ref, "@"+commit, 1) + " # " + ref
	return &validate.Fix{Edits: []validate.Edit{{Start: start, End: start + len(written), New: pinned}}}
}

// actionURL is the address of the repository of an action: an owner and a name, perhaps with a folder, or a whole address. The runner of
// Forgejo has actions without an address from data.forgejo.org, if the server's settings do not change that. "" if the name is invalid.
func actionURL(name string, forgejo bool) string {
	host := "https://github.com"
	if forgejo {
		host = "https://data.forgejo.org"
	}
	if rest, ok := strings.CutPrefix(name, "https://"); ok {
		server, path, _ := strings.Cut(rest, "/")
		host, name = "https://"+server, path
	}
	parts := strings.Split(name, "/")
	if len(parts) < 2 || parts[0] == "" || parts[1] == "" || strings.ContainsAny(name, " `'\"$\\;&|<>()") {
		return ""
	}
	return host + "/" + parts[0] + "/" + parts[1]
}

// isCommit says whether ref is a full commit hash: 40 digits of SHA-1 or 64 of SHA-256.
func isCommit(ref string) bool { return (len(ref) == 40 || len(ref) == 64) && isHex(ref) }

func isHex(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }

// image checks a container: an image, or a mapping with one.
func (f *file) image(n *yaml.Node) {
	if image := get(n, "image"); image != nil {
		n = image
	}
	if name := scalar(n); name != "" && !strings.Contains(name, "${{") {
		f.version(n, name)
	}
}

// version checks that an image has a digest, or a tag other than latest.
func (f *file) version(n *yaml.Node, image string) {
	if strings.Contains(image, "@") {
		return
	}
	_, tag, _ := strings.Cut(path.Base(image), ":")
	if tag != "" && tag != "latest" {
		return
	}
	f.report(Problem{
		Line: n.Line, Column: n.Column, Rule: RulePin, Message: fmt.Sprintf("the image %s has no version", quote(image)),
		Do: fmt.Sprintf("Write %s:VERSION, or %[1]s@sha256:DIGEST.", shorten(strings.TrimSuffix(image, ":latest"))),
	})
}

// local checks that an action or workflow of this repository exists.
func (f *file) local(n *yaml.Node, uses string, j *job, reusable bool) {
	if f.Exists == nil || (j.elsewhere && !reusable) {
		return
	}
	name := path.Clean(uses)
	found := f.Exists(name)
	if !reusable {
		found = f.Exists(path.Join(name, "action.yml")) || f.Exists(path.Join(name, "action.yaml")) || f.Exists(path.Join(name, "Dockerfile"))
	}
	if !found && !strings.HasPrefix(name, "../") {
		f.report(Problem{Line: n.Line, Column: n.Column, Rule: RuleMissing, Message: fmt.Sprintf("%s not found", quote(uses))})
	}
}
