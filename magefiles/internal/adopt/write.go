package adopt

import (
	"bytes"
	"cmp"
	"fmt"
	"go/format"
	"net/url"
	"path"
	"strings"
	"text/tabwriter"
)

const magefile = `//go:build mage

// %s: its containers, its docs and its manifests.
//
// "go tool mage -h TARGET" explains a target.
//
//mage:multiline
package main

import (
	//mage:import
	_ %q
)
`

// files makes the two files, and the commands that complete them.
func (p *Plan) files(a Adopt) {
	name := cmp.Or(p.setting("Repository"), "Site")
	var site bytes.Buffer
	fmt.Fprintf(&site, "//go:build mage\n\npackage main\n\nimport %q\n\n", a.Module+"/magefiles/site")
	fmt.Fprint(&site, "// The settings of this site. A missing field has its default, and an environment variable overrides a field: docs/reference/settings.md of the module.\n")
	fmt.Fprint(&site, "var _ = site.Use(site.Settings{\n")
	for _, s := range p.Settings {
		if s.Value == "" {
			fmt.Fprintf(&site, "\t%s: \"\", // set this", s.Name)
			if s.From != "" {
				fmt.Fprintf(&site, ": %s", oneLine(s.From))
			}
			fmt.Fprintln(&site)
			continue
		}
		fmt.Fprintf(&site, "\t%s: %q,\n", s.Name, s.Value)
	}
	fmt.Fprint(&site, "})\n")
	formatted, err := format.Source(site.Bytes())
	if err != nil { // the values are quoted
		formatted = site.Bytes()
	}
	p.Files = []File{
		{"magefiles/magefile.go", fmt.Sprintf(magefile, strings.ToUpper(name[:1])+name[1:], a.Module+"/magefiles/targets")},
		{"magefiles/site.go", string(formatted)},
	}
	module := "homelab.example/me"
	if forge, err := url.Parse(p.setting("ForgeURL")); err == nil && forge.Host != "" {
		module = path.Join(forge.Hostname(), forge.Path, p.setting("Owner"), p.setting("Repository")) // a module path has no port
	}
	if !a.hasModule() {
		p.Steps = append(p.Steps, "go mod init "+module)
	}
	p.Steps = append(p.Steps,
		"go get -tool github.com/magefile/mage", "go get "+a.Module+"@main", "go mod tidy",
		"go tool mage validate -baseline=write",
		`git add magefiles go.mod go.sum .validate-baseline.json && git commit --message="Use the targets of BlumeOps"`, "go tool mage doctor",
	)
}

func (a Adopt) hasModule() bool {
	f, err := a.Files.Open("go.mod")
	if err == nil {
		_ = f.Close()
	}
	return err == nil
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// String is the plan for people.
func (p *Plan) String() string {
	var b strings.Builder
	section := func(title string) { fmt.Fprintf(&b, "%s\n", title) }
	rows := func(lines [][]string) {
		w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		for _, cells := range lines {
			fmt.Fprintln(w, "  "+strings.TrimRight(strings.Join(cells, "\t"), "\t"))
		}
		_ = w.Flush() // a strings.Builder takes everything
		b.WriteByte('\n')
	}
	for _, t := range p.tables() {
		if len(t.rows) > 0 {
			section(t.title)
			rows(t.rows)
		}
	}
	for _, f := range p.Files {
		fmt.Fprintf(&b, "Write %s:\n\n%s\n", f.Path, indent(f.Text))
	}
	fmt.Fprintf(&b, "Then:\n\n%s", indent(strings.Join(p.Steps, "\n")))
	return strings.TrimRight(b.String(), "\n")
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n    ") + "\n"
}

type table struct {
	title string
	head  []string
	rows  [][]string
}

func (p *Plan) tables() []table {
	settings := table{"Settings", []string{"Setting", "Value", "From"}, nil}
	for _, s := range p.Settings {
		settings.rows = append(settings.rows, []string{s.Name, cmp.Or(s.Value, "(set this)"), s.From})
	}
	containers := table{"Containers", []string{"Container", "Kind", "Version", "State"}, nil}
	for _, c := range p.Containers {
		state := "fits"
		if !c.Fits {
			state = c.Problem
		}
		containers.rows = append(containers.rows, []string{string(c.Name), c.Kind, cmp.Or(c.Version, "-"), state})
	}
	packages := table{"Python packages", []string{"Package", "Folder", "Version", "Backend"}, nil}
	for _, c := range p.Packages {
		packages.rows = append(packages.rows, []string{c.Name, c.Dir, cmp.Or(c.Version, "-"), c.Backend})
	}
	list := func(title string, commands []Command, last string) table {
		t := table{title, []string{"Place", "Command", last}, nil}
		for _, c := range commands {
			t.rows = append(t.rows, []string{place(c.File, c.Line), c.Text, c.Target})
		}
		return t
	}
	changes := table{"To change or to decide", []string{"Where", "What"}, nil}
	for _, t := range p.Changes {
		changes.rows = append(changes.rows, []string{t.Where, t.What})
	}
	return []table{settings, containers, packages, list("Replaced by targets", p.Replaced, "Target"), list("Stays", p.Stays, "Why"), changes}
}

// Markdown is the plan as a page.
func (p *Plan) Markdown() string {
	var b strings.Builder
	fmt.Fprint(&b, "# Plan of the adoption\n")
	cell := strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;")
	for _, t := range p.tables() {
		if len(t.rows) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n| %s |\n|%s\n", t.title, strings.Join(t.head, " | "), strings.Repeat(" --- |", len(t.head)))
		for _, row := range t.rows {
			cells := make([]string, len(row))
			for i, c := range row {
				cells[i] = cell.Replace(cmp.Or(c, "-"))
				if c != "" && (t.head[i] == "Command" || t.head[i] == "Value") {
					cells[i] = code(c)
				}
			}
			fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
		}
	}
	fmt.Fprint(&b, "\n## Files to write\n")
	for _, f := range p.Files {
		fmt.Fprintf(&b, "\n`%s`:\n\n```go\n%s```\n", f.Path, f.Text)
	}
	fmt.Fprintf(&b, "\n## Commands\n\n```sh\n%s\n```\n", strings.Join(p.Steps, "\n"))
	return b.String()
}

// code is a text as code in a cell of a table.
func code(s string) string {
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if len(fence) > 1 {
		s = " " + s + " "
	}
	return fence + strings.ReplaceAll(s, "|", `\|`) + fence
}
