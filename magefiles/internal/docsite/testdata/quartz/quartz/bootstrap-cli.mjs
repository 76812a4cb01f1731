#!/usr/bin/env node
// A stand-in for Quartz 4, which is not on npm, for tests. It has Quartz's command line (quartz build [-d DIR] [-o DIR] [-v]), reads the
// configuration, the layout and the content from the same places, and writes the same kinds of files, with ids that do not repeat.
import fs from "node:fs"
import path from "node:path"
import { parseArgs } from "node:util"

const fail = (text) => {
  console.error(text)
  process.exit(1)
}

const { values: argv, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    directory: { type: "string", short: "d", default: "content" },
    output: { type: "string", short: "o", default: "public" },
    verbose: { type: "boolean", short: "v", default: false },
  },
})
if (positionals.length !== 1 || positionals[0] !== "build") fail("usage: quartz build [-d DIR] [-o DIR] [-v]")
if (!fs.existsSync(argv.directory)) fail(`content directory ${argv.directory} doesn't exist`)

// What is read of TypeScript is one text by its name.
const setting = (file, name) => {
  const found = fs.readFileSync(file, "utf8").match(new RegExp(`${name}:\\s*"([^"]*)"`))
  return found ? found[1] : fail(`${file}: no ${name}`)
}
const title = setting("quartz.config.ts", "pageTitle")
const baseUrl = setting("quartz.config.ts", "baseUrl")
const footer = setting("quartz.layout.ts", "footer")

const walk = (dir) =>
  fs.readdirSync(dir, { withFileTypes: true }).flatMap((e) => {
    const at = path.join(dir, e.name)
    return e.isDirectory() ? walk(at) : e.name === ".gitkeep" ? [] : [path.relative(argv.directory, at)]
  })
const escape = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;")
const slugOf = (file) => file.replace(/\.md$/, "").replaceAll(" ", "-")

const parse = (file) => {
  const at = path.join(argv.directory, file)
  const text = fs.readFileSync(at, "utf8").replaceAll("\r\n", "\n")
  const [, head = "", body] = text.match(/^(?:---\n([\s\S]*?\n)?---(?:\n|$))?([\s\S]*)$/)
  const matter = Object.fromEntries(head.split("\n").flatMap((line) => {
    const m = line.match(/^([\w-]+):\s*(.*)$/)
    return m ? [[m[1], m[2]]] : []
  }))
  const stat = fs.statSync(at)
  const created = matter.created ?? matter.date
  return {
    file, body, slug: slugOf(file), title: matter.title ?? path.basename(slugOf(file)), draft: matter.draft === "true",
    created: new Date(created ?? stat.birthtimeMs), modified: new Date(matter.modified ?? created ?? stat.mtimeMs),
    onDisk: stat.mtime.toISOString(),
  }
}

const files = walk(argv.directory)
const pages = files.filter((f) => f.endsWith(".md")).map(parse).filter((p) => !p.draft)
if (!pages.some((p) => p.slug === "index")) console.warn("Warning: you seem to be missing an `index.md` home page file")

const bySlug = new Map(pages.map((p) => [path.basename(p.slug), p]))
const inline = (text, page) =>
  escape(text).replace(/\[\[([^\]|]+)(?:\|([^\]]+))?\]\]/g, (_, name, label) => {
    const to = bySlug.get(name)
    if (!to) return `<a class="internal broken">${label ?? name}</a>`
    return `<a class="internal" href="${path.relative(path.dirname("/" + page.slug), "/" + to.slug)}">${label ?? to.title}</a>`
  })
const article = (page) =>
  page.body.split(/\n{2,}/).map((block) => {
    const heading = block.match(/^(#+) (.*)$/)
    if (!heading) return block.trim() ? `<p>${inline(block, page)}</p>` : ""
    const level = heading[1].length
    return `<h${level} id="${heading[2].toLowerCase().replaceAll(/[^\w]+/g, "-")}">${inline(heading[2], page)}</h${level}>`
  }).join("\n")

// As in Quartz: counters of what was rendered, in whatever order that was. The first number differs from run to run, too.
let rendered = Math.floor(Math.random() * 1000)
const lists = Math.floor(Math.random() * 1000)
const html = (page, body) => {
  const id = rendered++
  const up = "../".repeat(page.slug.split("/").length - 1) || "./"
  return `<!DOCTYPE html>
<html lang="en"><head><title>${escape(page.title)} | ${escape(title)}</title><link href="${up}index.css" rel="stylesheet"/></head>
<body data-slug="${escape(page.slug)}"><div class="explorer"><button type="button" class="explorer-toggle mobile-explorer" aria-controls="explorer-${id}"></button>
<div id="explorer-${id}" class="explorer-content" role="group"><ul class="explorer-ul overflow" id="list-${lists}"><li class="overflow-end"></li></ul></div></div>
<article>${body}</article>
<div class="toc"><button class="toc-header" aria-controls="toc-${id}"></button><ul class="toc-content overflow" id="list-${lists + 1}"></ul></div>
<footer>${escape(footer)}</footer><script src="${up}postscript.js" type="module"></script></body></html>
`
}

fs.rmSync(argv.output, { recursive: true, force: true })
const put = (name, text) => {
  const at = path.join(argv.output, name)
  fs.mkdirSync(path.dirname(at), { recursive: true })
  fs.writeFileSync(at, text)
}
const shuffled = pages.map((page) => [Math.random(), page]).sort(([a], [b]) => a - b).map(([, page]) => page)
for (const page of shuffled) {
  const meta = `<p class="content-meta"><time datetime="${page.modified.toISOString()}"></time><span data-on-disk="${page.onDisk}"></span></p>`
  put(page.slug + ".html", html(page, `<h1>${escape(page.title)}</h1>${meta}${article(page)}`))
}
const folders = new Set(pages.map((p) => path.dirname(p.slug)).filter((d) => d !== "."))
for (const folder of folders) {
  if (!bySlug.has("index") || !pages.some((p) => p.slug === folder + "/index")) {
    put(folder + "/index.html", html({ slug: folder + "/index", title: "Folder: " + folder }, "<ul></ul>"))
  }
}
put("404.html", html({ slug: "404", title: "404" }, "<h1>404</h1>"))
put("index.css", "body { margin: 0 }\n")
put("prescript.js", "document.documentElement.dataset.ready = true;\n")
put("postscript.js", [lists, lists + 1].map((n) => `document.getElementById("list-${n}")?.querySelector(".overflow-end");\n`).join(""))
put("static/contentIndex.json", JSON.stringify(Object.fromEntries(pages.map((p) => [p.slug, { title: p.title, date: p.created }]))))
put("sitemap.xml", pages.map((p) => `<url><loc>https://${baseUrl}/${p.slug}</loc><lastmod>${p.modified.toISOString()}</lastmod></url>`).join("\n"))
for (const file of files.filter((f) => !f.endsWith(".md"))) put(file.replaceAll(" ", "-"), fs.readFileSync(path.join(argv.directory, file)))
console.log(`Done processing ${pages.length} files`)
