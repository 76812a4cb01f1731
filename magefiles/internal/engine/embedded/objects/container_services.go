package objects

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/moby/buildkit/client/llb"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/solver"
)

var containerServiceFields = map[string]gql.Resolver{
	"asService":          field((*Container).asService),
	"withServiceBinding": field((*Container).withServiceBinding),
	"up": field(func(c *Container, ctx context.Context, a gql.Args) (any, error) {
		s, err := c.asService(ctx, a)
		if err != nil {
			return nil, err
		}
		return s.(*Service).up(ctx, a)
	}),
}

// hostsVariable is a secret variable of a step with the names and the addresses of its services, as lines of /etc/hosts. The engine's own BuildKit
// daemon removes it and writes the file. The id of the secret is part of the step's cache key; the value is not. BuildKit requests the value when
// the step runs: then the services are started.
const hostsVariable = "BLUMEOPS_HOSTS"

// serviceSecret begins the ids of these secrets.
const serviceSecret = "services:"

// serviceBinding is a service by the names that a step has for it.
type serviceBinding struct {
	service *Service
	aliases []string
}

func (c *Container) withServiceBinding(ctx context.Context, a gql.Args) (any, error) {
	s, _, err := gql.Object[*Service](a, "service")
	if err != nil {
		return nil, err
	}
	id, err := s.id(ctx)
	if err != nil {
		return nil, err
	}
	out := *c
	out.services = nil
	added := false
	alias := a.String("alias")
	if err := validName(alias); err != nil {
		return nil, fmt.Errorf("alias: %w", err)
	}
	for _, b := range c.services {
		other, err := b.service.id(ctx)
		if err != nil {
			return nil, err
		}
		b.aliases = slices.Clone(b.aliases)
		b.aliases = slices.DeleteFunc(b.aliases, func(n string) bool { return n == alias }) // the last service with a name has it
		if other == id {
			b.aliases, added = append(b.aliases, alias), true
		}
		out.services = append(out.services, b)
	}
	if !added {
		out.services = append(out.services, serviceBinding{service: s, aliases: []string{alias}})
	}
	return &out, nil
}

// validName refuses names that a line of /etc/hosts cannot hold, and addresses, which are never looked up there.
func validName(name string) error {
	if _, err := netip.ParseAddr(name); err == nil || name == "" || strings.ContainsAny(name, " \t\r\n#") {
		return fmt.Errorf("invalid name %q of a service: expected a host name", name)
	}
	return nil
}

// bind returns the id of the secret with the addresses of the container's services; "" if it has none.
func (c *Container) bind(ctx context.Context) (string, error) {
	if len(c.services) == 0 {
		return "", nil
	}
	h := sha256.New()
	for _, b := range c.services {
		id, err := b.service.id(ctx)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%q %q\n", id, b.aliases)
	}
	id := serviceSecret + hex.EncodeToString(h.Sum(nil)[:16])
	c.env.Services.use(id, c.services)
	return id, nil
}

// bindOptions are the run options for the secret.
func bindOptions(id string) []llb.RunOption {
	if id == "" {
		return nil
	}
	return []llb.RunOption{llb.AddSecret(hostsVariable, llb.SecretAsEnv(true), llb.SecretID(id))}
}

func (all *Services) use(id string, bindings []serviceBinding) {
	all.mu.Lock()
	defer all.mu.Unlock()
	all.uses[id] = bindings
}

func (all *Services) used(id string) []serviceBinding {
	all.mu.Lock()
	defer all.mu.Unlock()
	return all.uses[id]
}

// Secret returns the value of the secret if it is one of the services, which it starts.
func (all *Services) Secret(ctx context.Context, id string) (value []byte, ok bool, err error) {
	if !strings.HasPrefix(id, serviceSecret) {
		return nil, false, nil
	}
	hosts, err := all.hosts(ctx, id)
	return []byte(hosts), true, err
}

// hosts starts the services of a step, and returns their addresses.
func (all *Services) hosts(ctx context.Context, id string) (string, error) {
	bindings := all.used(id)
	lines, given := make([]string, len(bindings)), make([]*runningService, len(bindings))
	errs := make(chan error, len(bindings))
	for i, b := range bindings {
		go func() {
			r, err := all.start(ctx, b.service)
			if err == nil {
				lines[i], given[i] = b.lines(r), r
			} else {
				err = b.startError(ctx, err)
			}
			errs <- err
		}()
	}
	var first error
	for range bindings {
		if err := <-errs; first == nil {
			first = err
		}
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	delete(all.failed, id)
	all.given[id] = given
	if first != nil {
		all.failed[id] = first
	}
	return strings.Join(lines, ""), first
}

// bindTo starts the services of a process, and gives it their addresses. id is that of its secret, "" for none.
func (all *Services) bindTo(ctx context.Context, p *solver.Process, id string) error {
	if id == "" {
		return nil
	}
	hosts, err := all.hosts(ctx, id)
	p.Set(hostsVariable, hosts)
	return err
}

// lines are the lines of /etc/hosts: a line for each name.
func (b serviceBinding) lines(r *runningService) string {
	var text strings.Builder
	for _, name := range append(slices.Clone(b.aliases), r.host) {
		fmt.Fprintf(&text, "%s %s\n", r.address, name)
	}
	return text.String()
}

// spanless matches the span of an error, which a new span replaces.
var spanless = regexp.MustCompile(`\[traceparent:[0-9a-f-]+\]`)

// startError is the error of a step whose service did not start.
func (b serviceBinding) startError(ctx context.Context, err error) error {
	host, hostErr := b.service.host(ctx)
	if hostErr != nil {
		return hostErr
	}
	start := fmt.Sprintf("start %s (aliased as %s): ", host, strings.Join(b.aliases, ", "))
	var exec *ExecError
	if !errors.As(err, &exec) {
		return errors.New(start + strings.TrimSpace(spanless.ReplaceAllString(err.Error(), "")))
	}
	out := *exec
	out.message = start + out.message
	return &out
}

// startFailure is the error of the start of a service that the failed command uses; nil if they started.
func (all *Services) startFailure(f *solver.Failure, err error) error {
	id := f.SecretVariable(hostsVariable)
	if id == "" {
		return nil
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	if start := all.failed[id]; start != nil && strings.Contains(err.Error(), start.Error()) {
		return inSpan(start)
	}
	return nil
}

// blame shows the logs of the services that the failed command uses, and names those that have ended, with their last lines.
func (all *Services) blame(f *solver.Failure) string {
	var ended, lines strings.Builder
	id := f.SecretVariable(hostsVariable)
	all.mu.Lock()
	bindings, given := all.uses[id], all.given[id]
	all.mu.Unlock()
	for i, r := range given {
		if r == nil {
			continue
		}
		b := bindings[i]
		name := strings.Join(b.aliases, ", ")
		if r.isDead() && !r.isStopping() {
			fmt.Fprintf(&ended, "; the service %s (%s) has ended: %s", r.host, name, r.cause(r.endErr))
			for _, line := range r.lastLines() {
				fmt.Fprintf(&lines, "\n  %s | %s", name, line)
			}
		}
		r.fail("a step that uses it as " + name + " failed")
	}
	return ended.String() + lines.String()
}
