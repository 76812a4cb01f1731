module forge.ops.eblu.me/eblume/blumeops

go 1.26.8

require (
	github.com/moby/sys/user v0.4.1
	golang.org/x/sys v0.48.0
)
