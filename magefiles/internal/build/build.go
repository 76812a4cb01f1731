// Package build builds the image of a container, or of several, and writes it to a file or a folder: container:build.
package build

import (
	"context"
	"io/fs"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// Build builds the image of a container.
type Build struct {
	Files   fs.FS // the repository
	Builder image.Builder
	Watch   step.Watch
	Warn    func(string) // prints a warning; nil for none
	Outputs string       // folder that records which root file systems were written, and may be replaced; "" for none
}

// Result is the result of Build.
type Result struct {
	Name      image.Name `json:"name"`
	Platforms []string   `json:"platforms"`
	Output    string     `json:"output,omitempty"`
	Digest    string     `json:"digest,omitempty"` // of the image in the output
}

// String returns one line.
func (b Result) String() string {
	line := string(b.Name)
	for i, p := range b.Platforms {
		line += map[bool]string{true: " ", false: ","}[i == 0] + p
	}
	if b.Output != "" {
		line += " " + b.Output
	}
	if b.Digest != "" {
		line += " " + b.Digest
	}
	return line
}

// Run builds. It checks all arguments before it starts or writes anything.
func (b Build) Run(ctx context.Context, args tasks.BuildArgs) (Result, error) {
	request, out, err := b.parse(args)
	if err != nil {
		return Result{}, err
	}
	if err := b.warnOfArgs(request); err != nil {
		return Result{}, err
	}
	built := Result{Name: request.Container.Name, Output: out.path}
	for _, p := range request.Platforms {
		built.Platforms = append(built.Platforms, p.String())
	}
	var img image.Built
	steps := []step.Step{{Name: "build " + args.Name, Run: func(ctx context.Context) (err error) {
		img, err = b.Builder.Build(ctx, request)
		return err
	}}}
	if out.form != noOutput {
		steps = append(steps, step.Step{Name: "write " + out.path, Run: func(ctx context.Context) (err error) {
			built.Digest, err = out.write(ctx, img)
			return err
		}})
	}
	if err := step.Run(ctx, b.Watch, steps); err != nil {
		return Result{}, err
	}
	return built, nil
}

func (b Build) parse(args tasks.BuildArgs) (image.BuildRequest, output, error) {
	r := image.BuildRequest{Target: args.Target, Platforms: []image.Platform{image.NativePlatform()}}
	name, err := image.ParseName(args.Name)
	if err != nil {
		return r, output{}, err
	}
	if args.Platforms != "" {
		if r.Platforms, err = image.ParsePlatforms(args.Platforms); err != nil {
			return r, output{}, err
		}
	}
	if r.Args, err = parseArgs(args.Args); err != nil {
		return r, output{}, err
	}
	out, err := parseOutput(args.Output)
	if err != nil {
		return r, output{}, err
	}
	if r.Container, err = image.Lookup(b.Files, name); err != nil {
		return r, output{}, err
	}
	if err := agree(r, out); err != nil {
		return r, output{}, err
	}
	out.records = b.Outputs
	return r, out, out.check()
}

// agree refuses combinations of arguments that are not supported.
func agree(r image.BuildRequest, out output) error {
	isGo := r.Container.Kind == image.KindGo
	switch {
	case isGo && r.Target != "":
		return &image.InvalidError{What: "target", Input: r.Target, Reason: string(r.Container.Name) + " is a Go program and has no stages"}
	case isGo && len(r.Args) > 0:
		return &image.InvalidError{What: "args", Input: joinArgs(r.Args), Reason: string(r.Container.Name) + " is a Go program and accepts no build arguments"}
	case out.form == rootfs && len(r.Platforms) > 1:
		return &image.InvalidError{What: "output", Input: "dir:" + out.path, Reason: "a file system has one platform; select it with -platform"}
	}
	return nil
}
