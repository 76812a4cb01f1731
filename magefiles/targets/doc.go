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
// Every exported function and method of a namespace is a target: it parses its arguments, calls package app, and prints the result. Their flags are
// pointer parameters, whose comments are the help of `mage -h`.
package targets
