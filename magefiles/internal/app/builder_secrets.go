package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/pipeline"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/secret"
)

// MountSecrets reads the flag -secret. The values are read when a Dockerfile is built; until then no program that is started inherits them.
func (a *App) MountSecrets(list string) (err error) {
	if a.mounted, err = secret.ParseNamed(list); err != nil || len(a.mounted) == 0 {
		return console.BadInput(err)
	}
	var references []string
	for _, ref := range a.mounted {
		references = append(references, ref.String())
	}
	lookup := func(name string) (string, bool) { v := a.getenv(name); return v, v != "" }
	held, err := secret.Withhold(secret.VariablesOf(references...), lookup, os.Unsetenv)
	if err != nil {
		return fmt.Errorf("remove the secrets from the environment: %w", err)
	}
	a.secrets = a.resolver(held)
	return nil
}

// secrets are those that a Dockerfile may mount. A program has no use for them, which is an error unless it is one of several containers.
func (b builder) secrets(ctx context.Context, c image.Container) ([]pipeline.Secret, error) {
	ids := slices.Sorted(maps.Keys(b.app.mounted))
	if c.Kind == image.KindGo && len(ids) > 0 && b.failed == nil {
		return nil, console.BadInput(fmt.Errorf("%s is a Go program and accepts no secrets: remove -secret", c.Name))
	}
	if c.Kind == image.KindGo || len(ids) == 0 {
		return nil, nil
	}
	refs := make([]secret.Reference, len(ids))
	for i, id := range ids {
		refs[i] = b.app.mounted[id]
	}
	values, err := b.app.secrets.Resolve(ctx, refs...)
	var bad *secret.Error
	if errors.As(err, &bad) && bad.State != secret.Unreachable && b.failed == nil { // of several containers others may be built
		return nil, console.BadInput(err)
	}
	if err != nil {
		return nil, err
	}
	secrets := make([]pipeline.Secret, len(ids))
	for i, id := range ids {
		secrets[i] = pipeline.Secret{Name: id, Value: values[i].Reveal()}
	}
	return secrets, nil
}
