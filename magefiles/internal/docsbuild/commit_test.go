package docsbuild_test

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
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/repo/repotest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

func sha256Of(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// TestDocsAreTheCommits has clones of one commit that differ in ignored files, in line ends and in the commits of submodules.
func TestDocsAreTheCommits(t *testing.T) {
	build, _, _ := docs(t, nil)
	lib, origin := repotest.New(t), repotest.New(t)
	lib.Commit("page.md", "of a submodule\n")
	origin.Git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", lib.Dir, "docs/sub")
	pointer := "version https://git-lfs.github.com/spec/v1\noid sha256:" + sha256Of("picture") + "\nsize 7\n"
	hash := origin.Commit("docs/index.md", "# Home\n\nTwo lines.\n", "docs/pic.png", pointer, "docs/quartz.config.ts", "config\n", ".gitattributes", "*.png filter=lfs -text\n", ".gitignore", "*.draft.md\n")
	archive := func(settings ...string) string {
		t.Helper()
		c := repotest.New(t)
		c.Git("-c", "protocol.file.allow=always", "fetch", "--quiet", origin.Dir, "main")
		for _, setting := range settings {
			key, value, _ := strings.Cut(setting, "=")
			c.Git("config", key, value)
		}
		c.Git("reset", "--quiet", "--hard", "FETCH_HEAD")
		c.Git("-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init")
		stored := filepath.Join(c.Dir, ".git/lfs/objects", sha256Of("picture")[:2], sha256Of("picture")[2:4])
		if err := errors.Join(os.MkdirAll(stored, 0o755), os.WriteFile(filepath.Join(stored, sha256Of("picture")), []byte("picture"), 0o600)); err != nil {
			t.Fatal(err)
		}
		if len(settings) > 0 {
			for name, text := range map[string]string{"docs/x.draft.md": "ignored", "docs/sub/page.md": "changed", "docs/index.md": "changed"} {
				if err := os.WriteFile(filepath.Join(c.Dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		git, err := gitrepo.Open(c.Dir)
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
		if err := os.RemoveAll(filepath.Join(c.Dir, ".git/lfs")); err != nil {
			t.Fatal(err)
		}
		_, err = build.Run(t.Context(), args)
		testenv.WantError(t, err, "docs/pic.png is a pointer of Git LFS to sha256:"+sha256Of("picture"))
		return built.SHA256
	}
	if plain, other := archive(), archive("core.autocrlf=true", "core.fileMode=false"); plain != other {
		t.Errorf("archives %s and %s", plain, other)
	}
}
