// Package packagelist shows the Python packages of a repository: package:list.
package packagelist

import (
	"fmt"
	"io/fs"
	"strings"
	"text/tabwriter"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/python"
)

// List shows the Python packages of a repository.
type List struct {
	Files  fs.FS // the repository
	Places python.Places
}

// Listing is the result of List.
type Listing []Listed

// Listed is one Python package.
type Listed struct {
	Name    python.Name `json:"name"`
	Version string      `json:"version"` // in pyproject.toml; "" if it is not there
	From    python.From `json:"from"`    // where the version comes from
	Backend string      `json:"backend"`
	Folder  string      `json:"folder"`
}

// Run returns the usable projects, together with an error about the others.
func (l List) Run() (Listing, error) {
	found, err := l.Places.Find(l.Files)
	listing := make(Listing, len(found))
	for i, p := range found {
		listing[i] = Listed{Name: p.Name, Version: p.StatedVersion(), From: p.From, Backend: p.Backend, Folder: p.Dir}
	}
	return listing, err
}

// String is a table for people.
func (l Listing) String() string {
	if l == nil {
		return ""
	}
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tVERSION\tBACKEND\tFOLDER")
	for _, p := range l {
		version := p.Version
		if version == "" {
			version = "from " + string(p.From)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", p.Name, version, p.Backend, p.Folder)
	}
	_ = table.Flush() // a strings.Builder never fails
	return strings.TrimSuffix(text.String(), "\n")
}
