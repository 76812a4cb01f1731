package scale

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// pagesOfSection is the number of pages in a folder.
const pagesOfSection = 100

func pageName(i int) string  { return fmt.Sprintf("topic-%06d", i) }
func section(i int) string   { return fmt.Sprintf("section-%04d", i/pagesOfSection) }
func pageTitle(i int) string { return fmt.Sprintf("Topic %d", i) }

// pages are the documentation: pages in sections, a page for each section that lists its pages, and the index.
func pages(s Size, give func(path, text string)) {
	var index, list strings.Builder
	index.WriteString(frontmatter("Home", "index") + "# Home\n\n")
	for i := range s.Pages {
		if i%pagesOfSection == 0 {
			fmt.Fprintf(&index, "- [[%s]]\n", section(i))
		}
		give(Docs+"/"+section(i)+"/"+pageName(i)+".md", page(i, s.Pages))
		fmt.Fprintf(&list, "- [[%s|%s]]\n", pageName(i), pageTitle(i))
		if (i+1)%pagesOfSection == 0 || i+1 == s.Pages {
			title := "Section " + strings.TrimPrefix(section(i), "section-")
			give(Docs+"/"+section(i)+"/"+section(i)+".md", frontmatter(title, "index")+"# "+title+"\n\n"+list.String())
			list.Reset()
		}
	}
	give(Docs+"/index.md", index.String())
}

func frontmatter(title, tag string) string {
	return "---\ntitle: " + title + "\ntags: [" + tag + "]\nmodified: 2026-11-22\n---\n\n"
}

// page is about 5 KB with 10 links of all forms.
func page(i, all int) string {
	r := random("page", i)
	other := func() int { return r.IntN(all) }
	relative := func(n int, heading string) string {
		return fmt.Sprintf("[%s](../%s/%s.md%s)", strings.ToLower(pageTitle(n)), section(n), pageName(n), heading)
	}
	wiki := func() string { return "[[" + pageName(other()) + "]]" }
	named := func() string { n := other(); return "[[" + pageName(n) + "|" + strings.ToLower(pageTitle(n)) + "]]" }
	var b strings.Builder
	b.WriteString(frontmatter(pageTitle(i), "topic") + "# " + pageTitle(i) + "\n\n")
	b.WriteString(paragraph(r, 5, wiki(), named()) + "\n\n")
	b.WriteString("## Setup\n\n" + paragraph(r, 7, wiki(), "[[#Operation]]") + "\n\n")
	fmt.Fprintf(&b, "```sh\nmage container:build %s\nkubectl --namespace %s get pods # [[not a link]]\n```\n\n", app(i), app(i))
	b.WriteString(paragraph(r, 6, relative(other(), "")) + "\n\n## Operation\n\n")
	for range 4 {
		b.WriteString("- " + wrap(sentence(r), "  ") + "\n")
	}
	b.WriteString("\n" + paragraph(r, 8, wiki(), relative(other(), "#operation")) + "\n\n")
	table(&b, r, wiki())
	b.WriteString("\n## Trouble\n\n" + paragraph(r, 7, "[["+pageName(other())+"#Setup]]") + "\n\n" + paragraph(r, 7, named()) + "\n\n")
	b.WriteString("1. " + wrap(sentence(r), "   ") + "\n2. " + wrap(sentence(r), "   ") + "\n\n" + paragraph(r, 6) + "\n")
	return b.String()
}

func table(b *strings.Builder, r *rand.Rand, link string) {
	b.WriteString("| Name | Use | Secret |\n| --- | --- | --- |\n")
	for i := range 4 {
		fmt.Fprintf(b, "| `%s` | %s | `op://vault/%s/password` |\n", words[r.IntN(len(words))], sentence(r)+strings.Repeat(" "+link, (i+1)/4), words[r.IntN(len(words))])
	}
}
