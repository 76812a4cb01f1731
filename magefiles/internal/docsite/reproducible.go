package docsite

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/regular"
)

// quartzScripts are the scripts that Quartz makes from its components.
var quartzScripts = []string{"prescript.js", "postscript.js"}

// MakeReproducible rewrites the parts of a Quartz site that differ between builds: the ids in its pages and in its scripts.
func MakeReproducible(site *os.Root) error {
	var texts [][]byte
	scripts := map[string][]byte{}
	for _, name := range quartzScripts {
		text, err := fs.ReadFile(regular.FS(site), name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		scripts[name] = text
		texts = append(texts, text)
	}
	ids := NewIDs(texts...)
	for name, text := range scripts {
		if err := rewrite(site, name, text, ids.Script(text)); err != nil {
			return err
		}
	}
	return fs.WalkDir(site.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || !strings.EqualFold(path.Ext(name), ".html") {
			return err
		}
		text, err := site.ReadFile(name)
		if err != nil {
			return err
		}
		return rewrite(site, name, text, ids.Page(text))
	})
}

func rewrite(site *os.Root, name string, before, after []byte) error {
	if bytes.Equal(before, after) {
		return nil
	}
	return site.WriteFile(name, after, 0o644)
}
