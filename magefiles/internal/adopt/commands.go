package adopt

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"mvdan.cc/sh/v3/syntax"
)

// script is a shell script in a file.
type script struct {
	text
	line int // of the file, where it begins
}

// commands finds the commands of workflows and scripts that a target replaces.
func (p *Plan) commands(texts []text) {
	for _, t := range texts {
		for _, s := range actionsOf(t) {
			name, _, _ := strings.Cut(s.text.text, "@")
			if target := actions[name]; target != "" {
				p.Replaced = append(p.Replaced, Command{t.name, s.line, "uses: " + s.text.text, target})
			}
		}
		for _, s := range scriptsOf(t) {
			for _, c := range s.calls() {
				target, stays := replacement(c.words)
				found := Command{File: t.name, Line: c.line, Text: shown(c.words), Target: target}
				switch {
				case target == "":
				case stays:
					p.Stays = append(p.Stays, found)
				default:
					p.Replaced = append(p.Replaced, found)
				}
			}
		}
	}
}

// actions are the actions that a target replaces.
var actions = map[string]string{
	"docker/build-push-action":            publish,
	"docker/login-action":                 "the settings RegistryUser and RegistryPassword",
	"docker/setup-buildx-action":          "nothing: the embedded engine needs no Docker",
	"docker/metadata-action":              "container:publish changed auto: the tag is made of the version and the commit",
	"redhat-actions/buildah-build":        build,
	"redhat-actions/push-to-registry":     publish,
	"dagger/dagger-for-github":            "go tool mage TARGET, as a step of its own",
	"DavidAnson/markdownlint-cli2-action": "validate -only=markdown",
	"hadolint/hadolint-action":            "validate -only=containers",
	"pypa/gh-action-pypi-publish":         publishPackage,
	"clowdhaus/argo-cd-action":            sync,
}

// actionsOf are the actions that a workflow uses.
func actionsOf(t text) []script {
	for _, folder := range workflows {
		if strings.HasPrefix(t.name, folder+"/") {
			return valuesOf(t, "uses")
		}
	}
	return nil
}

// workflows are the folders of workflows.
var workflows = []string{".forgejo/workflows", ".gitea/workflows", ".github/workflows", ".forgejo/actions", ".gitea/actions", ".github/actions"}

var shebang = regexp.MustCompile(`^#!\s*\S*(/env(\s+-S)?\s+)?\S*\b(ba|da|k|z)?sh\b`)

// scriptsOf are the shell scripts of a file: the steps of a workflow, the commands of mise and Task files, the recipes of make and just, or all of it.
func scriptsOf(t text) []script {
	in := func(folder string) bool { return strings.HasPrefix(t.name, folder+"/") }
	base, ext := path.Base(t.name), path.Ext(t.name)
	switch {
	case slices.ContainsFunc(workflows, in):
		return valuesOf(t, "run")
	case strings.HasPrefix(base, "Taskfile") && (ext == ".yml" || ext == ".yaml"):
		return valuesOf(t, "cmd", "cmds", "sh")
	case slices.Contains([]string{"Makefile", "makefile", "GNUmakefile", "justfile", "Justfile"}, base):
		return recipes(t)
	case ext == ".sh" || ext == ".bash" || ext == "" && shebang.MatchString(t.text):
		return []script{{t, 1}}
	}
	return nil
}

// valuesOf are the texts at keys of a YAML file. A file that cannot be read has none: validate reports it.
func valuesOf(t text, keys ...string) (scripts []script) {
	var root yaml.Node
	if yaml.Unmarshal([]byte(t.text), &root) != nil {
		return nil
	}
	var walk func(n *yaml.Node, wanted bool)
	walk = func(n *yaml.Node, wanted bool) {
		switch n.Kind {
		case yaml.ScalarNode:
			if !wanted {
				return
			}
			line := n.Line
			if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
				line++
			}
			scripts = append(scripts, script{text{t.name, n.Value}, line})
		case yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				walk(n.Content[i+1], slices.Contains(keys, n.Content[i].Value))
			}
		case yaml.SequenceNode, yaml.DocumentNode:
			for _, item := range n.Content {
				walk(item, wanted)
			}
		}
	}
	walk(&root, false)
	return scripts
}

// recipes are the indented lines of a makefile or a justfile, each a script, with its continuation lines.
func recipes(t text) (scripts []script) {
	lines := strings.Split(t.text, "\n")
	for i := 0; i < len(lines); i++ {
		if !strings.HasPrefix(lines[i], "\t") && !strings.HasPrefix(lines[i], "    ") {
			continue
		}
		start, recipe := i, strings.TrimLeft(strings.TrimSpace(lines[i]), "@-+")
		for strings.HasSuffix(lines[i], "\\") && i+1 < len(lines) {
			i++
			recipe += "\n" + lines[i]
		}
		scripts = append(scripts, script{text{t.name, recipe}, start + 1})
	}
	return scripts
}

// call is a command with its arguments.
type call struct {
	words []string
	line  int // of the file
}

// expression is a placeholder of a workflow, of make or of just, which is no shell.
var expression = regexp.MustCompile(`\$\{\{[^}\n]*\}\}|\{\{[^}\n]*\}\}|\$\([A-Za-z_][A-Za-z0-9_]*\)`)

// calls parses a script. A script in another language has none.
func (s script) calls() (calls []call) {
	plain := expression.ReplaceAllStringFunc(s.text.text, func(e string) string {
		return strings.Repeat("_", len(e)) // so that positions stay
	})
	parsed, err := syntax.NewParser().Parse(strings.NewReader(plain), s.name)
	if err != nil {
		return nil
	}
	syntax.Walk(parsed, func(node syntax.Node) bool {
		c, is := node.(*syntax.CallExpr)
		if !is || len(c.Args) == 0 {
			return true
		}
		var words []string
		for _, arg := range c.Args {
			from, to := int(arg.Pos().Offset()), int(arg.End().Offset())
			if from > to || to > len(s.text.text) {
				return true
			}
			words = append(words, unquoted(s.text.text[from:to]))
		}
		calls = append(calls, call{words, s.line + int(c.Pos().Line()) - 1})
		return true
	})
	return calls
}

// unquoted removes the quotes around a word.
func unquoted(word string) string {
	if n := len(word); n > 1 && strings.ContainsAny(word[:1], `"'`) && word[n-1] == word[0] && strings.Count(word, word[:1]) == 2 {
		return word[1 : n-1]
	}
	return word
}

// shown is a command on one line.
func shown(words []string) string {
	const most = 100
	line := strings.Join(strings.Fields(strings.Join(words, " ")), " ")
	if r := []rune(line); len(r) > most {
		line = string(r[:most-1]) + "…"
	}
	return line
}

// wrappers are commands that run another one, with their own arguments before it.
var wrappers = map[string]int{
	"sudo": 0, "env": 0, "time": 0, "nice": 0, "exec": 0, "nohup": 0, "command": 0, "uvx": 0, "npx": 0, "bunx": 0, "pnpx": 0,
	"uv": 1, "pipx": 1, "poetry": 1, "mise": 1, "nix": 1, // uv run, pipx run, poetry run, mise exec, nix run
}

// valued are flags of these commands with a value.
var valued = []string{"--from", "--with", "-p", "--package", "--python", "-u", "-n"}

// program removes the wrappers in front of a command.
func program(words []string) []string {
	for len(words) > 1 {
		skip, is := wrappers[path.Base(words[0])]
		if !is {
			break
		}
		if skip == 1 && !slices.Contains([]string{"run", "exec", "x", "tool"}, words[1]) {
			break
		}
		if words[1] == "tool" { // uv tool run
			skip = 2
		}
		words = words[min(1+skip, len(words)):]
		for len(words) > 1 && (strings.HasPrefix(words[0], "-") || strings.Contains(words[0], "=")) {
			if slices.Contains(valued, words[0]) {
				words = words[1:]
			}
			words = words[1:]
		}
	}
	if len(words) > 0 {
		words = append([]string{path.Base(words[0])}, words[1:]...)
	}
	return words
}

// rule says which target replaces a command.
type rule struct {
	words  []string // that the command begins with, without flags
	with   string   // an argument that it also must have, anywhere in it; "" for none
	target string
	stays  bool
}

const (
	publish   = "container:publish NAME VERSION"
	build     = "container:build NAME"
	promote   = "container:promote NAME VERSION"
	sync      = "container:promote NAME VERSION -sync; for the docs docs:release patch"
	release   = "container:release NAME patch"
	docsBuild = "docs:build"

	buildPackage   = "package:build NAME"
	publishPackage = "package:publish NAME VERSION"
)

// rules are tried in their order.
var rules = []rule{
	{[]string{"dagger", "call"}, "validate", "validate", false},
	{[]string{"dagger", "call"}, "docs", docsBuild + ", or docs:release patch", false},
	{[]string{"dagger", "call"}, "release", "docs:release patch, or " + release, false},
	{[]string{"dagger", "call"}, "publish", publish, false},
	{[]string{"dagger", "call"}, "push", publish, false},
	{[]string{"dagger", "call"}, "terminal", "container:shell NAME", false},
	{[]string{"dagger", "call"}, "build", build, false},
	{[]string{"dagger", "call"}, "container", build, false},
	{[]string{"dagger", "call"}, "", "a function of your module: write a target of your own that calls the Dagger SDK", true},
	{[]string{"towncrier", "build"}, "", "docs:changelog VERSION, or docs:release patch", false},
	{[]string{"towncrier", "check"}, "", "validate -only=changelog", false},
	{[]string{"towncrier", "create"}, "", "fragments are files as before", true},
	{[]string{"argocd", "app", "sync"}, "", sync, false},
	{[]string{"argocd", "app", "wait"}, "", sync, false},
	{[]string{"argocd", "app", "set"}, "", promote, false},
	{[]string{"argocd", "app", "diff"}, "", "drift", false},
	{[]string{"skopeo", "copy"}, "docker-archive:", "container:publish publishes only the images that it builds", true},
	{[]string{"skopeo", "copy"}, "", publish, false},
	{[]string{"skopeo", "sync"}, "", publish, false},
	{[]string{"skopeo", "inspect"}, "", "container:changed, or drift", false},
	{[]string{"skopeo", "list-tags"}, "", "container:changed, or drift", false},
	{[]string{"crane", "push"}, "", publish, false},
	{[]string{"crane", "copy"}, "", publish, false},
	{[]string{"crane", "digest"}, "", "container:changed, or drift", false},
	{[]string{"regctl", "image", "copy"}, "", publish, false},
	{[]string{"ko", "build"}, "", publish, false},
	{[]string{"ko", "publish"}, "", publish, false},
	{[]string{"docker", "buildx", "build"}, "--push", publish, false},
	{[]string{"docker", "buildx", "build"}, "", build, false},
	{[]string{"docker", "buildx", "bake"}, "", "container:publish changed auto", false},
	{[]string{"docker", "build"}, "--push", publish, false},
	{[]string{"docker", "build"}, "", build, false},
	{[]string{"docker", "push"}, "", publish, false},
	{[]string{"docker", "run"}, "", "container:shell NAME -command=, if it only looks into an image", true},
	{[]string{"podman", "build"}, "", build, false},
	{[]string{"podman", "push"}, "", publish, false},
	{[]string{"buildah", "bud"}, "", build, false},
	{[]string{"buildah", "build"}, "", build, false},
	{[]string{"buildah", "push"}, "", publish, false},
	{[]string{"kustomize", "edit", "set", "image"}, "", promote, false},
	{[]string{"kustomize", "build"}, "", "validate -only=manifests, if it only checks", true},
	{[]string{"yq"}, "newTag", promote, false},
	{[]string{"sed"}, "newTag", promote, false},
	{[]string{"sed"}, "image:", promote, false},
	{[]string{"kubectl", "set", "image"}, "", promote, false},
	{[]string{"kubectl", "apply"}, "", "Argo CD deploys what the forge has; keep it for what Argo CD does not manage", true},
	{[]string{"git", "tag"}, "", release + ", or docs:release patch", false},
	{[]string{"twine", "upload"}, "", publishPackage, false},
	{[]string{"python", "twine", "upload"}, "-m", publishPackage, false},
	{[]string{"python3", "twine", "upload"}, "-m", publishPackage, false},
	{[]string{"uv", "publish"}, "", publishPackage, false},
	{[]string{"poetry", "publish"}, "", publishPackage, false},
	{[]string{"hatch", "publish"}, "", publishPackage, false},
	{[]string{"flit", "publish"}, "", publishPackage, false},
	{[]string{"devpi", "upload"}, "", publishPackage, false},
	{[]string{"uv", "build"}, "", buildPackage, false},
	{[]string{"poetry", "build"}, "", buildPackage, false},
	{[]string{"hatch", "build"}, "", buildPackage, false},
	{[]string{"pyproject-build"}, "", buildPackage, false},
	{[]string{"python", "build"}, "-m", buildPackage, false},
	{[]string{"python3", "build"}, "-m", buildPackage, false},
	{[]string{"actionlint"}, "", "validate -only=workflows", false},
	{[]string{"markdownlint"}, "", "validate -only=markdown", false},
	{[]string{"markdownlint-cli2"}, "", "validate -only=markdown", false},
	{[]string{"hadolint"}, "", "validate -only=containers", false},
	{[]string{"kubeconform"}, "", "validate -only=manifests", false},
	{[]string{"kubeval"}, "", "validate -only=manifests", false},
	{[]string{"lychee"}, "", "validate -only=links, for links inside of the repository", true},
	{[]string{"quartz", "build"}, "", docsBuild, false},
	{[]string{"op", "read"}, "", "targets read 1Password themselves: write the reference into a setting if it is for one", true},
	{[]string{"nix", "build"}, "", "no target builds with Nix", true},
	{[]string{"nix-build"}, "", "no target builds with Nix", true},
}

// replacement is the target for a command, "" if the command is of another field; stays says that no target replaces it.
func replacement(words []string) (target string, stays bool) {
	words = program(words)
	var plain []string // without flags, which may be between the words of a command
	for _, w := range words {
		if !strings.HasPrefix(w, "-") {
			plain = append(plain, w)
		}
	}
	for _, r := range rules {
		if len(plain) < len(r.words) || !slices.Equal(plain[:len(r.words)], r.words) {
			continue
		}
		has := func(w string) bool { return strings.Contains(w, r.with) }
		if r.with == "" || slices.ContainsFunc(words[1:], has) {
			if slices.Equal(r.words, []string{"git", "tag"}) && !makesTag(words[2:]) {
				return "", false
			}
			return r.target, r.stays
		}
	}
	return "", false
}

// makesTag reports whether arguments of git tag make one: it also lists them.
func makesTag(args []string) bool {
	if len(args) == 0 {
		return false
	}
	lists := []string{"-l", "--list", "-d", "--delete", "-v", "--verify", "--contains", "--points-at", "--sort", "--merged"}
	return !slices.ContainsFunc(args, func(arg string) bool {
		name, _, _ := strings.Cut(arg, "=")
		return slices.Contains(lists, name)
	})
}
