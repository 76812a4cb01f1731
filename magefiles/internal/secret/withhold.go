package secret

import "strings"

// Withhold removes variables that hold secrets from the environment, and returns a look-up that still knows them: programs that are started
// later do not inherit them, whichever library starts them. If a variable refers to another one, that is removed too.
func Withhold(names []string, lookup func(string) (string, bool), unset func(string) error) (func(name string) string, error) {
	held := map[string]string{}
	for i := 0; i < len(names); i++ { // it grows
		value, set := lookup(names[i])
		if _, known := held[names[i]]; !set || known {
			continue
		}
		if err := unset(names[i]); err != nil {
			return nil, err
		}
		held[names[i]] = value
		names = append(names, VariablesOf(value)...)
	}
	return func(name string) string {
		if value, is := held[name]; is {
			return value
		}
		value, _ := lookup(name)
		return value
	}, nil
}

// VariablesOf are the names of variables that references name: NAME for env://NAME.
func VariablesOf(references ...string) (names []string) {
	for _, reference := range references {
		if name, is := strings.CutPrefix(strings.TrimSpace(reference), "env://"); is && checkEnv(name) == nil {
			names = append(names, name)
		}
	}
	return names
}
