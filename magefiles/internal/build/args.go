package build

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

var argName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// parseArgs reads build arguments, as in K=V,K2=V2.
func parseArgs(list string) (map[string]string, error) {
	args := map[string]string{}
	if list == "" {
		return args, nil
	}
	for item := range strings.SplitSeq(list, ",") {
		name, value, ok := strings.Cut(item, "=")
		_, twice := args[name]
		reason := ""
		switch {
		case !ok:
			reason = "expected NAME=VALUE, separated by commas; a value cannot contain a comma"
		case !argName.MatchString(name):
			reason = "the name may only contain letters, digits and underscores"
		case twice:
			reason = "must be given only once"
		case value == "":
			reason = "the value is empty, which Dagger cannot pass; omit it, and make the default in the Dockerfile empty"
		}
		if reason != "" {
			return nil, &image.InvalidError{What: "build argument", Input: item, Reason: reason}
		}
		args[name] = value
	}
	return args, nil
}

// joinArgs is the text that parseArgs reads.
func joinArgs(args map[string]string) string {
	items := make([]string, 0, len(args))
	for _, name := range slices.Sorted(maps.Keys(args)) {
		items = append(items, name+"="+args[name])
	}
	return strings.Join(items, ",")
}
