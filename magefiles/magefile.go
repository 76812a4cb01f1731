//go:build mage

// BlumeOps builds and deploys containers, releases docs, checks the repository.
//
//	go tool mage validate
//	go tool mage container:build nettest
//	go tool mage container:publish nettest v0.1.0
//	go tool mage docs:release patch -dryrun
//	go tool mage lab:up
//
// "go tool mage -h TARGET" explains a target. Its examples write "mage" for
// "go tool mage". Flags come after the arguments, written -name=value. -v before
// the target prints every line of every step. Results go to stdout, everything
// else to stderr. The settings of this site are in magefiles/site.go.
//
//mage:multiline
package main

import (
	//mage:import
	_ "forge.ops.eblu.me/eblume/blumeops/magefiles/targets"
)
