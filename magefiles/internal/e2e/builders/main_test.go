// Package builders builds and publishes with several BuildKit daemons: BuildKit's own program, in network namespaces, with TLS between them and the
// compiled mage binary. One of them is for arm64, which Debian's emulator runs.
package builders

import (
	"runtime"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
)

// The main goroutine keeps the main thread: if another one took it into a network namespace, the tests would count as a process of that namespace.
func init() { runtime.LockOSThread() }

func TestMain(m *testing.M) { e2etest.Main(m) }
