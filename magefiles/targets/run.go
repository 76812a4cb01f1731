package targets

import (
	"context"
	"runtime"
	"strings"

	"github.com/magefile/mage/mg"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/app"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/site"
)

// run runs a target with the settings of the site. format is that of its result; more are formats that this target has in addition to text and
// json.
func run(ctx context.Context, format string, target func(context.Context, *app.App) error, more ...console.Format) error {
	return app.Run(ctx, app.Options{Settings: site.Used(), Target: caller(), Format: format, Formats: more, Verbose: mg.Verbose()}, target)
}

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
