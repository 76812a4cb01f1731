//go:build mage

package main

import "forge.ops.eblu.me/eblume/blumeops/magefiles/site"

// The settings that differ between sites. Package site explains each field and has the defaults of those that are left out. The environment
// variable in a field's tag overrides the field, and a target's flag overrides the variable.
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
