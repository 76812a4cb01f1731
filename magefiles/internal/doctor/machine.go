package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/docker/go-units"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/remote"
)

func tools(p Tools) validate.Check {
	return validate.Check{
		Name:   "tools",
		Covers: "Checks that the commands that targets run are in PATH.",
		Rules: []validate.Rule{
			{ID: "missing", What: "A command that a target runs is missing.", Do: "Install it, and add its folder to PATH."},
		},
		Run: func(_ context.Context, in *validate.Input) error {
			for _, tool := range p.Look() {
				if tool.Err != nil {
					in.Report(validate.Finding{About: tool.Name, Rule: "missing", Message: fmt.Sprintf("%s; required by %s", remote.Joined(tool.Err.Error()), tool.For)})
				}
			}
			return nil
		},
	}
}

func disk(p Disk) validate.Check {
	return validate.Check{
		Name:   "disk",
		Covers: "Checks the free space for the engine, for the user's cache folder and for temporary files.",
		Rules: []validate.Rule{
			{ID: "full", What: "A release can require more space than is free.", Do: "Free some space, for example with mage engine:prune, or move the folder (BLUMEOPS_ENGINE_STATE, XDG_CACHE_HOME, TMPDIR)."},
		},
		Run: func(_ context.Context, in *validate.Input) error {
			folders, err := p.Folders()
			if err != nil {
				return err
			}
			for _, f := range folders {
				if f.Free < f.Needs {
					in.Report(validate.Finding{About: f.Path, Rule: "full", Message: fmt.Sprintf(
						"%s free for %s; a release can require %s", units.BytesSize(float64(f.Free)), f.Holds, units.BytesSize(float64(f.Needs)))})
				}
			}
			return nil
		},
	}
}

func authorities(p Authorities) validate.Check {
	return validate.Check{
		Name:   "authorities",
		Covers: "Reads the certificate authorities in BLUMEOPS_CA_FILE or, if it is not set, in SSL_CERT_FILE, SSL_CERT_DIR and NODE_EXTRA_CA_CERTS. Prints their sources.",
		Rules: []validate.Rule{
			{ID: "unreadable", What: "A file or a folder of certificate authorities is missing, cannot be read, or contains no certificate. It adds no trust.", Do: "Name a readable PEM file of certificates, or unset the variable."},
		},
		Run: func(_ context.Context, in *validate.Input) error {
			all, err := p.Look()
			if err != nil {
				return err
			}
			for _, a := range all {
				if a.Err != nil {
					in.Report(validate.Finding{About: a.Name, Rule: "unreadable", Message: remote.Joined(a.Err.Error())})
				}
			}
			return nil
		},
	}
}

func secrets(p Secrets) validate.Check {
	return validate.Check{
		Name:   "secrets",
		Covers: "Reads every secret that the settings refer to. Prints names, never values.",
		Rules: []validate.Rule{
			{ID: "unreadable", What: "A secret cannot be read.", Do: "Correct the reference in magefiles/site.go, or set the variable that overrides it."},
		},
		Run: func(ctx context.Context, in *validate.Input) error {
			all, err := p.Check(ctx)
			if err != nil {
				report(in, "secrets", "unreadable", err)
			}
			for _, s := range all {
				if s.Reason != "" {
					in.Report(validate.Finding{About: s.Name, Rule: "unreadable", Message: remote.Joined(s.Reason), Do: remote.Joined(s.Hint)})
				}
			}
			return nil
		},
	}
}

func engine(p Engine) validate.Check {
	return validate.Check{
		Name:   "engine",
		Covers: "Checks that the engine of a build can start, and can run commands for the platforms of all Dockerfiles with RUN. It builds and starts nothing.",
		Rules: []validate.Rule{
			{ID: "start", What: "The engine of a build cannot start.", Do: "Start Docker, or install the requirements of the embedded engine (docs/how-to/run-the-embedded-engine.md)."},
			{ID: "run", What: "The engine can start, but cannot run commands: it only builds images without RUN.", Do: "Install the requirements of the embedded engine (docs/how-to/run-the-embedded-engine.md)."},
			{ID: "platform", What: "Containers with RUN are published for a platform whose programs cannot run here.", Do: "Install an emulator (apt-get install qemu-user-static binfmt-support), or build on a machine of that platform (BLUMEOPS_BUILDERS)."},
		},
		Run: func(ctx context.Context, in *validate.Input) error {
			look, err := p.Look(ctx)
			if err != nil {
				report(in, "engine", "start", err)
				return nil
			}
			about := fmt.Sprintf("engine %s (%s)", look.Name, look.Why)
			if look.Start != nil {
				report(in, about, "start", look.Start)
			}
			if look.Run != nil {
				report(in, about, "run", look.Run)
			}
			for _, f := range look.Foreign {
				in.Report(validate.Finding{About: about, Rule: "platform", Message: fmt.Sprintf(
					"%s programs cannot run here, and the RUN steps of %s require it", f.Platform, strings.Join(f.Containers, ", "))})
			}
			return nil
		},
	}
}

func builders(p Builders) validate.Check {
	return validate.Check{
		Name:   "builders",
		Covers: "Checks that each builder of the setting Builders answers, and runs commands for its platform. It builds and starts nothing.",
		Rules: []validate.Rule{
			{ID: "unusable", What: "A builder does not answer, or cannot build for its platform.", Do: "Start it, or correct BLUMEOPS_BUILDERS (docs/how-to/build-on-several-machines.md)."},
			{ID: "version", What: "A builder has another version of BuildKit.", Do: "Start the tested version there, so that images do not differ."},
		},
		Run: func(ctx context.Context, in *validate.Input) error {
			list, err := p.Look(ctx)
			if err != nil {
				report(in, "builders", "unusable", err)
			}
			for _, b := range list {
				about := fmt.Sprintf("builder %s (%s)", b.Address, b.Platform)
				if b.Err != nil {
					report(in, about, "unusable", b.Err)
				}
				if b.Other != "" {
					in.Report(validate.Finding{About: about, Rule: "version", Message: b.Other})
				}
			}
			return nil
		},
	}
}
