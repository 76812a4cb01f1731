// Package list shows the containers of a repository: container:list.
package list

import (
	"cmp"
	"io/fs"
	"strings"
	"text/tabwriter"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// List shows the containers of a repository.
type List struct {
	Files      fs.FS                  // the repository
	Manifests  string                 // folder of the manifests
	Repository string                 // REGISTRY/NAMESPACE of the images
	Platforms  image.DefaultPlatforms // of containers that state none
}

// Listing is the result of List.
type Listing []Listed

// Listed is one container.
type Listed struct {
	Name      image.Name  `json:"name"`
	Kind      image.Kind  `json:"kind"`
	Version   string      `json:"version"` // of the packaged application; "" if not stated
	Platforms []string    `json:"platforms"`
	Uses      []image.Use `json:"uses"`
}

// Run returns the usable containers, together with an error about the others.
func (l List) Run() (Listing, error) {
	uses, err := image.Uses(l.Files, l.Manifests, l.Repository)
	if err != nil {
		return nil, err
	}
	found, err := image.Find(l.Files)
	listing := make(Listing, len(found))
	for i, c := range found {
		listing[i] = Listed{
			Name: c.Name, Kind: c.Kind, Version: c.Version,
			Platforms: strings.Split(image.JoinPlatforms(l.Platforms.Of(c)), ","),
			Uses:      append([]image.Use{}, uses[c.Name]...),
		}
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
	row := func(cells ...string) { _, _ = table.Write([]byte(strings.Join(cells, "\t") + "\n")) }
	row("NAME", "KIND", "VERSION", "PLATFORMS", "USED BY")
	for _, c := range l {
		row(string(c.Name), string(c.Kind), cmp.Or(c.Version, "-"), strings.Join(c.Platforms, ","), cmp.Or(image.JoinUses(c.Uses), "-"))
	}
	_ = table.Flush() // a strings.Builder never fails
	return strings.TrimSuffix(text.String(), "\n")
}
