// Package image holds the nouns of container images: names, versions, platforms,
// references, and the containers of this repository. Each is parsed once, by this
// package, and trusted after that. Nothing here talks to a registry or an engine;
// files are read through an fs.FS.
package image
