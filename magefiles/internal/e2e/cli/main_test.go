// Package cli looks at what every target has in common: help, exit status, output, what ci runs.
package cli

import (
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
)

func TestMain(m *testing.M) { e2etest.Main(m) }

// What people see is written as scripts for testscript; package e2etest lists the commands that are ours.
func TestScripts(t *testing.T) { e2etest.RunScripts(t) }

func TestScriptsOnDagger(t *testing.T) { e2etest.RunScriptsOnDagger(t) }
