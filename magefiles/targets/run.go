package targets

import (
	"context"
	"runtime"
	"strings"

	"github.com/magefile/mage/mg"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// run runs a target with the settings of the site. format is the format of its result.
func run(ctx context.Context, format string, target func(context.Context, tasks.App) error, more ...option) error {
	options := tasks.Options{Target: caller(), Format: format, Verbose: mg.Verbose()}
	for _, set := range more {
		set(&options)
	}
	return tasks.Run(ctx, options, target)
}

type option func(*tasks.Options)

// reports is the option of targets that print findings.
func reports(o *tasks.Options) { o.Reports = true }

// pages is the option of targets that print a page.
func pages(o *tasks.Options) { o.Pages = true }

// caller is the name of the target that calls run, as people type it: every target has one, so that every log has a title.
func caller() string {
	at := make([]uintptr, 1)
	runtime.Callers(3, at)
	frame, _ := runtime.CallersFrames(at).Next()
	return targetName(frame.Function)
}

// targetName makes container:build of targets.Container.Build.
func targetName(function string) string {
	function = function[strings.LastIndexByte(function, '/')+1:]
	_, name, _ := strings.Cut(function, ".")
	return strings.ToLower(strings.ReplaceAll(name, ".", ":")) // mage does not tell capital letters apart
}

// value is the value of a flag, or the zero value if the flag is not given.
func value[T any](flag *T) T {
	var none T
	if flag == nil {
		return none
	}
	return *flag
}
