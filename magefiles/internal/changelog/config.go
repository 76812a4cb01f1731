package changelog

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Config is the part of towncrier's configuration that defines the form of a changelog.
type Config struct {
	File      string // the configuration file
	Directory string // of the fragments, a slash path from the root
	Filename  string // of the changelog, likewise
	Types     []Type // in the order of their headings

	project      string         // name for {name}
	title        *format        // of a section
	anyTitle     *regexp.Regexp // matches the headings of sections
	issue        *format        // nil: #N for numbers, anything else unchanged
	start        string         // marker below which sections are inserted
	orphan       string         // prefix of fragments without an issue; "" if there is none
	ignored      []*regexp.Regexp
	issuePattern *regexp.Regexp // nil: any
}

// Marker is the line in the changelog above the newest section, with its line end.
func (c *Config) Marker() string { return c.start }

// Type is a kind of fragment.
type Type struct {
	Key         string // in file names
	Name        string // its heading
	ShowContent bool   // false: only the issues are listed
}

// The files that towncrier looks for, in this order. The first that exists is used, even without settings.
var configFiles = []string{"towncrier.toml", "pyproject.toml"}

// ParseConfig reads the configuration at the root of fsys. It reports all mistakes together; each is a *ConfigError.
func ParseConfig(fsys fs.FS) (*Config, error) {
	for _, name := range configFiles {
		text, err := fs.ReadFile(fsys, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return parseConfig(name, text)
	}
	return nil, &ConfigError{
		File: configFiles[0], Reason: "not found, and no pyproject.toml either; write [tool.towncrier] with directory and filename into one of them",
	}
}

func parseConfig(file string, text []byte) (*Config, error) {
	var document map[string]any
	if err := toml.Unmarshal(text, &document); err != nil {
		var syntax *toml.DecodeError
		reason, line, column := err.Error(), 0, 0
		if errors.As(err, &syntax) {
			line, column = syntax.Position()
			reason = fmt.Sprintf("line %d, column %d: %s", line, column, strings.TrimPrefix(reason, "toml: "))
		}
		return nil, &ConfigError{File: file, Reason: "is not TOML: " + reason, Line: line, Column: column}
	}
	tool, _ := document["tool"].(map[string]any)
	values, ok := tool["towncrier"].(map[string]any)
	if !ok {
		return nil, &ConfigError{File: file, Key: "tool.towncrier", Reason: "is missing; expected a table with directory and filename"}
	}
	r := &reader{file: file, path: "tool.towncrier", values: values}
	c := r.config(document)
	return c, errors.Join(r.errs...)
}

func (r *reader) config(document map[string]any) *Config {
	r.known(settings)
	r.refuse()
	c := &Config{File: r.file, project: r.project(document)}
	packageDir, packageName := r.text("package_dir", "."), r.text("package", "")
	c.Directory = r.inside("directory", r.text("directory", path.Join(packageDir, packageName, "newsfragments")))
	c.Filename = r.inside("filename", r.text("filename", "NEWS.rst"))
	if len(r.errs) == 0 && !strings.HasSuffix(c.Filename, ".md") {
		r.fail("filename", "is %q, expected a name that ends in .md: only Markdown is supported", c.Filename)
	}
	if c.start = r.text("start_string", ""); c.start == "" {
		c.start = "<!-- towncrier release notes start -->\n"
	}
	c.orphan = r.text("orphan_prefix", "+")
	c.Types = r.types()
	if c.title = r.title(c.project); c.title != nil {
		c.anyTitle = c.headingPattern(anyVersion)
	}
	if r.has("issue_format") {
		c.issue = r.format("issue_format", r.text("issue_format", ""), "issue")
	}
	c.ignored = ignored(r.texts("ignore"))
	c.issuePattern = r.pattern("issue_pattern")
	if r.has("underlines") && len(r.texts("underlines")) == 0 && len(r.errs) == 0 {
		r.fail("underlines", "is empty, expected three strings, such as [\"\", \"\", \"\"]")
	}
	return c
}

// project is the name for {name}: the name in pyproject.toml if [tool.towncrier] states neither name nor package.
func (r *reader) project(document map[string]any) string {
	name := r.text("name", "")
	if name != "" || r.has("name") || r.has("package") || r.file != "pyproject.toml" {
		return name
	}
	project, _ := document["project"].(map[string]any)
	name, _ = project["name"].(string)
	return name
}

// title is the format of a section's heading. It must contain the version.
func (r *reader) title(project string) *format {
	text := r.text("title_format", "")
	if text == "" {
		text = "# {version} ({project_date})"
		if project != "" || r.text("package", "") != "" {
			text = "# {name} {version} ({project_date})"
		}
	}
	title := r.format("title_format", text, "name", "version", "project_date")
	switch {
	case title == nil:
	case !title.has("version"):
		r.fail("title_format", "is %q, expected {version} in it: a section could not be found again", text)
	case title.has("name") && project == "" && r.text("package", "") != "":
		r.fail("name", "is missing: reading the name of a Python package is not supported; set name, or leave {name} out of title_format")
	}
	return title
}
