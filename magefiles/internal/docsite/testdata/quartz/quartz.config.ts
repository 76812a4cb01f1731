// The stand-in's own configuration, which that of a site replaces.
const config = { configuration: { pageTitle: "Quartz stand-in", baseUrl: "quartz.example" } }

export default config
