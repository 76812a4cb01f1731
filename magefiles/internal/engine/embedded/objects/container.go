package objects

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"strings"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
)

// Container is a root file system with the configuration of an image, and the additional settings of an exec in it.
type Container struct {
	env      *Env
	platform ocispecs.Platform
	fs       llb.State
	config   config
	mounts   []mount
	secrets  []secretVariable
	sockets  []socketMount
	services []serviceBinding
	imageRef string
	last     *execution
	checks   checks
	built    bool // from a Dockerfile: it is an image, even if its root file system is empty
	terminal terminalCmd
	ownArgs  bool // withDefaultArgs set the default arguments
}

// config is the part of a container that its image keeps.
type config struct {
	env         pairs
	labels      pairs
	annotations pairs
	ports       []Port
	entrypoint  []string
	args        []string
	user        string
	workdir     string
	image       imageExtras
}

// Group are fields of an object that belong together.
type Group struct {
	Title  string
	Fields map[string]gql.Resolver
}

// ContainerGroups are the fields of Container, for the page that lists them.
func ContainerGroups() []Group {
	return []Group{
		{"Image", containerImageFields}, {"Configuration", containerConfigFields}, {"Commands", containerExecFields}, {"Terminals", containerTerminalFields}, {"Files", containerFileFields},
		{"Mounts", containerMountFields}, {"Sockets", containerSocketFields}, {"Services", containerServiceFields}, {"Secrets", containerSecretFields},
	}
}

func containerFields() map[string]gql.Resolver {
	out := map[string]gql.Resolver{}
	for _, g := range ContainerGroups() {
		maps.Copy(out, g.Fields)
	}
	return out
}

var containerSecretFields = map[string]gql.Resolver{
	"withSecretVariable":    setter((*Container).setSecretVariable),
	"withoutSecretVariable": setter((*Container).unsetSecretVariable),
	"withRegistryAuth":      setter((*Container).setRegistryAuth),
	"withoutRegistryAuth":   setter(func(c *Container, a gql.Args) error { c.env.Auth.Forget(a.String("address")); return nil }),
}

// setter is a resolver that gives a changed copy of the container.
func setter(f func(c *Container, a gql.Args) error) gql.Resolver {
	return field(func(c *Container, _ context.Context, a gql.Args) (any, error) {
		out := *c
		return &out, f(&out, a)
	})
}

// getter is a resolver that reads the configuration after the container's checks: a command that fails is reported here too.
func getter(f func(c *Container, a gql.Args) any) gql.Resolver {
	return field(func(c *Container, ctx context.Context, a gql.Args) (any, error) {
		sound := c.checks.run
		if c.last != nil {
			sound = c.ready
		}
		if err := sound(ctx); err != nil {
			return nil, err
		}
		return f(c, a), nil
	})
}

var containerConfigFields = map[string]gql.Resolver{
	"platform": getter(func(c *Container, _ gql.Args) any { return platforms.Format(c.platform) }),
	"imageRef": field(func(c *Container, _ context.Context, _ gql.Args) (any, error) {
		if c.imageRef == "" {
			//lint:ignore ST1005 these are Dagger's words
			return nil, errors.New("Image reference can only be retrieved immediately after the 'Container.From' call. Error in fetching imageRef as the container image is changed")
		}
		return c.imageRef, nil
	}),
	"user":           getter(func(c *Container, _ gql.Args) any { return c.config.user }),
	"withUser":       setter(func(c *Container, a gql.Args) error { c.config.user = a.String("name"); return nil }),
	"withoutUser":    setter(func(c *Container, _ gql.Args) error { c.config.user = ""; return nil }),
	"workdir":        getter(func(c *Container, _ gql.Args) any { return c.config.workdir }),
	"withWorkdir":    setter((*Container).setWorkdir),
	"withoutWorkdir": setter(func(c *Container, _ gql.Args) error { c.config.workdir = ""; return nil }),
	"entrypoint":     getter(func(c *Container, _ gql.Args) any { return list(c.config.entrypoint) }),
	"withEntrypoint": setter(func(c *Container, a gql.Args) error {
		c.setEntrypoint(a.Strings("args"), a.Bool("keepDefaultArgs"))
		return nil
	}),
	"withoutEntrypoint":  setter(func(c *Container, a gql.Args) error { c.setEntrypoint(nil, a.Bool("keepDefaultArgs")); return nil }),
	"defaultArgs":        getter(func(c *Container, _ gql.Args) any { return list(c.config.args) }),
	"withDefaultArgs":    setter(func(c *Container, a gql.Args) error { c.config.args, c.ownArgs = a.Strings("args"), true; return nil }),
	"withoutDefaultArgs": setter(func(c *Container, _ gql.Args) error { c.config.args, c.ownArgs = nil, false; return nil }),
	"envVariable":        getter(func(c *Container, a gql.Args) any { return optional(c.config.env.get(a.String("name"))) }),
	"envVariables": getter(func(c *Container, _ gql.Args) any {
		return each(c.config.env, func(p pair) any { return EnvVariable(p) })
	}),
	"withEnvVariable":    setter((*Container).setEnv),
	"withoutEnvVariable": setter(func(c *Container, a gql.Args) error { c.config.env = c.config.env.unset(a.String("name")); return nil }),
	"label":              getter(func(c *Container, a gql.Args) any { return optional(c.config.labels.get(a.String("name"))) }),
	"labels":             getter(func(c *Container, _ gql.Args) any { return each(c.config.labels, func(p pair) any { return Label(p) }) }),
	"withLabel": setter(func(c *Container, a gql.Args) error {
		c.config.labels = c.config.labels.set(a.String("name"), a.String("value"))
		return nil
	}),
	"withoutLabel": setter(func(c *Container, a gql.Args) error {
		c.config.labels = c.config.labels.unset(a.String("name"))
		return nil
	}),
	"withAnnotation": setter(func(c *Container, a gql.Args) error {
		c.config.annotations = c.config.annotations.set(a.String("name"), a.String("value"))
		return nil
	}),
	"withoutAnnotation": setter(func(c *Container, a gql.Args) error {
		c.config.annotations = c.config.annotations.unset(a.String("name"))
		return nil
	}),
	"exposedPorts":           getter(func(c *Container, _ gql.Args) any { return each(c.config.ports, func(p Port) any { return p }) }),
	"withExposedPort":        setter((*Container).exposePort),
	"withoutExposedPort":     setter((*Container).hidePort),
	"withDefaultTerminalCmd": setter((*Container).setTerminalCmd),

	"dockerHealthcheck":        field((*Container).healthcheck),
	"withDockerHealthcheck":    setter((*Container).setHealthcheck),
	"withoutDockerHealthcheck": setter(func(c *Container, _ gql.Args) error { c.config.image.Healthcheck = nil; return nil }),
}

func optional(v string, ok bool) any {
	if !ok {
		return nil
	}
	return v
}

func list(v []string) []string {
	if v == nil {
		return []string{}
	}
	return v
}

func each[T any](in []T, f func(T) any) []any {
	out := []any{}
	for _, v := range in {
		out = append(out, f(v))
	}
	return out
}

// ready makes the container's root file system, after the checks.
func (c *Container) ready(ctx context.Context) error {
	if err := c.checks.run(ctx); err != nil {
		return err
	}
	return c.env.evaluate(ctx, c.fs)
}

// path makes a path of the container absolute: a relative path starts at the working directory. An absolute path is not changed.
func (c *Container) path(p string) string {
	if path.IsAbs(p) {
		return p
	}
	return path.Join("/", c.config.workdir, p)
}

// arg returns a string argument, with the container's variables expanded if the caller asked for that.
func (c *Container) arg(a gql.Args, name string) string {
	if a.Bool("expand") {
		return c.expand(a.String(name))
	}
	return a.String(name)
}

func (c *Container) expand(s string) string {
	return os.Expand(s, func(name string) string {
		v, _ := c.config.env.get(name)
		return v
	})
}

func (c *Container) setWorkdir(a gql.Args) error {
	c.config.workdir = c.path(c.arg(a, "path"))
	return nil
}

func (c *Container) setEntrypoint(args []string, keep bool) {
	c.config.entrypoint = args
	if !keep {
		c.config.args, c.ownArgs = nil, false
	}
}

func (c *Container) setEnv(a gql.Args) error {
	c.config.env = c.config.env.set(a.String("name"), c.arg(a, "value"))
	return nil
}

func (c *Container) exposePort(a gql.Args) error {
	p := Port{port: a.Int("port"), protocol: a.String("protocol"), skipHealthcheck: a.Bool("experimentalSkipHealthcheck")}
	if p.protocol == "" {
		p.protocol = "TCP"
	}
	if a.Has("description") {
		d := a.String("description")
		p.description = &d
	}
	c.config.ports = append(withoutPort(c.config.ports, p.port, p.protocol), p)
	return nil
}

func (c *Container) hidePort(a gql.Args) error {
	protocol := a.String("protocol")
	if protocol == "" {
		protocol = "TCP"
	}
	c.config.ports = withoutPort(c.config.ports, a.Int("port"), protocol)
	return nil
}

func withoutPort(in []Port, port int, protocol string) []Port {
	var out []Port
	for _, p := range in {
		if p.port != port || p.protocol != protocol {
			out = append(out, p)
		}
	}
	return out
}

func (c *Container) setRegistryAuth(a gql.Args) error {
	s, _, err := gql.Object[*Secret](a, "secret")
	if err != nil {
		return err
	}
	return c.env.Auth.Set(a.String("address"), a.String("username"), s.Plaintext)
}

func (c *Container) setError(a gql.Args) error {
	if msg := a.String("err"); msg != "" {
		c.checks = c.checks.with(func(context.Context) error { return errors.New(msg) })
	}
	return nil
}

// owner returns the ownership for a name in the container's root file system, or for numbers.
func (c *Container) owner(ctx context.Context, owner string) (ownership, error) {
	if err := c.checks.run(ctx); err != nil {
		return ownership{}, err
	}
	if strings.HasPrefix(owner, ":") {
		owner = "0" + owner // without a name, a container's user is root
	}
	if strings.HasSuffix(owner, ":") {
		owner += "0" // and so is its group
	}
	o, err := c.env.ownerOf(ctx, c.fs, owner)
	for _, file := range []string{"/etc/passwd", "/etc/group"} {
		if err != nil && err.Error() == notExist("open", file).Error() {
			err = fmt.Errorf("open /etc/passwd: %w", notExist("stat", file)) // of either file, in Dagger's words
		}
	}
	return o, err
}
