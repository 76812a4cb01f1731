// The stand-in's own layout, which that of a site replaces. It reads the footer's text of it.
export const sharedPageComponents = { footer: "the stand-in's own footer" }
