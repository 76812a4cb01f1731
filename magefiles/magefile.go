//go:build mage

// BlumeOps: publish the containers of this repository, release its docs, check all of it, try it on this machine.
//
//	go tool mage validate
//	go tool mage container:build nettest
//	go tool mage container:publish nettest v0.1.0
//	go tool mage docs:release patch -dryrun
//	go tool mage lab:up
//
// «mage -h TARGET» explains a target. Flags come after the positional arguments and are
// written -name=value; -v before the target shows everything. Results go to stdout, all
// else to stderr. What is particular to this site stands in magefiles/site.go.
//
//mage:multiline
package main

import (
	//mage:import
	_ "forge.ops.eblu.me/eblume/blumeops/magefiles/targets"
)
