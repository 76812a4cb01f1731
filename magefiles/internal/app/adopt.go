package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/adopt"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/regular"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/repo"
)

// ownModule is the module that another repository imports the targets from.
const ownModule = "forge.ops.eblu.me/eblume/blumeops"

// markdown is the format of a page.
const markdown console.Format = "markdown"

// Adopt plans how the repository in a folder, "" for this one, comes to use the targets.
func (a *App) Adopt(ctx context.Context, dir string, write bool) (fmt.Stringer, error) {
	at := a.root
	if filepath.IsAbs(dir) {
		at = dir
	} else if dir != "" {
		at = filepath.Join(a.root, dir)
	}
	root, err := os.OpenRoot(at)
	if err != nil {
		return nil, console.BadInput(fmt.Errorf("-repo=%s: %w", dir, err))
	}
	defer root.Close()
	read := adopt.Adopt{Files: regular.FS(root), Module: ownModule}
	switch git, err := repo.Open(at, repo.WithEnvironment(os.Getenv)); {
	case err == nil:
		read.Remote = git.SourceURL()
		if read.List, err = git.FilesBelow(ctx, at); err != nil {
			return nil, err
		}
	case errors.Is(err, repo.ErrNoRepository):
		a.console.Note("no git repository: the forge is not known, and all files are read")
	default:
		return nil, err
	}
	plan, err := read.Run()
	if err != nil {
		return nil, err
	}
	if write {
		written, err := writePlan(root, plan.Files)
		if err != nil {
			return nil, err
		}
		for _, name := range written {
			a.console.Note("wrote " + filepath.Join(at, filepath.FromSlash(name)))
		}
		if len(written) == 0 {
			a.console.Note("both files are already written")
		}
	}
	if a.format == markdown {
		return adoptedPage{plan}, nil
	}
	return plan, nil
}

// adoptedPage is a plan as Markdown.
type adoptedPage struct{ *adopt.Plan }

// String is the page.
func (p adoptedPage) String() string { return p.Markdown() }

// writePlan writes new files, all or none. It returns their paths. Files that are there with the same content are left alone.
func writePlan(root *os.Root, files []adopt.File) (written []string, err error) {
	missing, err := missingFiles(root, files)
	if err != nil {
		return nil, console.BadInput(fmt.Errorf("-write: %w: nothing was written", err))
	}
	for _, f := range missing {
		err := root.MkdirAll(filepath.Dir(f.Path), 0o755)
		if err == nil {
			err = writeNew(root, f)
		}
		if err != nil {
			for _, name := range written {
				err = errors.Join(err, root.Remove(name))
			}
			return nil, err
		}
		written = append(written, f.Path)
	}
	return written, nil
}

// missingFiles are the files that are not there. It is an error if one is there with other content, or cannot be there.
func missingFiles(root *os.Root, files []adopt.File) (missing []adopt.File, err error) {
	for _, f := range files {
		dir := filepath.Dir(f.Path)
		if info, err := root.Lstat(dir); err == nil && !info.IsDir() {
			return nil, fmt.Errorf("%s is not a folder", dir)
		}
		switch there, err := fs.ReadFile(regular.FS(root), f.Path); {
		case errors.Is(err, fs.ErrNotExist):
			if _, err := root.Lstat(f.Path); err == nil {
				return nil, fmt.Errorf("%s is a symbolic link to a missing file", f.Path)
			}
			missing = append(missing, f)
		case err != nil:
			return nil, err
		case string(there) != f.Text:
			return nil, fmt.Errorf("%s exists with other content: `adopt` without -write prints the file to compare it with", f.Path)
		}
	}
	return missing, nil
}

// writeNew writes a file that must not exist. After an error nothing of it is left.
func writeNew(root *os.Root, f adopt.File) error {
	file, err := root.OpenFile(f.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = file.WriteString(f.Text)
	if err = errors.Join(err, file.Close()); err != nil {
		err = errors.Join(err, root.Remove(f.Path))
	}
	return err
}
