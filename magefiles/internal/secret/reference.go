// Package secret names secrets by reference, reads them late and all in one call, and keeps their values from being printed.
//
// A reference says where a value is:
//
//	op://vault/item[/section]/field[?attribute=otp]   a field or a file of an item in 1Password
//	env://NAME                                        an environment variable
//	file://PATH                                       a file: absolute, or relative to the repository's root
//
// A value is read unchanged, with one exception: one trailing line end of a file is dropped, because editors and echo add one.
// Values of several lines are allowed, empty ones never are.
package secret

import (
	"cmp"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	schemeOp   = "op"
	schemeEnv  = "env"
	schemeFile = "file"
)

// Reference names a secret. Its zero value names none. References are comparable.
type Reference struct {
	scheme   string // op, env or file
	path     string // the text after ://
	variable string // environment variable that overrides it, "" for none
}

// ParseReference reads an op://, env:// or file:// reference.
// The error says what was expected; it repeats s only if s begins like a reference, so that a password given in the wrong place is
// not printed.
func ParseReference(s string) (Reference, error) {
	scheme, path, found := strings.Cut(s, "://")
	check, known := map[string]func(string) error{schemeOp: checkOp, schemeEnv: checkEnv, schemeFile: checkFile}[scheme]
	if !found || !known {
		return Reference{}, fmt.Errorf("not a secret reference (%d characters): write op://vault/item/field, env://NAME or file://PATH", utf8.RuneCountInString(s))
	}
	if err := check(path); err != nil {
		return Reference{}, fmt.Errorf("secret reference %q: %w", s, err)
	}
	return Reference{scheme: scheme, path: path}, nil
}

// String is the reference as it was written.
func (r Reference) String() string {
	if r.IsZero() {
		return ""
	}
	return r.scheme + "://" + r.path
}

// IsZero reports whether r names no secret.
func (r Reference) IsZero() bool { return r.scheme == "" }

// WithVariable gives r an environment variable that overrides it when it is set: the setting's own, such as
// BLUMEOPS_REGISTRY_PASSWORD. The variable holds the value itself, or another reference, which is followed
// once.
func (r Reference) WithVariable(name string) Reference {
	r.variable = name
	return r
}

// Variable is the name given to WithVariable, "" if there is none.
func (r Reference) Variable() string { return r.variable }

// label is the name of r in messages: the reference, or the variable if there is no reference.
func (r Reference) label() string { return cmp.Or(r.String(), "$"+r.variable) }

// opPart follows 1Password's rules for a reference, as its SDK (v0.4.0) checks them; a test compares the two. A check here costs
// nothing, the SDK's check costs seconds of start. Empty and blank parts, which the SDK accepts, are refused: they cannot name
// anything.
// https://developer.1password.com/docs/cli/secret-reference-syntax
var opPart = regexp.MustCompile(`^[A-Za-z0-9_. -]+$`)

// The queries that the SDK reads in addition to the content of a field, and those that only the op command and a Connect server read:
// attributes of fields and of files.
var (
	sdkQueries = []string{"attribute=otp", "attribute=totp", "ssh-format=openssh"}
	opQueries  = []string{
		"attribute=type", "attribute=value", "attribute=id", "attribute=purpose",
		"attribute=content", "attribute=size", "attribute=name",
	}
)

// opReference are the parts of an op:// reference.
type opReference struct {
	vault, item, section, field string
	attribute                   string // of a field or a file; "" is its value
	ssh                         bool   // a key in the format of OpenSSH
}

// splitOp splits a reference that ParseReference accepted.
func splitOp(reference string) opReference {
	path, query, _ := strings.Cut(strings.TrimPrefix(reference, schemeOp+"://"), "?")
	parts := strings.Split(path, "/")
	attribute, _ := strings.CutPrefix(query, "attribute=")
	ref := opReference{vault: parts[0], item: parts[1], field: parts[len(parts)-1], attribute: attribute}
	if ref.ssh = query == "ssh-format=openssh"; ref.ssh {
		ref.attribute = ""
	}
	if len(parts) == 4 {
		ref.section = parts[2]
	}
	return ref
}

func checkOp(path string) error {
	path, query, asked := strings.Cut(path, "?")
	if asked && !slices.Contains(sdkQueries, query) && !slices.Contains(opQueries, query) {
		return fmt.Errorf("unknown query %q: 1Password supports %s; its op command and a Connect server also support %s", query, known(sdkQueries), known(opQueries))
	}
	parts := strings.Split(path, "/")
	if len(parts) < 3 || len(parts) > 4 {
		return fmt.Errorf("has %d parts: expected op://vault/item/field or op://vault/item/section/field", len(parts))
	}
	for _, part := range parts {
		if strings.TrimSpace(part) == "" {
			return fmt.Errorf("has an empty part: expected op://vault/item/field or op://vault/item/section/field")
		}
		if !opPart.MatchString(part) {
			return fmt.Errorf("%q has a character that 1Password does not allow (letters, digits, space, _, . and - only): use the ID of the vault, item or field instead of its name", part)
		}
	}
	return nil
}

// known is a list of queries in the form that people write.
func known(queries []string) string { return "?" + strings.Join(queries, ", ?") }

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func checkEnv(name string) error {
	if !variableName.MatchString(name) {
		return fmt.Errorf("%q is not a name of an environment variable: expected letters, digits and _ only, not beginning with a digit", name)
	}
	return nil
}

func checkFile(path string) error {
	switch {
	case path == "":
		return fmt.Errorf("has no path: expected file:///absolute/path or file://path/from/the/repository's/root")
	case !utf8.ValidString(path) || strings.ContainsFunc(path, unicode.IsControl):
		return fmt.Errorf("the path contains a control character or is not UTF-8")
	case path == "~" || strings.HasPrefix(path, "~/"):
		return fmt.Errorf("~ is not expanded: write the absolute path")
	case strings.HasSuffix(path, "/") || filepath.Base(path) == "." || filepath.Base(path) == "..":
		return fmt.Errorf("is a folder: expected the path of a file")
	}
	return nil
}
