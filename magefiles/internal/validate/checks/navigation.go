package checks

import (
	"path"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/page"
)

// navigationFiles are the settings of programs that make the website with a navigation of their own: readers reach each page without a link to it.
var navigationFiles = []string{
	"mkdocs.yml", "mkdocs.yaml", "zensical.toml", // lists the pages, or has all of them
	"docusaurus.config.js", "docusaurus.config.ts", "SUMMARY.md", "book.toml", "_sidebar.md", ".vitepress/config.js", ".vitepress/config.mts", ".vitepress/config.ts",
	"_config.yml", "hugo.toml", "hugo.yaml", "antora.yml", "conf.py", "astro.config.mjs", "starlight.config.mjs",
}

// isWiki says that the documentation has the conventions of a wiki: its readers follow links from page to page.
func isWiki(in *validate.Input, book *page.Book) bool { return book.IsWiki() && !navigates(in) }

// navigates says that the website of the documentation has a navigation of its own.
func navigates(in *validate.Input) bool {
	for _, name := range navigationFiles {
		if in.Has(name) || in.Has(path.Join(in.Site.Docs, name)) {
			return true
		}
	}
	return false
}
