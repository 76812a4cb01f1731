package container

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/dockerfile"
)

// Place and Problem are the types of package dockerfile.
type (
	Place   = dockerfile.Place
	Problem = dockerfile.Problem
)

// Service is an entry of service-versions.yaml.
type Service struct {
	Place            // of the version; of the entry if there is none
	Name      string // name of the service
	Version   string // running version; "" if it is null
	Container string // folder of containers/ that it is built from: the field container, otherwise its own name; "" for container: null
	Mapped    Place  // of the field container; zero if there is none
}

// maxServices is the maximum size in bytes of a file that is parsed: enough for ten thousand services.
const maxServices = 1 << 20

// ParseServices reads service-versions.yaml, which lists the running services:
//
//	services:
//	  - name: docs
//	    current-version: "1.30.4"   # or null
//	    container: quartz           # only where it is not that of the service's name; null for none
//
// Other fields are ignored. Problems are returned together with the valid entries.
func ParseServices(text string) ([]Service, []Problem) {
	if len(text) > maxServices {
		return nil, []Problem{{Message: "is larger than 1 MiB"}}
	}
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		return nil, []Problem{yamlProblem(err)}
	}
	var s services
	list := s.field(resolve(&document), "services")
	if list == nil || list.Kind != yaml.SequenceNode {
		at := Place{Line: 1, Column: 1}
		if list != nil {
			at = place(list)
		}
		return nil, []Problem{{Place: at, Message: "has no list named services"}}
	}
	for _, entry := range list.Content {
		s.entry(resolve(entry))
	}
	return s.list, s.problems
}

var yamlLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?`) })

func yamlProblem(err error) Problem {
	var types *yaml.TypeError
	message := err.Error()
	if errors.As(err, &types) && len(types.Errors) > 0 {
		message = types.Errors[0]
	}
	m := yamlLine().FindStringSubmatch(message)
	n, _ := strconv.Atoi(m[1]) // 0 if it names no line
	return Problem{Place: Place{Line: n}, Message: "is not YAML: " + strings.Join(strings.Fields(message[len(m[0]):]), " ")}
}

// services collects the entries.
type services struct {
	list     []Service
	problems []Problem
}

func (s *services) problem(n *yaml.Node, format string, args ...any) {
	s.problems = append(s.problems, Problem{Place: place(n), Message: fmt.Sprintf(format, args...)})
}

func (s *services) entry(n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		s.problem(n, "an entry of services is not a mapping with a name")
		return
	}
	name := s.field(n, "name")
	if name == nil || name.Kind != yaml.ScalarNode || name.Value == "" {
		s.problem(n, "an entry of services has no name")
		return
	}
	found := Service{Place: place(n), Name: name.Value, Container: name.Value}
	if v := s.field(n, "current-version"); v != nil && v.Kind != yaml.ScalarNode {
		s.problem(v, "the current-version of %s is not a string", found.Name)
	} else if v != nil {
		found.Place = place(v)
		if !isNull(v) {
			found.Version = v.Value
		}
	}
	if c := s.field(n, "container"); c != nil && c.Kind != yaml.ScalarNode {
		s.problem(c, "the container of %s is not a string", found.Name)
	} else if c != nil {
		found.Container, found.Mapped = c.Value, place(c)
		if isNull(c) {
			found.Container = ""
		}
	}
	s.list = append(s.list, found)
}

func isNull(n *yaml.Node) bool { return n.ShortTag() == "!!null" }

// field is the value of a key; nil if there is none, or if n is not a mapping.
func (s *services) field(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return resolve(n.Content[i+1])
		}
	}
	return nil
}

// resolve is the node of a document, or the target of an alias.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.DocumentNode && len(n.Content) > 0 {
		n = n.Content[0]
	}
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

func place(n *yaml.Node) Place { return Place{Line: max(n.Line, 1), Column: max(n.Column, 1)} }
