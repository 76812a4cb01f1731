package objects

import (
	"context"
	"errors"
	"fmt"
	"time"

	v1 "github.com/moby/docker-image-spec/specs-go/v1"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
)

// HealthcheckConfig is the health check of a container's image, as HEALTHCHECK in a Dockerfile.
type HealthcheckConfig struct {
	args   []string
	shell  bool
	config v1.HealthcheckConfig
}

// healthField is a resolver that reads a part of the health check.
func healthField(f func(h HealthcheckConfig) any) gql.Resolver {
	return field(func(h HealthcheckConfig, _ context.Context, _ gql.Args) (any, error) { return f(h), nil })
}

var healthcheckFields = map[string]gql.Resolver{
	"args":          healthField(func(h HealthcheckConfig) any { return h.args }),
	"shell":         healthField(func(h HealthcheckConfig) any { return h.shell }),
	"interval":      healthField(func(h HealthcheckConfig) any { return h.config.Interval.String() }),
	"timeout":       healthField(func(h HealthcheckConfig) any { return h.config.Timeout.String() }),
	"startPeriod":   healthField(func(h HealthcheckConfig) any { return h.config.StartPeriod.String() }),
	"startInterval": healthField(func(h HealthcheckConfig) any { return h.config.StartInterval.String() }),
	"retries":       healthField(func(h HealthcheckConfig) any { return h.config.Retries }),
}

func (c *Container) setHealthcheck(a gql.Args) error {
	args := a.Strings("args")
	h := v1.HealthcheckConfig{Test: append([]string{"CMD"}, args...), Retries: a.Int("retries")}
	switch {
	case a.Bool("shell") && len(args) != 1:
		return errors.New("WithHealthcheck args must be a single element when shell mode is set")
	case len(args) == 0:
		return errors.New("WithHealthcheck args is missing")
	case a.Bool("shell"):
		h.Test[0] = "CMD-SHELL"
	}
	for name, to := range map[string]*time.Duration{
		"interval": &h.Interval, "timeout": &h.Timeout, "startPeriod": &h.StartPeriod, "startInterval": &h.StartInterval,
	} {
		if !a.Has(name) {
			continue
		}
		var err error
		if *to, err = time.ParseDuration(a.String(name)); err != nil {
			return err
		}
	}
	c.config.image.Healthcheck = &h
	return nil
}

// checked is the health check; nil if there is none, or if HEALTHCHECK NONE removed it.
func (c config) checked() *v1.HealthcheckConfig {
	h := c.image.Healthcheck
	if h == nil || len(h.Test) == 0 || h.Test[0] == "NONE" {
		return nil
	}
	return h
}

func (c *Container) healthcheck(ctx context.Context, _ gql.Args) (any, error) {
	if err := c.ready(ctx); err != nil {
		return nil, err
	}
	h := c.config.checked()
	if h == nil {
		return nil, nil
	}
	kind, args := h.Test[0], h.Test[1:]
	switch {
	case kind == "CMD-SHELL" && len(args) != 1:
		return nil, fmt.Errorf("HEALTHCHECK command is a shell command, but got unexpected length of %d; cmd=%v", len(h.Test), h.Test)
	case kind == "CMD" && len(args) == 0:
		return nil, errors.New("HEALTHCHECK command is empty")
	case kind != "CMD" && kind != "CMD-SHELL":
		return nil, fmt.Errorf("unexpected HEALTHCHECK command of type %s found", kind)
	}
	return HealthcheckConfig{args: args, shell: kind == "CMD-SHELL", config: *h}, nil
}
