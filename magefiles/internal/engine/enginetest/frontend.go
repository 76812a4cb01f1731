package enginetest

import (
	"context"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/tonistiigi/fsutil"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
)

// Frontend builds Dockerfiles as buildctl does: with BuildKit's own frontend, in the daemon of the embedded engine.
type Frontend struct{ client *client.Client }

// ConnectFrontend connects to the daemon, which it starts if necessary.
func ConnectFrontend(tb testing.TB, opts engine.Options) Frontend {
	tb.Helper()
	d, err := engine.Up(tb.Context(), opts)
	if err != nil {
		tb.Fatal(err)
	}
	c, err := d.Client(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() }) // it holds no state
	return Frontend{c}
}

// Build builds the Dockerfile of a folder and writes the image to a file, as docker save does. options are those of the frontend, such as
// "target" and "build-arg:NAME".
func (f Frontend) Build(ctx context.Context, dir string, options map[string]string, secrets map[string][]byte, file string) error {
	folder, err := fsutil.NewFS(dir)
	if err != nil {
		return err
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer out.Close()
	opt := client.SolveOpt{
		Frontend: "dockerfile.v0", FrontendAttrs: options,
		LocalMounts: map[string]fsutil.FS{"context": folder, "dockerfile": folder},
		Session:     []session.Attachable{secretsprovider.FromMap(secrets)},
		Exports: []client.ExportEntry{{
			Type: client.ExporterDocker, Output: func(map[string]string) (io.WriteCloser, error) { return out, nil },
		}},
	}
	status := make(chan *client.SolveStatus)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		for range status {
		}
	}()
	_, err = f.client.Solve(ctx, nil, opt, status)
	<-drained
	if closed := out.Close(); closed != nil && !errors.Is(closed, os.ErrClosed) {
		err = errors.Join(err, closed)
	}
	return err
}
