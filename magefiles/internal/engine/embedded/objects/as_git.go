package objects

import (
	"context"
	"os"
	"path"
	"path/filepath"

	"github.com/moby/buildkit/client/llb"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gitremote"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
)

// asGit is the repository whose objects are in the directory's folder .git, or in the directory itself. They are copied to the host, where git reads
// them; no command runs in the directory.
func (d *Directory) asGit(ctx context.Context, _ gql.Args) (any, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	objects, err := d.gitFolder(ctx)
	if err != nil {
		return nil, inSpan(err)
	}
	temp, err := os.MkdirTemp(d.env.TempDir, "git-")
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(temp, "repository.git")
	copied := llb.Scratch().File(llb.Copy(d.st, objects, "/repository.git", &llb.CopyInfo{CopyDirContentsOnly: true, CreateDestPath: true}), llb.WithCustomNamef("copy %s", objects))
	if err := d.env.Solver.ExportDir(ctx, copied, temp, false); err != nil {
		return nil, err
	}
	if err := gitremote.Isolate(dir); err != nil {
		return nil, err
	}
	r := &GitRepository{env: d.env, remote: gitremote.Remote{URL: dir}, store: &gitremote.Store{Dir: filepath.Join(temp, "checkouts")}, checks: d.checks}
	r.files, r.bare = d, objects != d.at(".git")
	if r.refs, err = r.remote.List(ctx); err != nil {
		return nil, inSpan(err)
	}
	return r, nil
}

// gitFolder is the path of the folder with a repository's objects.
func (d *Directory) gitFolder(ctx context.Context) (string, error) {
	for _, dir := range []string{d.at(".git"), d.at(".")} {
		info, err := d.env.Solver.Stat(ctx, d.st, path.Join(dir, "objects"))
		if err == nil && info.IsDir() {
			return dir, nil
		}
		if err != nil && !isNotExist(err) {
			return "", err
		}
	}
	return "", &gitremote.Error{Err: gitremote.ErrNoRepository}
}
