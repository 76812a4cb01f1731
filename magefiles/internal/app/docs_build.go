package app

import (
	"context"
	"fmt"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/docsbuild"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/settings"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// BuildDocs builds the docs of the working tree.
func (a *App) BuildDocs(ctx context.Context, choice string, args tasks.DocsArgs) (fmt.Stringer, error) {
	a.progress.title = "build docs"
	settings.HidePasswords(args.Source, a.hide)
	git, err := a.git()
	if err != nil {
		return docsbuild.Result{}, err
	}
	head, err := git.Head()
	if err != nil {
		return docsbuild.Result{}, err
	}
	args.Time = head.Time
	build, err := a.docsBuilder(choice, git, head.Hash)
	if err != nil {
		return docsbuild.Result{}, err
	}
	build.Tree = a.tree()
	return build.Run(ctx, args)
}
