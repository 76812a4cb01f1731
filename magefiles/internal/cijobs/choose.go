package cijobs

import (
	"fmt"
	"slices"
	"strings"
)

// Choose returns the jobs that list names, with commas between them, in the order of all; all for "".
func Choose(all []Job, list string) ([]Job, error) {
	if strings.TrimSpace(list) == "" {
		return all, nil
	}
	names := make([]string, len(all))
	for i, j := range all {
		names[i] = j.Name
	}
	wanted := strings.Split(list, ",")
	for i, name := range wanted {
		wanted[i] = strings.TrimSpace(name)
		if !slices.Contains(names, wanted[i]) {
			return nil, fmt.Errorf("-only=%s: job %q not found; expected one of %s", list, wanted[i], strings.Join(names, ", "))
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(j Job) bool { return !slices.Contains(wanted, j.Name) }), nil
}
