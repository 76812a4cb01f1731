package image

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
)

// Use is a place in a manifest that names an image.
type Use struct {
	File string `json:"file"` // slash path from the root of the repository
	Line int    `json:"line"` // counted from 1
}

// String returns FILE:LINE, which terminals and editors open. A name that could hide a message is quoted.
func (u Use) String() string { return fmt.Sprintf("%s:%d", plain.Name(u.File), u.Line) }

// Uses finds the places where the manifests under a folder, and templates of them, name images of
// REGISTRY/NAMESPACE, as in `image: registry.example/blumeops/nettest:v1` and in the name and newName of a
// kustomization's images. Comments do not count. A missing folder uses none.
func Uses(fsys fs.FS, folder, registryAndNamespace string) (map[Name][]Use, error) {
	uses := map[Name][]Use{}
	err := fs.WalkDir(fsys, folder, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !entry.Type().IsRegular() || !isManifest(name) {
			return nil
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		for n, line := range bytes.Split(text, []byte("\n")) {
			for _, image := range namedIn(string(line), registryAndNamespace+"/") {
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

// isManifest reports whether Argo CD and kustomize read a file of that name.
func isManifest(name string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, path.Ext(name)) || path.Base(name) == "Kustomization"
}

// namedIn returns the names that follow the prefix in a line of YAML, each once.
func namedIn(line, prefix string) (names []Name) {
	if comment := strings.Index(line, "#"); comment == 0 || comment > 0 && strings.TrimSpace(line[comment-1:comment]) == "" {
		line = line[:comment]
	}
	for {
		before, after, ok := strings.Cut(line, prefix)
		if !ok {
			return names
		}
		line = after
		if before != "" && !strings.ContainsAny(before[len(before)-1:], " \t\"':") {
			continue
		}
		if end := strings.IndexAny(after, ":@\"' \t\r,}"); end >= 0 {
			after = after[:end]
		}
		if n, err := ParseName(after); err == nil && !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
}

// JoinUses lists uses, with blanks between them.
func JoinUses(uses []Use) string {
	texts := make([]string, len(uses))
	for i, u := range uses {
		texts[i] = u.String()
	}
	return strings.Join(texts, " ")
}
