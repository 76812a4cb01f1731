package docsite

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// Generator is a program that makes a site.
type Generator string

// The generators.
const (
	// Quartz (https://quartz.jzhao.xyz) is a folder of its own, into which the pages and the site's configuration are
	// copied.
	Quartz Generator = "quartz"
	// Node is any other generator that npm installs: the folder of the docs is a package, as in Docusaurus.
	Node Generator = "node"
)

// Settings say how a site is made; "" is replaced by the finding in the folder.
type Settings struct {
	Generator string // auto, quartz or node
	Build     string // a Node site's build command, for a shell
	Output    string // folder that the command writes the site to, a slash path from the docs' folder
}

// Plan says how a site is made.
type Plan struct {
	Generator Generator
	Dir       string   // of the docs, a slash path from the root
	Config    []string // Quartz: files of Dir that belong in the root of Quartz
	Build     []string // the command
	Output    string   // folder that the command writes to, a slash path from where it runs
	Manifests []string // Node: files of Dir that npm ci reads; nil if it may need all
}

// Names of files that a site's build uses.
const (
	packageFile  = "package.json"
	quartzOutput = "public"
)

var (
	quartzConfig = []string{"quartz.config.ts", "quartz.layout.ts"}
	locks        = []string{"package-lock.json", "npm-shrinkwrap.json"}
	otherLocks   = []string{"yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb"}
	// foreign are the configuration files of other generators, by generator.
	foreign = map[string]string{
		"mkdocs.yml": "MkDocs", "mkdocs.yaml": "MkDocs", "hugo.toml": "Hugo", "hugo.yaml": "Hugo", "_config.yml": "Jekyll", "Gemfile": "Jekyll",
		"book.toml": "mdBook", "conf.py": "Sphinx", "antora.yml": "Antora", "zensical.toml": "Zensical", "config.toml": "Zola or Hugo",
	}
)

// outputs are the default output folders of generators, by package.
var outputs = []struct{ pkg, dir string }{
	{"@docusaurus/core", "build"},
	{"vitepress", ".vitepress/dist"},
	{"astro", "dist"},
	{"@11ty/eleventy", "_site"},
}

// Detect finds out how the site in the folder dir of a tree is made: by Quartz unless the folder is an npm package of its own.
func Detect(tree fs.FS, dir string, s Settings) (Plan, error) {
	entries, err := fs.ReadDir(tree, dir)
	if err != nil {
		return Plan{}, invalid(dir, "set BLUMEOPS_DOCS to the folder that holds the docs", "cannot be read: %v", cause(err))
	}
	has := map[string]bool{}
	for _, e := range entries {
		has[e.Name()] = true
	}
	if s.Generator == "" || s.Generator == "auto" {
		if err := above(tree, dir, has); err != nil {
			return Plan{}, err
		}
	}
	p := Plan{Dir: dir}
	if p.Generator, err = choose(dir, has, s.Generator); err != nil {
		return Plan{}, err
	}
	if p.Generator == Quartz {
		return p.quartz(entries, s)
	}
	return p.node(tree, has, s)
}

// above is the error if the settings of another generator are next to the folder of the docs, which has none of its own.
func above(tree fs.FS, dir string, has map[string]bool) error {
	if path.Clean(dir) == "." || has[packageFile] || has[quartzConfig[0]] || has[quartzConfig[1]] {
		return nil
	}
	for _, base := range []string{"mkdocs.yml", "mkdocs.yaml", "zensical.toml"} {
		name := path.Join(path.Dir(path.Clean(dir)), base)
		if _, err := fs.Stat(tree, name); err == nil {
			return notSupported(name, foreign[base])
		}
	}
	return nil
}

func notSupported(name, generator string) error {
	return invalid(name, "add a package.json with a script `build`, or set BLUMEOPS_DOCS_GENERATOR=quartz to ignore this file",
		"is a configuration of %s, which is not supported (supported: Quartz, and npm packages)", generator)
}

// choose picks the generator according to the files in the folder.
func choose(dir string, has map[string]bool, setting string) (Generator, error) {
	isQuartz := has[quartzConfig[0]] || has[quartzConfig[1]]
	switch setting {
	case string(Quartz), string(Node):
		return Generator(setting), nil
	case "", "auto":
	default:
		return "", invalid(dir, "use auto, quartz or node", "BLUMEOPS_DOCS_GENERATOR=%s is not a generator", setting)
	}
	switch {
	case has[packageFile] && isQuartz:
		return "", invalid(dir, "set BLUMEOPS_DOCS_GENERATOR to quartz or to node", "has both %s and a configuration of Quartz", packageFile)
	case has[packageFile]:
		return Node, nil
	case isQuartz:
		return Quartz, nil
	}
	for _, name := range slices.Sorted(maps.Keys(foreign)) {
		if has[name] {
			return "", notSupported(path.Join(dir, name), foreign[name])
		}
	}
	for name := range has {
		if slices.Contains(locks, name) || slices.Contains(otherLocks, name) {
			return "", invalid(path.Join(dir, name), "add package.json next to it, or remove it", "is a lock file without %s", packageFile)
		}
	}
	return Quartz, nil
}

// quartz is the plan for Quartz's command line.
func (p Plan) quartz(entries []fs.DirEntry, s Settings) (Plan, error) {
	if s.Build != "" || s.Output != "" {
		return Plan{}, invalid(p.Dir, "unset them, or set BLUMEOPS_DOCS_GENERATOR=node", "is built by Quartz, which does not use BLUMEOPS_DOCS_BUILD and BLUMEOPS_DOCS_OUTPUT")
	}
	for _, e := range entries {
		name := e.Name()
		switch {
		case slices.Contains(quartzConfig, name):
			p.Config = append(p.Config, name)
		case strings.HasPrefix(name, "quartz.config.") || strings.HasPrefix(name, "quartz.layout."):
			return Plan{}, invalid(path.Join(p.Dir, name), "rename it to "+quartzConfig[0]+" or "+quartzConfig[1]+", the names that Quartz 4 reads", "Quartz does not read a configuration of this name")
		}
	}
	p.Build = []string{"npx", "--no", "quartz", "build", "--directory=content", "--output=" + quartzOutput}
	p.Output = quartzOutput
	return p, nil
}

// manifest has the fields that are read of a package.json.
type manifest struct {
	Bin             bin               `json:"bin"`
	Scripts         map[string]string `json:"scripts"`
	Dependencies    map[string]string `json:"dependencies"`
	DevDependencies map[string]string `json:"devDependencies"`
	Workspaces      json.RawMessage   `json:"workspaces"`
}

// bin is npm's field of the same name: a path, or paths by name.
type bin map[string]string

func (b *bin) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*b = bin{"": one}
		return nil
	}
	return json.Unmarshal(text, (*map[string]string)(b))
}

// node is the plan for an npm package: its script "build", unless the settings have another command.
func (p Plan) node(tree fs.FS, has map[string]bool, s Settings) (Plan, error) {
	m, err := readManifest(tree, path.Join(p.Dir, packageFile))
	if err != nil {
		return Plan{}, err
	}
	lock, err := findLock(p.Dir, has)
	if err != nil {
		return Plan{}, err
	}
	switch {
	case s.Build != "":
		p.Build = []string{"sh", "-c", s.Build}
	case m.Scripts["build"] != "":
		p.Build = []string{"npm", "run", "build"}
	default:
		return Plan{}, invalid(path.Join(p.Dir, packageFile), "add the script, or set BLUMEOPS_DOCS_BUILD to the command", "has no script `build`")
	}
	if p.Output, err = m.output(p.Dir, s.Output); err != nil {
		return Plan{}, err
	}
	if !m.needsTree() {
		p.Manifests = []string{packageFile, lock}
		if has[".npmrc"] {
			p.Manifests = append(p.Manifests, ".npmrc")
		}
	}
	return p, nil
}

func readManifest(tree fs.FS, name string) (manifest, error) {
	var m manifest
	text, err := fs.ReadFile(tree, name)
	if err != nil {
		return m, invalid(name, "add the package.json of the generator", "cannot be read: %v", cause(err))
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, invalid(name, "correct the JSON", "invalid package.json: %v", err)
	}
	return m, nil
}

// findLock is the lock that npm ci reads.
func findLock(dir string, has map[string]bool) (string, error) {
	for _, name := range locks {
		if has[name] {
			return name, nil
		}
	}
	for _, name := range otherLocks {
		if has[name] {
			return "", invalid(path.Join(dir, name), "run npm install --package-lock-only there, and commit package-lock.json", "is not a lock file of npm")
		}
	}
	return "", invalid(dir, "run npm install --package-lock-only there, and commit it", "has no package-lock.json, so the versions of its packages are not pinned")
}

// output is the folder that the build writes to: that of the setting, or the generator's default.
func (m manifest) output(dir, setting string) (string, error) {
	if setting != "" {
		clean := path.Clean(setting)
		if !fs.ValidPath(clean) || clean == "." {
			return "", invalid(dir, "example: BLUMEOPS_DOCS_OUTPUT=build", "BLUMEOPS_DOCS_OUTPUT=%s must be a folder below the docs folder", setting)
		}
		return clean, nil
	}
	for _, known := range outputs {
		if m.Dependencies[known.pkg] != "" || m.DevDependencies[known.pkg] != "" {
			return known.dir, nil
		}
	}
	return "", invalid(path.Join(dir, packageFile), "set BLUMEOPS_DOCS_OUTPUT to the folder that the build writes to",
		"unknown output folder: the package does not depend on a known generator (%s)", strings.Join(knownGenerators(), ", "))
}

func knownGenerators() []string {
	var names []string
	for _, known := range outputs {
		names = append(names, known.pkg)
	}
	return names
}

// lifecycle are the scripts that npm ci runs in the package itself.
var lifecycle = []string{"preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare"}

// needsTree reports whether npm ci needs more of the package than its manifests: for scripts, or for packages inside it.
func (m manifest) needsTree() bool {
	for _, name := range lifecycle {
		if m.Scripts[name] != "" {
			return true
		}
	}
	for _, group := range []map[string]string{m.Dependencies, m.DevDependencies} {
		for _, version := range group {
			if strings.HasPrefix(version, "file:") || strings.HasPrefix(version, "link:") || strings.HasPrefix(version, ".") {
				return true
			}
		}
	}
	return len(m.Workspaces) > 0
}

// CheckQuartz checks that a folder is a Quartz: a package that npm ci can install, with the program quartz. The name is for the error.
func CheckQuartz(source fs.FS, name string) error {
	const do = "set BLUMEOPS_DOCS_SOURCE to a Quartz or a fork of it (for one run: docs:build -source=)"
	m, err := readManifest(source, packageFile)
	if err != nil {
		return invalid(name, do, "is not a Quartz: cannot read its package.json")
	}
	if m.Bin["quartz"] == "" {
		return invalid(name, do, "is not a Quartz: its package.json has no program `quartz`")
	}
	for _, lock := range locks {
		if _, err := fs.Stat(source, lock); err == nil {
			return nil
		}
	}
	return invalid(name, "run npm install --package-lock-only there, and commit it", "has no package-lock.json, so the versions of its packages are not pinned")
}

// cause is the error without the name, which the message already has.
func cause(err error) error {
	if wrapped := (*fs.PathError)(nil); errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// String names the generator and its command.
func (p Plan) String() string {
	return fmt.Sprintf("%s: %s -> %s", p.Generator, strings.Join(p.Build, " "), p.Output)
}
