package app

import (
	"fmt"
	"os"
	"sync"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/secret"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/settings"
)

// withheld looks up the variables that were taken out of the environment of this process, which several targets of one command share.
var withheld = struct {
	sync.Once
	lookup func(string) string
	err    error
}{lookup: os.Getenv}

// withhold takes the secrets out of the environment of this process, once: compilers, git, hooks, tests and credential helpers inherit it. lookup
// looks a variable up, those included.
func withhold(s settings.Settings) (lookup func(string) string, err error) {
	withheld.Do(func() {
		lookup, err := secret.Withhold(s.SecretNames(), os.LookupEnv, os.Unsetenv)
		if err != nil {
			withheld.err = fmt.Errorf("remove the secrets from the environment: %w", err)
			return
		}
		withheld.lookup = lookup
	})
	return withheld.lookup, withheld.err
}

// inCI reports whether a job runs this, as Forgejo's and GitHub's runners state.
func inCI() bool { return os.Getenv("CI") == "true" }
