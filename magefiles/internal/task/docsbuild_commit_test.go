package task_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gitrepo "forge.ops.eblu.me/eblume/blumeops/magefiles/internal/repo"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

func sha256Of(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// TestDocsAreTheCommits has clones of one commit that differ in ignored files, in line ends and in the commits of submodules.
func TestDocsAreTheCommits(t *testing.T) {
	build, _, _ := docs(t, nil)
	lib, origin := newRepository(t), newRepository(t)
	lib.commit("page.md", "of a submodule\n")
	origin.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", lib.dir, "docs/sub")
	pointer := "version https://git-lfs.github.com/spec/v1\noid sha256:" + sha256Of("picture") + "\nsize 7\n"
	hash := origin.commit("docs/index.md", "# Home\n\nTwo lines.\n", "docs/pic.png", pointer, "docs/quartz.config.ts", "config\n", ".gitattributes", "*.png filter=lfs -text\n", ".gitignore", "*.draft.md\n")
	archive := func(settings ...string) string {
		t.Helper()
		c := newRepository(t)
		c.git("-c", "protocol.file.allow=always", "fetch", "--quiet", origin.dir, "main")
		for _, setting := range settings {
			key, value, _ := strings.Cut(setting, "=")
			c.git("config", key, value)
		}
		c.git("reset", "--quiet", "--hard", "FETCH_HEAD")
		c.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init")
		stored := filepath.Join(c.dir, ".git/lfs/objects", sha256Of("picture")[:2], sha256Of("picture")[2:4])
		if err := errors.Join(os.MkdirAll(stored, 0o755), os.WriteFile(filepath.Join(stored, sha256Of("picture")), []byte("picture"), 0o600)); err != nil {
			t.Fatal(err)
		}
		if len(settings) > 0 {
			for name, text := range map[string]string{"docs/x.draft.md": "ignored", "docs/sub/page.md": "changed", "docs/index.md": "changed"} {
				if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		git, err := gitrepo.Open(c.dir)
		if err != nil {
			t.Fatal(err)
		}
		if build.Tree, err = git.Recorded(hash); err != nil {
			t.Fatal(err)
		}
		build.Sites = &generator{t: t}
		args := tasks.DocsArgs{Version: "v1.2.3", Time: time.Unix(1.7e9, 0)}
		built, err := build.Run(t.Context(), args)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(filepath.Join(c.dir, ".git/lfs")); err != nil {
			t.Fatal(err)
		}
		_, err = build.Run(t.Context(), args)
		wantError(t, err, "docs/pic.png is a pointer of Git LFS to sha256:"+sha256Of("picture"))
		return built.SHA256
	}
	if plain, other := archive(), archive("core.autocrlf=true", "core.fileMode=false"); plain != other {
		t.Errorf("archives %s and %s", plain, other)
	}
}
