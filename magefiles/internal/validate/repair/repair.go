// Package repair corrects the findings of checks that need no decision: validate -fix. It writes nothing itself.
package repair

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// File is a file with corrections.
type File struct {
	Path          string
	Before, After []byte
	Fixes         int
}

// rounds is the maximum number of runs of the checks. A correction may have to wait for another one in the same place.
const rounds = 20

// limit is the number of findings of one rule in one file that are corrected in one round.
const limit = 10_000

// Run returns the files that the fixes of the checks change, with their new content: a second run would change nothing. With o.Changed, only those files
// change; mayEdit, which may be nil, leaves out further ones.
func Run(ctx context.Context, fsys fs.FS, files []string, checks []validate.Check, o validate.Options, mayEdit func(name string) bool) ([]File, error) {
	var able []validate.Check
	for _, check := range checks {
		if check.Fixes {
			able = append(able, check)
		}
	}
	o.Fix, o.Limit = true, limit
	changed := overlay{fsys, map[string][]byte{}}
	made := map[string]*File{}
	for range rounds {
		tree := validate.NewTree(changed, files).Stated(o.Stated)
		report, err := validate.Run(ctx, tree, able, o)
		if err != nil {
			return nil, err
		}
		if len(report.Failures) > 0 {
			f := report.Failures[0]
			return nil, fmt.Errorf("check %s could not run, so that nothing was corrected: %s", f.Check, f.Error)
		}
		fixes := map[string][]*validate.Fix{}
		for _, f := range report.Findings {
			if f.Fix != nil && (o.Changed == nil || slices.Contains(o.Changed, f.Path)) && (mayEdit == nil || mayEdit(f.Path)) {
				fixes[f.Path] = append(fixes[f.Path], f.Fix)
			}
		}
		again := false
		for _, name := range slices.Sorted(maps.Keys(fixes)) {
			done, err := changed.fix(name, tree, fixes[name], made)
			if err != nil {
				return nil, err
			}
			again = again || done
		}
		if !again {
			break
		}
	}
	var list []File
	for _, name := range slices.Sorted(maps.Keys(made)) {
		if f := made[name]; !bytes.Equal(f.Before, f.After) {
			list = append(list, *f)
		}
	}
	return list, nil
}

// mark is the byte order mark, which Tree.Text leaves out.
var mark = []byte("\xef\xbb\xbf")

// fix makes fixes in a file, and says whether that changed it.
func (o overlay) fix(name string, tree *validate.Tree, fixes []*validate.Fix, made map[string]*File) (bool, error) {
	text, ok := tree.Text(name)
	if !ok {
		return false, nil
	}
	after, done := validate.Edited(text, fixes)
	if after == text {
		return false, nil
	}
	before, err := fs.ReadFile(o, name)
	if err != nil {
		return false, err
	}
	content := []byte(after)
	if bytes.HasPrefix(before, mark) {
		content = append(slices.Clone(mark), content...)
	}
	if made[name] == nil {
		made[name] = &File{Path: name, Before: before}
	}
	made[name].After = content
	made[name].Fixes += len(done)
	o.texts[name] = content
	return true, nil
}
