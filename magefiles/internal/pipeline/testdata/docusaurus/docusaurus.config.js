// A small site, without anything that is fetched from elsewhere.
export default {
  title: "Real docs",
  url: "https://docs.example",
  baseUrl: "/",
  onBrokenLinks: "throw",
  themes: ["@docusaurus/theme-classic"],
  plugins: [["@docusaurus/plugin-content-docs", { path: "pages", routeBasePath: "/" }]],
}
