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
			reason = "want NAME=VALUE, several with commas between them; a value cannot hold a comma"
		case !argName.MatchString(name):
			reason = "its name may have letters, digits and underscores only"
		case twice:
			reason = "is given twice"
		case value == "":
			reason = "has no value, and Dagger cannot pass an empty one; leave it away, and let the Dockerfile's own default be empty"
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
