package secret

import (
	"fmt"
	"regexp"
	"strings"
)

// buildID matches the ids that RUN --mount=type=secret,id= may name.
var buildID = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)

// ParseNamed reads the secrets of a build, as in ID=REFERENCE,ID2=REFERENCE2. Errors only repeat an ID: a value given instead of a reference is
// not printed.
func ParseNamed(list string) (map[string]Reference, error) {
	named := map[string]Reference{}
	if list == "" {
		return named, nil
	}
	for item := range strings.SplitSeq(list, ",") {
		id, reference, ok := strings.Cut(item, "=")
		if !ok || !buildID.MatchString(id) {
			return nil, fmt.Errorf("build secrets: expected ID=REFERENCE, separated by commas; an ID has letters, digits, _, . and -, " +
				"and a reference cannot contain a comma")
		}
		if _, twice := named[id]; twice {
			return nil, fmt.Errorf("build secret %s is given twice", id)
		}
		ref, err := ParseReference(reference)
		if err != nil {
			return nil, fmt.Errorf("build secret %s: %w", id, err)
		}
		named[id] = ref
	}
	return named, nil
}
