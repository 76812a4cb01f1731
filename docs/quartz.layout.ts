// The layout of a page: mage docs:build puts this file into the root of Quartz.
import { PageLayout, SharedLayout } from "./quartz/cfg"
import * as Component from "./quartz/components"
import type { Root } from "hast"

export const sharedPageComponents: SharedLayout = {
  head: Component.Head(),
  header: [],
  afterBody: [],
  footer: Component.Footer({ links: { Source: "https://forge.ops.eblu.me/eblume/blumeops" } }),
}

const left = [
  Component.PageTitle(),
  Component.MobileOnly(Component.Spacer()),
  Component.Flex({ components: [{ Component: Component.Search(), grow: true }, { Component: Component.Darkmode() }] }),
  Component.Explorer(),
]

// The title of a page comes from its frontmatter. CHANGELOG.md has no frontmatter: its own heading is the title.
const title = Component.ConditionalRender({
  component: Component.ArticleTitle(),
  condition: ({ tree }) => !(tree as Root).children.some((node) => node.type === "element" && node.tagName === "h1"),
})

// A page.
export const defaultContentPageLayout: PageLayout = {
  beforeBody: [Component.Breadcrumbs(), title, Component.ContentMeta(), Component.TagList()],
  left,
  right: [Component.DesktopOnly(Component.TableOfContents()), Component.Backlinks()],
}

// A list of pages: a folder, a tag.
export const defaultListPageLayout: PageLayout = {
  beforeBody: [Component.Breadcrumbs(), Component.ArticleTitle(), Component.ContentMeta()],
  left,
  right: [],
}
