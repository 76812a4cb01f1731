package lab

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/baseimage"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/toolbuild"
)

// programs are the programs of the parts of a lab.
var programs = map[Part][]toolbuild.Program{
	PartRegistry: {registryProgram},
	PartForge:    {gitea},
	PartRunner:   {actProgram},
	PartArgoCD: {
		etcdProgram, apiserverProgram, controllersProgram, schedulerProgram, kwokProgram, kustomizeProgram, argocdProgram,
	},
}

// Prepare builds the programs that are missing for a lab with these options, which takes minutes the first time, and fails before that if the
// machine itself does not meet the requirements.
func Prepare(ctx context.Context, h Home, o Options) error {
	if err := missingRequirements(o.Parts); err != nil {
		return err
	}
	b, err := h.builder()
	if err != nil {
		return err
	}
	missing, err := b.notBuilt(o.Parts)
	if err != nil {
		return err
	}
	if err := b.buildMissing(ctx, missing); err != nil || !slices.Contains(o.Parts, PartImages) {
		return err
	}
	for _, r := range baseImages() {
		if _, err := h.images().Make(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// Ready returns the reason why parts of a lab cannot be started immediately: a requirement is missing on the machine, or a program that takes
// minutes to build is not built yet. The error says what to do. Tests call it, so that none of them spends its time limit on a compiler.
func (h Home) Ready(parts ...Part) error {
	if err := missingRequirements(parts); err != nil {
		return err
	}
	b, err := h.builder()
	if err != nil {
		return err
	}
	missing, err := b.notBuilt(parts)
	if err != nil {
		return err
	}
	const short = 60 // seconds
	for _, p := range missing {
		if p.Seconds > short {
			return fmt.Errorf("%s is not built yet (this takes minutes, once for each machine): go tool mage lab:up -parts=%s && go tool mage lab:down",
				p.Title, JoinParts(parts))
		}
	}
	return nil
}

func (b builder) notBuilt(parts []Part) (missing []toolbuild.Program, err error) {
	for _, part := range parts {
		for _, p := range programs[part] {
			kept, err := b.Built(p)
			if err != nil {
				return nil, err
			}
			if !kept {
				missing = append(missing, p)
			}
		}
	}
	return missing, nil
}

// missingRequirements returns all missing requirements of the parts, in one error.
func missingRequirements(parts []Part) error {
	var errs []error
	look := func(command, why string) {
		if _, err := exec.LookPath(command); err != nil {
			errs = append(errs, fmt.Errorf("%s (for %s): apt-get install %s", command, why, command))
		}
	}
	for _, part := range parts {
		switch part {
		case PartForge:
			look("git", "the forge")
			look("gcc", "the build of the forge")
		case PartArgoCD:
			look("redis-server", "Argo CD")
		case PartImages:
			for _, r := range baseImages() {
				errs = append(errs, r.Ready())
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("the lab has missing requirements on this machine:\n%w\nor start fewer parts (example: lab:up -parts=%s)", err, PartRegistry)
	}
	return nil
}

// builder is a toolbuild.Builder that reports the progress of several programs.
type builder struct {
	toolbuild.Builder
	work func(name string) (say func(string), end func(error))
}

// buildOne builds a program as its own piece of work.
func (b builder) buildOne(ctx context.Context, p toolbuild.Program) (err error) {
	if b.work != nil {
		say, end := b.work("build " + p.Title)
		defer func() { end(err) }()
		b.Log = say
	}
	_, err = b.Build(ctx, p)
	return err
}

// buildMissing builds programs: those of one module one after the other, as they share packages, and the modules in parallel.
func (b builder) buildMissing(ctx context.Context, all []toolbuild.Program) error {
	if len(all) == 0 {
		return nil
	}
	var titles []string
	var seconds int
	modules := map[string][]toolbuild.Program{}
	for _, p := range all {
		titles = append(titles, p.Title)
		seconds += p.Seconds
		modules[p.Dir] = append(modules[p.Dir], p)
	}
	b.Log(fmt.Sprintf("the lab runs the real programs, built from pinned sources and kept in %s", b.Bin))
	b.Log(fmt.Sprintf("to build, once for this machine: %s; about %s on two cores", strings.Join(titles, ", "), time.Duration(seconds)*time.Second))
	group, together := errgroup.WithContext(ctx)
	for _, programs := range modules {
		group.Go(func() error {
			for _, p := range programs {
				if err := b.buildOne(together, p); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// images makes the base images, beside the programs.
func (h Home) images() baseimage.Images {
	i := baseimage.Images{Log: h.Log}
	if h.Programs != "" {
		i.Dir = filepath.Dir(h.Programs)
	}
	return i
}
