//go:build mage

package main

import (
	"fmt"
	"os"
	"sync"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/secret"
)

// secretVariables are those that hold secrets of targets, whatever the settings say.
var secretVariables = []string{
	passwordVariable, forgeTokenVariable, argoTokenVariable, argoOwnVariable, sshKeyVariable, signingKeyVariable, secret.TokenVariable,
}

// withhold takes the secrets out of the environment of this process, once: compilers, git, hooks, tests and credential helpers inherit it.
var withhold = sync.OnceValues(func() (func(string) string, error) {
	s := site.override(os.Getenv)
	named := secret.VariablesOf(s.RegistryPassword, s.ForgeToken, s.ArgoCDToken, s.SSHKey, s.SigningKey)
	lookup, err := secret.Withhold(append(named, secretVariables...), os.LookupEnv, os.Unsetenv)
	if err != nil {
		return os.Getenv, fmt.Errorf("take the secrets out of the environment: %w", err)
	}
	return lookup, nil
})

// getenv looks a variable up, those included that hold secrets.
func getenv(name string) string {
	lookup, _ := withhold() // run stopped if that failed
	return lookup(name)
}
