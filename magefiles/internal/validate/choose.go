package validate

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// parallel is the number of files that a check reads in parallel.
var parallel = runtime.GOMAXPROCS(0)

// Choose returns the checks that the comma-separated list names, in the order of all; all checks for "".
func Choose(all []Check, list string) ([]Check, error) {
	if strings.TrimSpace(list) == "" {
		return all, nil
	}
	wanted := map[string]bool{}
	names := make([]string, len(all))
	for i, c := range all {
		names[i] = c.Name
	}
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("-only=%s: unknown check %q (known: %s)", list, name, strings.Join(names, ", "))
		}
		wanted[name] = true
	}
	return slices.DeleteFunc(slices.Clone(all), func(c Check) bool { return !wanted[c.Name] }), nil
}
