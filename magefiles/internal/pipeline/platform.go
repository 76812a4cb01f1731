package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// withPlatform returns the container with the platform that it was built for. Dagger 0.21.8 reports its own platform for the result of every
// Dockerfile; an index of such images would contain only one of them.
func withPlatform(ctx context.Context, client *dagger.Client, built *dagger.Container, want image.Platform) (*dagger.Container, error) {
	stated, err := built.Platform(ctx)
	if err != nil {
		return nil, err
	}
	if got, err := image.ParsePlatform(string(stated)); err == nil && got == want {
		return built, nil
	}
	corrected := client.Container(dagger.ContainerOpts{Platform: dagger.Platform(want.String())}).WithRootfs(built.Rootfs())
	for _, carry := range carriers {
		if corrected, err = carry(ctx, built, corrected); err != nil {
			return nil, fmt.Errorf("set the platform: %w", err)
		}
	}
	return corrected.Sync(ctx)
}

// explainPlatform explains the failure of a step if the engine's machine cannot run programs of its platform.
func explainPlatform(err error, p image.Platform, native string) error {
	var step *StepError
	if p.String() == native || !errors.As(err, &step) || !strings.Contains(step.Stderr, "exec format error") {
		return err
	}
	return &engineError{
		fmt.Sprintf("cannot run programs for %s on %s: %v", p, native, err),
		"install emulation: apt-get install qemu-user-static binfmt-support; or build on a machine of that platform: add its BuildKit to BLUMEOPS_BUILDERS, or set BUILDKIT_HOST to it; " +
			"or remove the platform from the container", err,
	}
}

// carriers copy the parts of an image's configuration that the Dagger API can both read and write. It cannot for volumes, the stop signal,
// ONBUILD and HEALTHCHECK: those are lost, but only if the platform had to be corrected.
var carriers = []func(ctx context.Context, from, to *dagger.Container) (*dagger.Container, error){
	carryEnv, carryLabels, carryPorts, carryCommand, carryUser,
}

func carryEnv(ctx context.Context, from, to *dagger.Container) (*dagger.Container, error) {
	vars, err := from.EnvVariables(ctx)
	if err != nil {
		return nil, err
	}
	for _, v := range vars {
		name, err := v.Name(ctx)
		if err != nil {
			return nil, err
		}
		value, err := v.Value(ctx)
		if err != nil {
			return nil, err
		}
		to = to.WithEnvVariable(name, value)
	}
	return to, nil
}

func carryLabels(ctx context.Context, from, to *dagger.Container) (*dagger.Container, error) {
	labels, err := from.Labels(ctx)
	if err != nil {
		return nil, err
	}
	for _, l := range labels {
		name, err := l.Name(ctx)
		if err != nil {
			return nil, err
		}
		value, err := l.Value(ctx)
		if err != nil {
			return nil, err
		}
		to = to.WithLabel(name, value)
	}
	return to, nil
}

func carryPorts(ctx context.Context, from, to *dagger.Container) (*dagger.Container, error) {
	ports, err := from.ExposedPorts(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range ports {
		number, err := p.Port(ctx)
		if err != nil {
			return nil, err
		}
		protocol, err := p.Protocol(ctx)
		if err != nil {
			return nil, err
		}
		to = to.WithExposedPort(number, dagger.ContainerWithExposedPortOpts{Protocol: protocol})
	}
	return to, nil
}

// carryCommand sets the entrypoint first, because setting it clears the arguments.
func carryCommand(ctx context.Context, from, to *dagger.Container) (*dagger.Container, error) {
	entrypoint, err := from.Entrypoint(ctx)
	if err != nil {
		return nil, err
	}
	if len(entrypoint) > 0 {
		to = to.WithEntrypoint(entrypoint)
	}
	args, err := from.DefaultArgs(ctx)
	if err != nil {
		return nil, err
	}
	if len(args) > 0 {
		to = to.WithDefaultArgs(args)
	}
	return to, nil
}

func carryUser(ctx context.Context, from, to *dagger.Container) (*dagger.Container, error) {
	user, err := from.User(ctx)
	if err != nil {
		return nil, err
	}
	if user != "" {
		to = to.WithUser(user)
	}
	workdir, err := from.Workdir(ctx)
	if err != nil {
		return nil, err
	}
	if workdir != "" {
		to = to.WithWorkdir(workdir)
	}
	return to, nil
}
