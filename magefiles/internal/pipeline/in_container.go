package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"

	"dagger.io/dagger"
)

// inContainer is a build in one container: step after step, on a base image, with a package manager that installs the requirements.
type inContainer struct {
	client *dagger.Client
	ctr    *dagger.Container
	site   Site
	begin  func(name string) (end func(error)) // nil: no step is shown
}

// namedStep is a part of a build.
type namedStep struct {
	name string
	run  func(context.Context) error
}

// caFile is the place of the certificate authorities of the site in the container.
const caFile = "/run/blumeops/ca.pem"

// steps makes the steps until one fails.
func (c *inContainer) steps(ctx context.Context, steps []namedStep) error {
	for _, s := range steps {
		if err := c.step(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (c *inContainer) step(ctx context.Context, s namedStep) (err error) {
	if c.begin != nil {
		end := c.begin(s.name)
		defer func() { end(err) }()
	}
	err = s.run(ctx)
	if own := (*engineError)(nil); errors.As(err, &own) {
		return err
	}
	return explain(err)
}

func (c *inContainer) sync(ctx context.Context, ctr *dagger.Container) (err error) {
	c.ctr, err = ctr.Sync(ctx)
	return err
}

// from begins with the base image. The choice says how to set another one.
func (c *inContainer) from(ctx context.Context, image, choice string) error {
	err := c.sync(ctx, c.client.Container().From(c.site.Mirrored(image)))
	if err != nil {
		text := removeNoise(err.Error())
		return &engineError{fmt.Sprintf("base image %s: %s", image, text), hintForBase(text, choice), err}
	}
	return nil
}

// variables are those of a package manager: the proxies, and those of the site's mirrors that it reads. The secrets may hold a password.
func (c *inContainer) variables(reads func(name string) bool) (env, secrets map[string]string) {
	env, secrets = map[string]string{}, map[string]string{}
	for name, value := range map[string]string{"HTTP_PROXY": c.site.HTTPProxy, "HTTPS_PROXY": c.site.HTTPSProxy, "NO_PROXY": c.site.NoProxy} {
		if value != "" {
			secrets[name] = value
		}
	}
	for name, value := range c.site.Packages {
		switch {
		case value == "" || !reads(name):
		case hasCredentials(value):
			secrets[name] = value
		default:
			env[name] = value
		}
	}
	return env, secrets
}

// hasCredentials reports whether a value may be an address with a password, such as user:password@proxy:3128, which has no scheme.
func hasCredentials(value string) bool {
	_, err := url.Parse(value)
	return err != nil || strings.Contains(value, "@")
}

// exec runs a command with variables and the site's certificate authorities, which only it has: they are not in the result, and the secrets in no
// cache key.
func (c *inContainer) exec(ctr *dagger.Container, command []string, env, secrets map[string]string, prefix string) (*dagger.Container, error) {
	if c.site.CAFile != "" {
		authorities, err := os.ReadFile(c.site.CAFile)
		if err != nil {
			return nil, err
		}
		ctr = ctr.WithMountedFile(caFile, c.client.Directory().WithNewFile("ca.pem", string(authorities)).File("ca.pem"))
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		ctr = ctr.WithEnvVariable(name, env[name])
	}
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		ctr = ctr.WithSecretVariable(name, c.client.SetSecret(prefix+name, secrets[name]))
	}
	ctr = ctr.WithExec(command)
	for name := range env {
		ctr = ctr.WithoutEnvVariable(name)
	}
	for name := range secrets {
		ctr = ctr.WithoutSecretVariable(name)
	}
	if c.site.CAFile != "" {
		ctr = ctr.WithoutMount(caFile)
	}
	return ctr, nil
}
