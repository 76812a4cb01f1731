module forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/daemon/modules/usernet

go 1.26.8

require gvisor.dev/gvisor v0.0.0-20240916094835-a174eb65023f

require (
	github.com/google/btree v1.1.3 // indirect
	golang.org/x/sys v0.48.0 // indirect
	golang.org/x/time v0.15.0 // indirect
)
