package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/docsite"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/scratch"
)

// ServeDocs serves an archive until it is stopped.
func (a *App) ServeDocs(ctx context.Context, archive string, port int) (err error) {
	archive = cmp.Or(archive, "docs-dev.tar.gz")
	f, err := os.Open(archive)
	if err != nil {
		return console.BadInput(fmt.Errorf("%w: run docs:build first, or give another archive with -archive=", err))
	}
	defer f.Close()
	dir, err := scratch.Make("", "blumeops-docs-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Remove()) }()
	content, err := docsite.Unpack(dir.Path, f, docsite.MaxUnpacked)
	if err != nil {
		return console.BadInput(errors.New(archive + " " + err.Error()))
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return fmt.Errorf("%w: give another port with -port= (0: a free port)", err)
	}
	if err := a.console.Result("http://" + listener.Addr().String() + "/"); err != nil {
		return errors.Join(err, listener.Close())
	}
	return serveUntil(ctx, listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content.Page(r.URL.Path).ServeHTTP(w, r)
	}))
}

// serveUntil serves until ctx ends, which is how it is meant to end.
func serveUntil(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
