package daemon

import (
	"context"
	"os"
	"os/exec"

	"github.com/moby/buildkit/util/archutil"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// missingOwn checks the conditions at which ensureOwn and prepareLaunch fail.
func missingOwn(ctx context.Context, o Options) (start, run error) {
	f := o.files()
	if r := probe(ctx, f.socket); r.answers() && r.ours {
		return nil, o.missingRuntime(ctx)
	} else if err := r.foreign(f); err != nil {
		return err, nil
	}
	if os.Geteuid() != 0 && !userNamespaces(o.searchPath()) {
		return errNoUserNamespaces, nil
	}
	if err := o.missingPrograms(); err != nil {
		return err, nil
	}
	return nil, o.missingRuntime(ctx)
}

// missingPrograms checks that the daemon's programs are present or can be built.
func (o Options) missingPrograms() error {
	src, err := o.builder().Inspect(buildkitd)
	if err != nil || isExecutable(src.Path) {
		return err
	}
	if _, err := exec.LookPath("go"); err != nil {
		return errNoGo
	}
	return nil
}

// missingRuntime checks that steps can run, as linkRuntime and buildRuntime do.
func (o Options) missingRuntime(ctx context.Context) error {
	if o.usableRuntime(ctx) != "" || !o.singleUser() && compilesSeccomp(ctx) {
		return nil
	}
	return o.noRuntime()
}

// supportedOwn are the platforms that our own daemon runs commands for. BuildKit finds them by running a small program of each with a folder as
// its root, which requires root. Empty: not known.
func supportedOwn(ctx context.Context, o Options) []ocispecs.Platform {
	f := o.files()
	if r := probe(ctx, f.socket); r.answers() && r.ours {
		if info, err := (&Daemon{Address: "unix://" + f.socket}).worker(ctx, answerTime); err == nil {
			return info.Platforms
		}
	}
	if os.Geteuid() != 0 {
		return nil
	}
	return archutil.SupportedPlatforms(true)
}
