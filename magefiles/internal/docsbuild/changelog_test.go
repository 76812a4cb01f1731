package docsbuild_test

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/changelog"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/docsite"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

const newsTowncrier = `[tool.towncrier]
directory = "docs/changelog.d"
filename = "CHANGELOG.md"
package = ""
title_format = "## [{version}] - {project_date}"
issue_format = ""
underlines = ["", "", ""]

[[tool.towncrier.type]]
directory = "feature"
name = "Features"
showcontent = true
`

const newsFile = "# Changelog\n\n<!-- towncrier release notes start -->\n\n## [v1.0.0] - 2026-01-02\n\n### Features\n\n- It began.\n"

// withNews are docs whose changelog is outside of them, with a fragment.
func withNews(change map[string]string) map[string]string {
	files := map[string]string{
		"docs/index.md": "# Home\n", "docs/changelog.d/+more.feature.md": "More of it.\n", "towncrier.toml": newsTowncrier, "CHANGELOG.md": newsFile,
	}
	maps.Copy(files, change)
	return files
}

// pageReader records the changelog page of the generator's input.
type pageReader struct {
	*generator
	pages map[string]string
}

func (p pageReader) Generate(ctx context.Context, r docsite.Generation, to string) error {
	content := os.DirFS(filepath.Join(r.Overlay, "content"))
	for _, name := range []string{"CHANGELOG.md", "history/NEWS.md", "NEWS.md"} {
		if text, err := fs.ReadFile(content, name); err == nil {
			p.pages[name] = string(text)
		}
	}
	return p.generator.Generate(ctx, r, to)
}

var newsTime = time.Date(2026, 3, 8, 23, 30, 0, 0, time.UTC)

// committed is the changelog that docs:release would commit.
func committed(t *testing.T, files map[string]string, version, date string) string {
	t.Helper()
	tree := fstest.MapFS{}
	for name, text := range files {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	built, err := changelog.Build(tree, changelog.Input{Version: version, Date: date})
	if err != nil {
		t.Fatal(err)
	}
	return string(built.Changes[0].Content)
}

// The page has the text of the file, or of the release of the version.
func TestBuildDocsChangelog(t *testing.T) {
	const (
		plain = "---\ncreated: 2001-09-09T01:46:40Z\nmodified: 2004-11-09T11:33:20Z\n---\n"
		fresh = "---\ncreated: 2001-09-09T01:46:40Z\nmodified: 2026-03-08T23:30:00Z\n---\n"
	)
	normal := withNews(nil)
	first := withNews(nil)
	delete(first, "CHANGELOG.md")
	unset := withNews(nil)
	delete(unset, "towncrier.toml")
	elsewhere := withNews(map[string]string{"history/NEWS.md": newsFile, "towncrier.toml": strings.Replace(newsTowncrier, "CHANGELOG.md", "history/NEWS.md", 1)})
	inside := withNews(map[string]string{"docs/NEWS.md": newsFile, "towncrier.toml": strings.Replace(newsTowncrier, "CHANGELOG.md", "docs/NEWS.md", 1)})
	broken := withNews(map[string]string{"docs/changelog.d/+more.nonsense.md": "x"})
	matter := withNews(map[string]string{"CHANGELOG.md": "---\ntitle: news\n---\n" + newsFile})
	for name, c := range map[string]struct {
		files map[string]string
		args  tasks.DocsArgs
		zone  *time.Location
		page  string // its name
		want  string // text of the page; "" for none
	}{
		"dev":             {files: normal, page: "CHANGELOG.md", want: plain + newsFile},
		"test":            {files: normal, args: tasks.DocsArgs{Version: "test"}, page: "CHANGELOG.md", want: plain + newsFile},
		"version":         {files: normal, args: tasks.DocsArgs{Version: "v1.1.0"}, page: "CHANGELOG.md", want: fresh + committed(t, normal, "v1.1.0", "2026-03-08")},
		"zone":            {files: normal, args: tasks.DocsArgs{Version: "v1.1.0"}, zone: time.FixedZone("east", 3600), page: "CHANGELOG.md", want: fresh + committed(t, normal, "v1.1.0", "2026-03-09")},
		"date":            {files: normal, args: tasks.DocsArgs{Version: "v1.1.0", Date: "2026-03-07"}, page: "CHANGELOG.md", want: fresh + committed(t, normal, "v1.1.0", "2026-03-07")},
		"first":           {files: first, args: tasks.DocsArgs{Version: "v1.1.0"}, page: "CHANGELOG.md", want: fresh + committed(t, first, "v1.1.0", "2026-03-08")},
		"frontmatter":     {files: matter, page: "CHANGELOG.md", want: strings.TrimSuffix(plain, "---\n") + "title: news\n---\n" + newsFile},
		"version there":   {files: normal, args: tasks.DocsArgs{Version: "v1.0.0"}, page: "CHANGELOG.md", want: plain + newsFile},
		"broken fragment": {files: broken, args: tasks.DocsArgs{Version: "v1.1.0"}, page: "CHANGELOG.md", want: plain + newsFile},
		"elsewhere":       {files: elsewhere, page: "NEWS.md", want: plain + newsFile},
		"not its folder":  {files: elsewhere, page: "history/NEWS.md"},
		"in the docs":     {files: inside, args: tasks.DocsArgs{Version: "v1.1.0"}, page: "NEWS.md", want: "---\ncreated: 2026-03-08T23:30:00Z\nmodified: 2026-03-08T23:30:00Z\n---\n" + newsFile},
		"none":            {files: first, page: "CHANGELOG.md"},
		"not configured":  {files: unset, args: tasks.DocsArgs{Version: "v1.1.0"}, page: "CHANGELOG.md"},
		"own page":        {files: withNews(map[string]string{"docs/CHANGELOG.md": "own"}), args: tasks.DocsArgs{Version: "v1.1.0"}, page: "CHANGELOG.md", want: "---\ncreated: 2026-03-08T23:30:00Z\nmodified: 2026-03-08T23:30:00Z\n---\nown"},
	} {
		t.Run(name, func(t *testing.T) {
			build, g, _ := docs(t, c.files)
			reader := pageReader{g, map[string]string{}}
			build.Sites, build.Settings.Zone = reader, c.zone
			c.args.Time = newsTime
			if _, err := build.Run(t.Context(), c.args); err != nil {
				t.Fatal(err)
			}
			if got := reader.pages[c.page]; got != c.want {
				t.Errorf("%s is\n%s\nwant\n%s", c.page, got, c.want)
			}
		})
	}
}

// A version that is being released has its section, or is not built; and the dates of the page must be known.
func TestBuildDocsChangelogFails(t *testing.T) {
	build, g, _ := docs(t, withNews(nil))
	var exists *changelog.ExistsError
	if _, err := build.Run(t.Context(), tasks.DocsArgs{Version: "v1.0.0", Time: newsTime, Date: "2026-03-08"}); !errors.As(err, &exists) {
		t.Errorf("error %v", err)
	}
	unknown := errors.New("unknown")
	dates := build.Dates
	build.Dates = func(ctx context.Context, under string) (map[string]vcs.Dates, error) {
		if under == "CHANGELOG.md" {
			return nil, unknown
		}
		return dates(ctx, under)
	}
	if _, err := build.Run(t.Context(), tasks.DocsArgs{}); !errors.Is(err, unknown) || len(g.runs) > 0 {
		t.Errorf("error %v, %d builds", err, len(g.runs))
	}
}
