// Package page parses Markdown pages as Obsidian, Quartz and forges do: CommonMark with GitHub's tables, strikethrough, task lists and
// footnotes, plus frontmatter, wiki links and math. It is pure: text in, positions out.
//
// Every offset is in bytes of the page's text, every line counts from 1 and every column in characters from 1.
package page
