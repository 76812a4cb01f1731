package pipeline

import (
	"context"
	"errors"
	"path"
	"strings"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// shellDir is where a static shell is mounted in an image without a shell.
const shellDir = "/.blumeops-shell"

// shells are the shells that are looked for, the best first.
var shells = []string{"bash", "sh"}

// defaultPath is where programs are found in an image without PATH.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Shell is a built image with a shell to run in it.
type Shell struct {
	ctr      *dagger.Container
	path     string
	Platform image.Platform // of the image
	Static   bool           // the image has no shell, and got one
}

// ShellOf finds the shell of an image for one platform. If the image has none, it mounts the folder that static returns, which has one in bin.
func ShellOf(ctx context.Context, built image.Built, static func(context.Context) (string, error)) (Shell, error) {
	img, ok := built.(*Image)
	if !ok || len(img.variants) != 1 {
		return Shell{}, errors.New("a shell needs a built image for one platform")
	}
	ctr := img.variants[0].ctr
	search, err := ctr.EnvVariable(ctx, "PATH")
	if err != nil {
		return Shell{}, explain(err)
	}
	if search == "" {
		search = defaultPath
	}
	for _, shell := range shells {
		for dir := range strings.SplitSeq(search, ":") {
			at := path.Join("/", dir, shell)
			if found, err := ctr.Exists(ctx, at); err != nil {
				return Shell{}, explain(err)
			} else if found {
				return Shell{ctr: ctr, path: at, Platform: img.variants[0].platform}, nil
			}
		}
	}
	dir, err := static(ctx)
	if err != nil {
		return Shell{}, err
	}
	ctr = ctr.WithMountedDirectory(shellDir, shellFolder(img.client, dir), dagger.ContainerWithMountedDirectoryOpts{ReadOnly: true}).
		WithEnvVariable("PATH", search+":"+shellDir+"/bin")
	return Shell{ctr: ctr, path: shellDir + "/bin/sh", Platform: img.variants[0].platform, Static: true}, nil
}

func (s Shell) args(command string) []string {
	if command == "" {
		return []string{s.path}
	}
	return []string{s.path, "-c", command}
}

// Attend runs the shell, or a command in it, on the terminal of the engine's session.
func (s Shell) Attend(ctx context.Context, command string) error {
	_, err := s.ctr.Terminal(dagger.ContainerTerminalOpts{Cmd: s.args(command)}).Sync(ctx)
	return explain(err)
}

// Output runs a command to its end, and returns its output and its exit code. run makes it differ from earlier runs, which are cached.
func (s Shell) Output(ctx context.Context, command, run string) (stdout, stderr string, code int, err error) {
	done := s.ctr.WithEnvVariable("BLUMEOPS_SHELL", run).WithExec(s.args(command), dagger.ContainerWithExecOpts{Expect: dagger.ReturnTypeAny})
	if code, err = done.ExitCode(ctx); err != nil {
		return "", "", 0, explain(err)
	}
	if stdout, err = done.Stdout(ctx); err != nil {
		return "", "", 0, explain(err)
	}
	stderr, err = done.Stderr(ctx)
	return stdout, stderr, code, explain(err)
}
