package markdown

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

// Settings are the rules that are on, with their options.
type Settings struct {
	on      uint64 // a bit for each of Rules
	warn    uint64 // those of which a finding is only a warning
	options []options
	// shown limits some rules to the findings that a reader sees. No settings file sets it.
	shown bool
}

// Defaults are the settings of an empty settings file: every rule, with markdownlint's defaults.
var Defaults = sync.OnceValue(func() *Settings {
	s := &Settings{on: 1<<len(Rules) - 1, options: make([]options, len(Rules))}
	for i, rule := range Rules {
		s.options[i] = rule.defaults
	}
	return s
})

// ParseSettings reads .markdownlint.yaml, or .markdownlint.json, which is valid YAML. It returns invalid settings as problems and applies
// the others. base reads the files that it extends, and may be nil.
func ParseSettings(text string, base Base) (*Settings, []Problem) {
	r := &reader{settings: Defaults().clone(), extends: base}
	r.parse(text)
	return r.settings, r.problems
}

// ParseCLI reads the settings of .markdownlint-cli2.yaml, or .markdownlint-cli2.jsonc after WithoutComments: its key config. They are nil if it
// has none.
func ParseCLI(text string, base Base) (*Settings, []Problem) {
	r := &reader{settings: Defaults().clone(), extends: base}
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(text), &root); err != nil || len(root.Content) == 0 || root.Content[0].Kind != yaml.MappingNode {
		r.parse(text) // the same findings as for another file
		return nil, r.problems
	}
	found := false
	for i := 0; i+1 < len(root.Content[0].Content); i += 2 {
		if key := root.Content[0].Content[i]; key.Value == "config" {
			found = true
			r.read(root.Content[0].Content[i+1])
		}
	}
	if !found {
		return nil, nil
	}
	return r.settings, r.problems
}

// Ignores are the patterns of files that .markdownlint-cli2.yaml leaves out: its key ignores.
func Ignores(text string) []string {
	var file struct {
		Ignores []string `yaml:"ignores"`
	}
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		return nil // ParseCLI reports it
	}
	return file.Ignores
}

// InFile says that a settings file states them.
func (s *Settings) InFile() bool { return !s.shown }

// Warns says that findings of a rule are only warnings.
func (s *Settings) Warns(rule string) bool {
	for _, i := range names()[rule] {
		return s.warn&(1<<i) != 0
	}
	return false
}

func (s *Settings) clone() *Settings {
	return &Settings{on: s.on, warn: s.warn, options: slices.Clone(s.options), shown: s.shown}
}

var yamlPlace = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^yaml: (?:line (\d+): )?`) })

func yamlError(err error) (line int, message string) {
	line, message = 1, strings.ReplaceAll(err.Error(), "\n", " ")
	if m := yamlPlace().FindStringSubmatch(message); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil {
			line = n
		}
		message = message[len(m[0]):]
	}
	return line, message
}

// reader takes settings one by one.
type reader struct {
	settings *Settings
	extends  Base
	problems []Problem
	others   map[*yaml.Node]bool // of files that this one extends
	deep     bool                // too many files extend each other
}

func (r *reader) parse(text string) {
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(text), &root); err != nil {
		line, message := yamlError(err)
		r.problems = append(r.problems, Problem{Line: line, Rule: SettingsRule, Message: "the settings are not YAML: " + message})
	} else if len(root.Content) > 0 {
		r.read(root.Content[0])
	}
}

func (r *reader) refuse(at *yaml.Node, format string, args ...any) {
	if r.others[at] {
		return // not a line of this file
	}
	r.problems = append(r.problems, Problem{Line: at.Line, Column: at.Column, Rule: SettingsRule, Message: fmt.Sprintf(format, args...)})
}

// unsupported are rules of other linters that this package does not have.
var unsupported = []string{"MD002", "MD006", "MD008", "MD015", "MD016", "MD017", "MD057"}

func (r *reader) read(root *yaml.Node) {
	if root.Tag == "!!null" {
		return
	}
	if root.Kind != yaml.MappingNode {
		r.refuse(root, "the settings are not a mapping of rules to options")
		return
	}
	root = r.extended(root, r.extends, 0)
	seen := map[string]bool{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		if key := root.Content[i]; strings.EqualFold(key.Value, "default") {
			r.all(root.Content[i+1])
		} else if seen[key.Value] {
			r.refuse(key, "%q is set twice", key.Value)
		}
		seen[root.Content[i].Value] = true
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		r.one(root.Content[i], root.Content[i+1])
	}
}

// all takes the setting default.
func (r *reader) all(value *yaml.Node) {
	on, ok := isOn(value)
	if !ok {
		r.refuse(value, "default must be true or false")
	} else if !on {
		r.settings.on = 0
	} else if value.Value == warning {
		r.settings.warn = r.settings.on
	}
}

// warning is the severity of rules whose findings do not fail.
const warning = "warning"

// isOn reads true and false, and their synonyms: "error" and "warning" are on, null is off.
func isOn(value *yaml.Node) (on, ok bool) {
	switch {
	case value.Kind != yaml.ScalarNode:
		return false, false
	case value.Tag == "!!null":
		return false, true
	case value.Tag == "!!bool":
		err := value.Decode(&on)
		return on, err == nil
	}
	return true, value.Value == "error" || value.Value == warning
}

func (r *reader) one(key, value *yaml.Node) {
	name := strings.ToUpper(key.Value)
	switch rules := names()[name]; {
	case name == "DEFAULT", name == "$SCHEMA":
	case slices.Contains(unsupported, name):
		r.refuse(key, "rule %s is not supported", name)
	case rules == nil:
		r.refuse(key, "unknown rule %q", key.Value)
	case value.Kind == yaml.MappingNode:
		for _, rule := range rules {
			r.set(rule, value)
		}
	default:
		on, ok := isOn(value)
		if !ok {
			r.refuse(value, "%s must be true, false, or a mapping of its options", key.Value)
			return
		}
		for _, rule := range rules {
			r.turn(rule, on)
			r.warns(rule, value)
			r.settings.options[rule] = Rules[rule].defaults
		}
	}
}

func (r *reader) warns(rule int, severity *yaml.Node) {
	if severity.Value == warning {
		r.settings.warn |= 1 << rule
	}
}

func (r *reader) turn(rule int, on bool) {
	r.settings.on &^= 1 << rule
	r.settings.warn &^= 1 << rule
	if on {
		r.settings.on |= 1 << rule
	}
}

// set reads the options of a rule.
func (r *reader) set(rule int, value *yaml.Node) {
	r.turn(rule, true)
	severity := &yaml.Node{}
	set := maps.Clone(Rules[rule].defaults)
	if set == nil {
		set = options{}
	}
	for i := 0; i+1 < len(value.Content); i += 2 {
		key, value := value.Content[i], value.Content[i+1]
		known, ok := set[key.Value]
		switch {
		case key.Value == "enabled":
			on, ok := isOn(value)
			if !ok {
				r.refuse(value, "enabled must be true or false")
			}
			r.turn(rule, on || !ok)
		case key.Value == "severity":
			if value.Value != "error" && value.Value != warning {
				r.refuse(value, "severity must be error or warning")
			}
			severity = value
		case !ok:
			r.refuse(key, "rule %s has no option %q", Rules[rule].ID, key.Value)
		default:
			if taken, want := decode(value, known, Rules[rule].choices[key.Value]); want != "" {
				r.refuse(value, "%s of %s: expected %s", key.Value, Rules[rule].ID, want)
			} else {
				set[key.Value] = taken
			}
		}
	}
	r.warns(rule, severity)
	r.settings.options[rule] = set
}

// decode reads a value of like's type; if it is of another type, want describes the expected one.
func decode(value *yaml.Node, like any, choices []string) (taken any, want string) {
	switch like.(type) {
	case int:
		n, err := strconv.Atoi(value.Value)
		if value.Kind != yaml.ScalarNode || err != nil || n < 0 || n > 1e6 {
			return nil, "a number"
		}
		return n, ""
	case bool:
		if on, ok := isOn(value); ok && value.Tag == "!!bool" {
			return on, ""
		}
		return nil, "true or false"
	case levels:
		return decodeLevels(value)
	case []string:
		return decodeList(value)
	}
	if value.Kind != yaml.ScalarNode {
		return nil, "text"
	}
	if choices != nil && !slices.Contains(choices, value.Value) {
		return nil, "one of " + strings.Join(choices, ", ")
	}
	return value.Value, ""
}

func decodeLevels(value *yaml.Node) (any, string) {
	set, list := levels{1, 1, 1, 1, 1, 1}, value.Content
	switch {
	case value.Kind == yaml.ScalarNode:
		list = []*yaml.Node{value, value, value, value, value, value}
	case value.Kind != yaml.SequenceNode:
		list = nil
	}
	for i := range min(len(list), len(set)) {
		n, err := strconv.Atoi(list[i].Value)
		if err != nil || n < -1 || n > 1e3 {
			return nil, "a number, or one for each level of headings"
		}
		set[i] = n
	}
	return set, ""
}

func decodeList(value *yaml.Node) (any, string) {
	if value.Kind != yaml.SequenceNode {
		return nil, "a list"
	}
	list := []string{}
	for _, element := range value.Content {
		if element.Kind != yaml.ScalarNode {
			return nil, "a list of strings"
		}
		list = append(list, element.Value)
	}
	return list, ""
}
