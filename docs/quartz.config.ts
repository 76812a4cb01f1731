// How Quartz makes a site of these pages: mage docs:build puts this file into Quartz's root.
import { QuartzConfig } from "./quartz/cfg"
import * as Plugin from "./quartz/plugins"

const light = { light: "#fbfbf9", lightgray: "#e3e3de", gray: "#aeaea6", darkgray: "#4b4b46", dark: "#24241f" }
const dark = { light: "#17191c", lightgray: "#34383d", gray: "#666b72", darkgray: "#d2d5d8", dark: "#eceef0" }

const config: QuartzConfig = {
  configuration: {
    pageTitle: "BlumeOps",
    baseUrl: "docs.ops.eblu.me",
    locale: "en-GB",
    analytics: null,
    enableSPA: true,
    enablePopovers: true,
    ignorePatterns: [],
    defaultDateType: "modified",
    theme: {
      // No fonts from other hosts, neither in the build nor in the browser. Mermaid is the one exception: on pages with a diagram the
      // browser loads it from cdnjs.cloudflare.com (docs/explanation/docs-build.md).
      fontOrigin: "local",
      cdnCaching: true,
      typography: { title: "system-ui", header: "system-ui", body: "system-ui", code: "ui-monospace" },
      colors: {
        lightMode: { ...light, secondary: "#1f5f8b", tertiary: "#6f9a63", highlight: "#1f5f8b1a", textHighlight: "#ffe76688" },
        darkMode: { ...dark, secondary: "#7fb5dc", tertiary: "#93bf86", highlight: "#7fb5dc1a", textHighlight: "#a8921d88" },
      },
    },
  },
  plugins: {
    transformers: [
      Plugin.FrontMatter(),
      // docs:build writes the dates of git's history into the frontmatter: the container that Quartz runs in has no history.
      Plugin.CreatedModifiedDate({ priority: ["frontmatter", "filesystem"] }),
      Plugin.SyntaxHighlighting({ theme: { light: "github-light", dark: "github-dark" }, keepBackground: false }),
      Plugin.ObsidianFlavoredMarkdown({ enableInHtmlEmbed: false }),
      Plugin.GitHubFlavoredMarkdown(),
      Plugin.TableOfContents(),
      Plugin.CrawlLinks({ markdownLinkResolution: "shortest" }),
      Plugin.Description(),
    ],
    filters: [Plugin.RemoveDrafts()],
    // Without CustomOgImages, which fetches fonts from the network.
    emitters: [
      Plugin.AliasRedirects(),
      Plugin.ComponentResources(),
      Plugin.ContentPage(),
      Plugin.FolderPage(),
      Plugin.TagPage(),
      Plugin.ContentIndex({ enableSiteMap: true, enableRSS: true }),
      Plugin.Assets(),
      Plugin.Static(),
      Plugin.NotFoundPage(),
    ],
  },
}

export default config
