//go:build mage

package main

import "forge.ops.eblu.me/eblume/blumeops/magefiles/site"

// The settings of this site. Package site explains each field, and has the defaults of the others. An environment variable overrides a field,
// and a flag of a target overrides both.
var _ = site.Use(site.Settings{
	Registry:         "registry.ops.eblu.me",
	Namespace:        "blumeops",
	RegistryUser:     "zot-ci",
	RegistryPassword: "op://blumeops/zot-ci/password",

	ForgeURL:   "https://forge.ops.eblu.me",
	Owner:      "eblume",
	Repository: "blumeops",
	ForgeToken: "op://blumeops/forge-ci/token",

	DocsManifest:  "argocd/manifests/docs/deployment.yaml",
	DocsURL:       "https://docs.eblu.me",
	ReleaseAuthor: "BlumeOps <blumeops@ops.eblu.me>",

	ArgoCDURL:   "https://argocd.ops.eblu.me",
	ArgoCDToken: "op://blumeops/argocd-ci/token",

	TestCommand: "go test ./...",
})
