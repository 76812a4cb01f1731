package site_test

import (
	"fmt"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/site"
)

// A magefile states its settings in a variable declaration: var _ = site.Use(site.Settings{...}).
func ExampleUse() {
	settings := site.Use(site.Settings{Registry: "registry.example", Namespace: "me"})
	fmt.Println(settings.Registry, settings.Docs, settings.GoPlatforms)
	// Output: registry.example docs linux/amd64,linux/arm64
}
