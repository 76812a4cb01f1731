//go:build !linux

package daemon

import "context"

func lacksOwn(context.Context, Options) (start, run error) { return ErrNotLinux, nil }
