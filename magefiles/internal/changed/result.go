package changed

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// Containers are the changed containers, by name.
type Containers []Container

// Container is a container whose image could differ from the published one.
type Container struct {
	Name    image.Name `json:"name"`
	Why     string     `json:"why"`
	Since   string     `json:"since"`   // commit of the image that it was compared with; "" if there is none
	Version string     `json:"version"` // to publish Head as; "" if the container states no version of its application
}

// Names are the names of the containers.
func (c Containers) Names() []image.Name {
	names := make([]image.Name, len(c))
	for i, one := range c {
		names[i] = one.Name
	}
	return names
}

// String has a name in each line.
func (c Containers) String() string { return c.names("\n") }

func (c Containers) names(between string) string {
	var text strings.Builder
	for i, name := range c.Names() {
		if i > 0 {
			text.WriteString(between)
		}
		text.WriteString(string(name))
	}
	return text.String()
}

// MarshalJSON writes a list, even if it is empty.
func (c Containers) MarshalJSON() ([]byte, error) {
	return json.Marshal(append([]Container{}, c...))
}

// Outputs are the outputs of a CI job: the names, with commas between them, as
// container:publish takes them, and a matrix for separate jobs.
func (c Containers) Outputs() map[string]string {
	matrix, err := json.Marshal(map[string]Containers{"include": c})
	if err != nil {
		panic(err) // strings only
	}
	return map[string]string{"names": c.names(","), "matrix": string(matrix)}
}

// Summary is a table of Markdown for the page of a CI job.
func (c Containers) Summary() string {
	if len(c) == 0 {
		return "No container has changed."
	}
	var text strings.Builder
	text.WriteString("| Container | Version | Why |\n|---|---|---|\n")
	for _, one := range c {
		why := strings.NewReplacer("|", `\|`, "\n", " ").Replace(one.Why)
		fmt.Fprintf(&text, "| %s | %s | %s |\n", one.Name, cmp.Or(one.Version, "-"), why)
	}
	return strings.TrimSuffix(text.String(), "\n")
}
