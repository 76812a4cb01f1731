// Package list shows the containers of a repository: container:list.
package list

import (
	"cmp"
	"io/fs"
	"slices"
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

// Run returns the usable containers, and those that another program builds, together with an error about the others.
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
	for _, c := range image.FindOthers(l.Files) {
		listing = append(listing, Listed{Name: c.Name, Kind: c.Kind, Platforms: []string{}, Uses: append([]image.Use{}, uses[c.Name]...)})
	}
	slices.SortFunc(listing, func(a, b Listed) int { return cmp.Compare(a.Name, b.Name) })
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
		row(string(c.Name), string(c.Kind), cmp.Or(c.Version, "-"), cmp.Or(strings.Join(c.Platforms, ","), "-"), cmp.Or(image.JoinUses(c.Uses), "-"))
	}
	_ = table.Flush() // a strings.Builder never fails
	return strings.TrimSuffix(text.String(), "\n")
}
