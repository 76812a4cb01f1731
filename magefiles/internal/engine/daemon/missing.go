package daemon

import (
	"context"
	"errors"

	"github.com/containerd/platforms"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// errNoGo says that the engine's programs are not built yet, and cannot be built.
var errNoGo = errors.New("the embedded engine is not built yet, and the go command to build it is not on PATH: install Go, or set BUILDKIT_HOST")

// Missing returns the errors with which Ensure would fail (start) and with which commands in the daemon would fail (run), as far as they can be
// known without building or starting anything.
func Missing(ctx context.Context, opts Options) (start, run error) {
	opts = opts.withDefaults()
	if n, ok := opts.named(); ok {
		_, err := dialNamed(ctx, n, opts.Getenv)
		return err, nil
	}
	return missingOwn(ctx, opts)
}

// MissingPlatforms returns the platforms of wanted, such as linux/arm64, whose programs the daemon's machine cannot run, natively or by emulation. For a
// named daemon, and for one that an ordinary user must still start, that is not known: the list is empty.
func MissingPlatforms(ctx context.Context, opts Options, wanted []string) (missing []string) {
	opts = opts.withDefaults()
	if opts.Getenv("BUILDKIT_HOST") != "" {
		return nil
	}
	can := supportedOwn(ctx, opts)
	for _, name := range wanted {
		p, err := platforms.Parse(name)
		if err == nil && len(can) > 0 && !matches(can, platforms.Normalize(p)) {
			missing = append(missing, name)
		}
	}
	return missing
}

func matches(can []ocispecs.Platform, p ocispecs.Platform) bool {
	for _, c := range can {
		if platforms.Only(c).Match(p) {
			return true
		}
	}
	return false
}
