//go:build !linux

package daemon

import "context"

func ensureOwn(context.Context, Options) (*Daemon, error) { return nil, ErrNotLinux }

func findOwn(context.Context, Options) (*Status, error) { return &Status{}, nil }

func downOwn(context.Context, Options) error { return nil }

func pruneStopped(context.Context, Options) (int64, bool, error) { return 0, false, ErrNotLinux }
