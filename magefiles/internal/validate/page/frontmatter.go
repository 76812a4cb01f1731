package page

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/frontmatter"
)

// Front is the frontmatter of a page: YAML between two lines ---, at the beginning of the page.
type Front struct {
	// Root is its mapping; nil if it is empty or invalid. The lines of its nodes are lines of the page.
	Root *yaml.Node
	// Err is the reason why it is invalid, or nil.
	Err *FrontError
}

// FrontError is an error in a page's frontmatter.
type FrontError struct {
	Line, Column int // Column is 0 if it is not known
	// Unclosed says that the second line --- is missing.
	Unclosed bool
	Message  string
}

// Error is the message with its line.
func (e *FrontError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Message) }

// Get is the first pair with a name, or nil.
func (f *Front) Get(name string) (key, value *yaml.Node) {
	if f == nil || f.Root == nil {
		return nil, nil
	}
	for i := 0; i+1 < len(f.Root.Content); i += 2 {
		if f.Root.Content[i].Value == name {
			return f.Root.Content[i], f.Root.Content[i+1]
		}
	}
	return nil, nil
}

// Strings are the values of a list, or a single text: aliases and tags may have both forms.
func (f *Front) Strings(name string) []string {
	_, value := f.Get(name)
	switch {
	case value == nil:
		return nil
	case value.Kind == yaml.ScalarNode && value.Tag != "!!null":
		return []string{value.Value}
	}
	var found []string
	for _, item := range value.Content {
		if value.Kind == yaml.SequenceNode && item.Kind == yaml.ScalarNode {
			found = append(found, item.Value)
		}
	}
	return found
}

// cutFrontmatter finds the frontmatter and the beginning of the body. As in gray-matter, which Quartz and others use, unclosed frontmatter
// extends to the end.
func cutFrontmatter(content string) (*Front, int) {
	switch block := frontmatter.Find(content); {
	case block.Fence != "---":
		return nil, 0
	case !block.Closed:
		return &Front{Err: &FrontError{Line: 1, Column: 1, Unclosed: true, Message: "the frontmatter has no closing line ---"}}, len(content)
	default:
		return parseFront(content[block.From:block.To]), block.Body
	}
}

// shift is the number of lines before the YAML.
const shift = 1

func parseFront(matter string) *Front {
	var document yaml.Node
	err := yaml.NewDecoder(strings.NewReader(matter)).Decode(&document)
	switch {
	case errors.Is(err, io.EOF):
		return &Front{} // empty
	case err != nil:
		return &Front{Err: yamlError(err)}
	}
	root := document.Content[0]
	move(&document)
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return &Front{}
	}
	if root.Kind != yaml.MappingNode {
		return &Front{Err: &FrontError{Line: root.Line, Column: root.Column, Message: "the frontmatter is not a mapping of keys to values"}}
	}
	return &Front{Root: root}
}

// move changes the lines of nodes to those of the page. It skips the targets of aliases, which it moves at their own place.
func move(node *yaml.Node) {
	node.Line += shift
	for _, child := range node.Content {
		move(child)
	}
}

var yamlLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^yaml: (?:line (\d+): )?`) })

func yamlError(err error) *FrontError {
	found := &FrontError{Line: 1 + shift, Message: "the frontmatter is not YAML: "}
	message := strings.ReplaceAll(err.Error(), "\n", " ")
	if m := yamlLine().FindStringSubmatch(message); m != nil {
		if line, err := strconv.Atoi(m[1]); err == nil {
			found.Line = line + shift
		}
		message = message[len(m[0]):]
	}
	found.Message += message
	return found
}
