// Package targets holds the Mage targets. A magefile imports it and states its settings:
//
//	//go:build mage
//
//	package main
//
//	import (
//		"forge.ops.eblu.me/eblume/blumeops/magefiles/site"
//		//mage:import
//		_ "forge.ops.eblu.me/eblume/blumeops/magefiles/targets"
//	)
//
//	var _ = site.Use(site.Settings{Registry: "registry.example", Namespace: "me"})
//
// Every exported function, and every exported method of a namespace, is a target. It parses its arguments, calls package app, and prints the
// result. Its flags are its pointer parameters. `mage -h` prints the doc comment of a target and the comments of its flags.
package targets
