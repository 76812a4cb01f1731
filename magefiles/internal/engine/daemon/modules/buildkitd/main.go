// Command buildkitd is the BuildKit daemon of the embedded engine.
//
// It is BuildKit's own daemon without the parts that a local engine does not use: the containerd worker, the remote snapshotters, the cache
// backends of cloud providers, the exporters of traces and metrics. These are a third of the packages, and a fresh clone spends most of its time
// on the build of this program. One thing is added: the daemon looks for the OCI runtime when a step needs it, so builds without commands work
// without a runtime.
//
// Its only argument is the path of a JSON file, see config.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/containerd/containerd/v2/defaults"
	"github.com/gofrs/flock"
	"github.com/moby/buildkit/util/grpcerrors"
	_ "github.com/moby/buildkit/util/grpcutil/encoding/proto" // the codec that BuildKit's messages are made for
	registry "github.com/moby/buildkit/util/resolver/config"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
)

// config are the settings of the daemon; package daemon writes it.
type config struct {
	Root         string                             // folder of the cache; one daemon at a time
	Socket       string                             // path of the Unix socket
	Runtime      string                             // path of the OCI runtime, which may be missing
	RuntimeHint  string                             // part of the error when a step needs a runtime and there is none
	Rootless     bool                               // running as the mapped root of a user namespace
	Usernet      string                             // path of the program usernet if Rootless: services require it
	Labels       map[string]string                  // of the worker, for the clients to read
	CacheBytes   int64                              // the cache is collected beyond this size
	MinFreeBytes int64                              // and when the disk has less than this free
	CAFile       string                             // PEM, of authorities that are trusted in addition to the system's; "" for none
	Registries   map[string]registry.RegistryConfig // by host
}

// grace is how long running builds may go on after SIGTERM.
const grace = time.Second

// The main goroutine keeps the main thread: another goroutine could take it into a network namespace (see within), and then it would name the
// network of the whole process in /proc.
func init() { runtime.LockOSThread() }

func main() {
	log.SetFlags(0)
	log.SetPrefix("buildkitd: ")
	if len(os.Args) != 2 {
		log.Fatal("usage: buildkitd CONFIG.json")
	}
	// Files get the modes that steps ask for, whatever the umask of the user. BuildKit's own daemon does the same; commands have their own umask.
	unix.Umask(0)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, path string) error {
	cfg, err := load(path)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(cfg.Root, 0o700); err != nil {
		return err
	}
	lock := flock.New(filepath.Join(cfg.Root, "buildkitd.lock"))
	if ok, err := lock.TryLock(); err != nil || !ok {
		return errors.Join(fmt.Errorf("%s is in use by another buildkitd", cfg.Root), err)
	}
	defer lock.Unlock()

	if err := cfg.trustDownloads(); err != nil {
		return err
	}
	services := &bridge{root: cfg.Root, hub: &hub{usernet: cfg.Usernet}}
	sockets, err := listen(networkSocket(cfg))
	if err != nil {
		return err
	}
	defer sockets.Close()
	go services.serveSockets(sockets)
	controller, err := newController(ctx, cfg, services)
	if err != nil {
		return err
	}
	server := grpc.NewServer(
		grpc.ChainUnaryInterceptor(grpcerrors.UnaryServerInterceptor, (&buildCalls{builds: map[string]*openBuild{}}).intercept),
		grpc.StreamInterceptor(grpcerrors.StreamServerInterceptor),
		grpc.MaxRecvMsgSize(defaults.DefaultMaxRecvMsgSize),
		grpc.MaxSendMsgSize(defaults.DefaultMaxSendMsgSize),
	)
	controller.Register(server)
	listener, err := listen(cfg.Socket)
	if err != nil {
		return errors.Join(err, controller.Close())
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-ctx.Done()
		// A build that continues keeps its session open while its client lives: it is cancelled after the grace period.
		timer := time.AfterFunc(grace, server.Stop)
		defer timer.Stop()
		server.GracefulStop()
	}()
	if err := server.Serve(listener); err != nil {
		return errors.Join(err, controller.Close())
	}
	<-stopped
	return controller.Close()
}

func load(path string) (config, error) {
	var cfg config
	data, err := os.ReadFile(path)
	if err != nil {
		return cfg, err
	}
	if err := json.Unmarshal(data, &cfg); err != nil {
		return cfg, fmt.Errorf("%s: %w", path, err)
	}
	return cfg, nil
}

// listen replaces the socket. The holder of the lock of Root may do so, and a daemon that was killed leaves its socket behind. Only the user that
// runs the daemon can connect.
func listen(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	old := unix.Umask(0o177)
	defer unix.Umask(old)
	return net.Listen("unix", path)
}
