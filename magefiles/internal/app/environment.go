package app

import (
	"fmt"
	"os"
	"sync"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/secret"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/site"
)

// withheld looks up the variables that were taken out of the environment of this process, which several targets of one command share.
var withheld = struct {
	sync.Once
	lookup func(string) string
	err    error
}{lookup: os.Getenv}

// withhold takes the secrets out of the environment of this process, once: compilers, git, hooks, tests and credential helpers inherit it.
func withhold(s site.Settings) error {
	withheld.Do(func() {
		lookup, err := secret.Withhold(s.SecretNames(), os.LookupEnv, os.Unsetenv)
		if err != nil {
			withheld.err = fmt.Errorf("take the secrets out of the environment: %w", err)
			return
		}
		withheld.lookup = lookup
	})
	return withheld.err
}

// getenv looks a variable up, those included that hold secrets.
func getenv(name string) string { return withheld.lookup(name) }

// inCI reports whether a job runs this, as Forgejo's and GitHub's runners state.
func inCI() bool { return os.Getenv("CI") == "true" }
