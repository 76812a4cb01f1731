package app

import (
	"bytes"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/settings"
)

// example are the settings of a site.
var example = settings.Settings{
	Registry: "registry.example", Namespace: "me", ForgeURL: "https://forge.example", Owner: "me", Repository: "homelab",
	ReleaseAuthor: "Me <me@homelab.example>", Manifests: "argocd", Engine: "auto", DeployTimeout: "5m",
}

// withSettings is an App whose output can be read.
func withSettings(s settings.Settings) (*App, *bytes.Buffer) {
	var out bytes.Buffer
	return &App{Settings: s, getenv: func(string) string { return "" }, console: console.New(console.Options{Stdout: &out, Stderr: &out, Env: func(string) string { return "" }})}, &out
}
