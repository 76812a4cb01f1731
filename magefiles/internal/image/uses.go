package image

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Use is a place in a manifest that names an image.
type Use struct {
	File string `json:"file"` // slash path from the root of the repository
	Line int    `json:"line"` // counted from 1
}

// String returns FILE:LINE, which terminals and editors open.
func (u Use) String() string { return fmt.Sprintf("%s:%d", u.File, u.Line) }

// Uses finds where the YAML files under a folder name images of REGISTRY/NAMESPACE,
// as in `image: registry.example/blumeops/nettest:v1` and in the name and newName of
// a kustomization's images. Comments do not count. A folder that is not there uses none.
func Uses(fsys fs.FS, folder, registryAndNamespace string) (map[Name][]Use, error) {
	uses := map[Name][]Use{}
	err := fs.WalkDir(fsys, folder, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ext := path.Ext(name); !entry.Type().IsRegular() || ext != ".yaml" && ext != ".yml" {
			return nil
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		for n, line := range bytes.Split(text, []byte("\n")) {
			if image, ok := namedIn(string(line), registryAndNamespace+"/"); ok {
				uses[image] = append(uses[image], Use{File: name, Line: n + 1})
			}
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return uses, nil
	}
	return uses, err
}

// namedIn returns the name that follows the prefix in a line of YAML.
func namedIn(line, prefix string) (Name, bool) {
	if comment := strings.Index(line, "#"); comment == 0 || comment > 0 && strings.TrimSpace(line[comment-1:comment]) == "" {
		line = line[:comment]
	}
	before, after, ok := strings.Cut(line, prefix)
	if !ok || before != "" && !strings.ContainsAny(before[len(before)-1:], " \t\"':") {
		return "", false
	}
	if end := strings.IndexAny(after, ":@\"' \t\r,}"); end >= 0 {
		after = after[:end]
	}
	n, err := ParseName(after)
	return n, err == nil
}
