package objects

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/moby/buildkit/solver/pb"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
)

// privileges are the rights that a command requests in addition to those of every command.
type privileges struct{ nesting, insecure bool }

// privilegesOf reads the arguments. One that the call does not have is as in otherwise.
func privilegesOf(a gql.Args, otherwise privileges) privileges {
	p := otherwise
	if a.Has("experimentalPrivilegedNesting") {
		p.nesting = a.Bool("experimentalPrivilegedNesting")
	}
	if a.Has("insecureRootCapabilities") {
		p.insecure = a.Bool("insecureRootCapabilities")
	}
	return p
}

// rights are those of the command of a field, which is Type.name; an error if they are refused.
func (e *Env) rights(a gql.Args, field string) (pb.SecurityMode, error) {
	return e.granted(privilegesOf(a, privileges{}), field)
}

func (e *Env) granted(p privileges, field string) (pb.SecurityMode, error) {
	if p.nesting {
		of, name, _ := strings.Cut(field, ".")
		return 0, gql.Unsupported{Type: of, Field: name + "(experimentalPrivilegedNesting)"}
	}
	if !p.insecure {
		return pb.SecurityMode_SANDBOX, nil
	}
	if err := e.mayBeInsecure(); err != nil {
		return 0, fmt.Errorf("%s(insecureRootCapabilities): %w", field, err)
	}
	return pb.SecurityMode_INSECURE, nil
}

// mayBeInsecure is the reason why no command can have all rights of root; nil if it can.
func (e *Env) mayBeInsecure() error {
	switch {
	case !e.Solver.HasServices() || os.Geteuid() != 0: // the daemon of services is of the same user
		return errors.New("this requires the engine's own BuildKit daemon, run by root: run this command as root without BUILDKIT_HOST, or use Dagger (BLUMEOPS_ENGINE=dagger)")
	case !e.Insecure:
		return errors.New("the command would have all rights of root on this machine: allow it with the setting EngineInsecure (BLUMEOPS_ENGINE_INSECURE=true), or use Dagger (BLUMEOPS_ENGINE=dagger)")
	}
	return nil
}
