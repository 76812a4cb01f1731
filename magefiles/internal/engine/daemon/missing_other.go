//go:build !linux

package daemon

import (
	"context"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

func missingOwn(context.Context, Options) (start, run error) { return ErrNotLinux, nil }

func supportedOwn(context.Context, Options) []ocispecs.Platform { return nil }
