package python

import (
	"errors"
	"fmt"
	"mime"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
)

// Metadata is the core metadata of a wheel or an sdist.
type Metadata struct {
	Name    Name
	Version Version

	fields map[string][]string // by the name of the field in lower case
	order  []Field
}

// Field is a field of the metadata with its value.
type Field struct{ Name, Value string }

// Fields are the fields as they are in the file, with the text below them as Description.
func (m Metadata) Fields() []Field { return m.order }

func (m Metadata) get(name string) string {
	if values := m.fields[strings.ToLower(name)]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// ParseMetadata reads METADATA or PKG-INFO: fields as in the header of a message, and a description below.
func ParseMetadata(text string) (m Metadata, err error) {
	if !utf8.ValidString(text) {
		return m, errors.New("has metadata that is not UTF-8")
	}
	m.fields = map[string][]string{}
	add := func(name, value string) {
		m.order = append(m.order, Field{name, value})
		m.fields[strings.ToLower(name)] = append(m.fields[strings.ToLower(name)], value)
	}
	head, description, _ := strings.Cut(strings.ReplaceAll(text, "\r\n", "\n")+"\n", "\n\n")
	for line := range strings.Lines(head) {
		line = strings.TrimSuffix(line, "\n")
		if n := len(m.order) - 1; n >= 0 && strings.TrimLeft(line, " \t") != line {
			last := &m.order[n]
			last.Value += "\n" + continued(line)
			values := m.fields[strings.ToLower(last.Name)]
			values[len(values)-1] = last.Value
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || !fieldName.MatchString(name) {
			if line == "" {
				continue
			}
			return m, fmt.Errorf("has an invalid line in its metadata: %s", plain.Short(line, 60))
		}
		add(name, strings.TrimSpace(value))
	}
	if strings.TrimSpace(description) != "" {
		add("Description", strings.TrimSuffix(description, "\n"))
	}
	for _, name := range []string{"Metadata-Version", "Name", "Version"} {
		if n := len(m.fields[strings.ToLower(name)]); n != 1 {
			return m, fmt.Errorf("has %d fields %s in its metadata, expected one", n, name)
		}
	}
	if m.Name, err = ParseName(m.get("Name")); err != nil {
		return m, fmt.Errorf("has an invalid name in its metadata: %w", err)
	}
	if m.Version, err = ParseVersion(m.get("Version")); err != nil {
		return m, fmt.Errorf("has an invalid version in its metadata: %w", err)
	}
	return m, nil
}

// continued is a line that continues a field, without the indentation of 8 spaces or of a | that build backends use.
func continued(line string) string {
	if rest, ok := strings.CutPrefix(line, "        "); ok {
		return strings.TrimPrefix(rest, "|")
	}
	return strings.TrimLeft(line, " \t")
}

var fieldName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`)

// agrees compares the metadata with the name of its file.
func (m Metadata) agrees(name, version string) error {
	v, err := ParseVersion(strings.ReplaceAll(version, "_", "-"))
	if err != nil {
		return fmt.Errorf("has an invalid version in its name: %w", err)
	}
	if Name(name).Normalized() != m.Name.Normalized() || v.Compare(m.Version) != 0 {
		return fmt.Errorf("has metadata of %s %s", m.Name, m.Version)
	}
	return nil
}

// The forms of fields.
var (
	contentTypes   = []string{"text/plain", "text/x-rst", "text/markdown"}
	classifierForm = regexp.MustCompile(`^[!-~]+( [!-~]+)*$`)
	licenceToken   = regexp.MustCompile(`\(|\)|[^\s()]+`)
	licenceID      = regexp.MustCompile(`^(?:DocumentRef-[A-Za-z0-9.-]+:)?[A-Za-z0-9.-]+\+?$`)
)

// Faults are the reasons for which an index would refuse the file or not show it, apart from those that need its lists: known classifiers and
// licences.
func (m Metadata) Faults() (faults []string) {
	say := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if text := m.get("Description-Content-Type"); text != "" {
		kind, params, err := mime.ParseMediaType(text)
		switch {
		case err != nil || !slices.Contains(contentTypes, kind):
			say("the content type of the README is %q: expected one of %s", plain.Short(text, 60), strings.Join(contentTypes, ", "))
		case params["charset"] != "" && !strings.EqualFold(params["charset"], "UTF-8"):
			say("the README has the charset %q: expected UTF-8", plain.Short(params["charset"], 60))
		case kind == "text/markdown" && params["variant"] != "" && params["variant"] != "GFM" && params["variant"] != "CommonMark":
			say("the README has the variant %q: expected GFM or CommonMark", plain.Short(params["variant"], 60))
		}
	}
	if strings.Contains(m.get("Summary"), "\n") {
		say("the summary (description in [project]) has more than one line")
	}
	for _, c := range m.fields["classifier"] {
		parts := strings.Split(c, " :: ")
		if len(parts) < 2 || slices.ContainsFunc(parts, func(p string) bool { return !classifierForm.MatchString(p) || strings.Contains(p, "::") }) {
			say("classifier %q does not have the form A :: B", plain.Short(c, 80))
		}
	}
	if text := m.get("License-Expression"); text != "" {
		if !isLicence(licenceToken.FindAllString(text, -1)) {
			say("licence %q is not an expression of SPDX", plain.Short(text, 80))
		}
		if slices.ContainsFunc(m.fields["classifier"], func(c string) bool { return strings.HasPrefix(c, "License ::") }) {
			say("it has both a licence expression and a classifier of a licence: remove the classifier")
		}
	}
	return faults
}

// isLicence checks the form of an expression of SPDX: licences, WITH, AND, OR, parentheses.
func isLicence(tokens []string) bool {
	depth, operand := 0, true // expected next
	for i, token := range tokens {
		word := strings.ToUpper(token)
		isOperator := word == "AND" || word == "OR" || word == "WITH"
		switch {
		case token == "(" && operand && (i == 0 || !strings.EqualFold(tokens[i-1], "WITH")):
			depth++
		case token == ")" && !operand && depth > 0:
			depth--
		case isOperator && !operand && !(word == "WITH" && tokens[i-1] == ")"):
			operand = true
		case operand && !isOperator && licenceID.MatchString(token):
			operand = false
		default:
			return false
		}
	}
	return depth == 0 && !operand
}
