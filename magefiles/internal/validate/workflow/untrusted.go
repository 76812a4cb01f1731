package workflow

import (
	"slices"
	"strings"
)

// texts are properties of events with text that a person wrote, at any depth. Names of branches and tags are included, because git allows
// $(…), ; and quotes in them.
var texts = []string{
	"title", "body", "message", "description", "label", "page_name", "email", "tag_name", "target_commitish", "ref", "head_branch", "default_branch", "content",
	"head_ref", "base_ref",
}

// named are objects with such a text as their name. Names of repositories and users are left out: they cannot contain characters that a
// shell interprets.
var named = []string{"author", "committer", "label", "labels", "milestone", "release", "commits", "requested_team"}

// objects are objects of an event that contain such texts.
var objects = []string{
	"pull_request", "issue", "comment", "review", "head_commit", "commits", "release", "head", "author", "committer", "labels", "milestone", "changes", "pages", "inputs",
}

// untrusted says who chooses the text at a path, "" if nobody could do harm with it.
func (f *file) untrusted(p []string) string {
	switch p[0] {
	case "inputs":
		return f.untrustedInput(p[1:])
	case "github", "forgejo", "forge", "gitea":
	default:
		return ""
	}
	switch {
	case len(p) == 1:
		return "text from the event"
	case p[1] == "event":
		return f.untrustedEvent(p[2:])
	case p[1] == "head_ref", p[1] == "base_ref", f.refs && (p[1] == "ref" || p[1] == "ref_name"):
		return "the name of a branch or tag"
	}
	return ""
}

func (f *file) untrustedInput(p []string) string {
	who := "text chosen by the user who starts the workflow"
	if f.called {
		who = "text chosen by the caller"
	}
	if len(p) == 0 || p[0] == "*" {
		if len(f.inputs) > 0 {
			return who
		}
		return ""
	}
	// Forgejo converts a boolean to true or false, and passes numbers and choices unchanged.
	if kind, declared := f.inputs[p[0]]; declared && kind != "boolean" {
		return who
	}
	return ""
}

func (f *file) untrustedEvent(p []string) string {
	const who = "text from the event"
	if len(p) == 0 {
		return who
	}
	if p[0] == "inputs" {
		return f.untrustedInput(p[1:])
	}
	last, before := p[len(p)-1], ""
	rest := slices.DeleteFunc(slices.Clone(p[:len(p)-1]), func(s string) bool { return s == "*" })
	if len(rest) > 0 {
		before = rest[len(rest)-1]
	}
	if last == "*" {
		last = before
	}
	if slices.Contains(texts, last) || slices.Contains(objects, last) || last == "name" && slices.Contains(named, before) {
		return who
	}
	return ""
}

// variable is a name for the environment variable with the text at a path.
func variable(p []string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		case '0' <= r && r <= '9', 'A' <= r && r <= 'Z':
			return r
		}
		return '_'
	}, p[len(p)-1])
	switch strings.Trim(name, "_") {
	case "":
		return "VALUE"
	case "PATH", "HOME", "USER", "SHELL", "IFS", "PWD", "LANG", "TERM", "CI", "ENV", "TMPDIR", "UID", "EUID", "PS4":
		return "GIVEN_" + name
	}
	if name[0] >= '0' && name[0] <= '9' {
		return "_" + name
	}
	return name
}
