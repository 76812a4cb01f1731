package objects

import "github.com/moby/buildkit/client/llb"

// copySource gives st as the source of a copy. Every copy takes its source from here.
//
// A copy from a state without any operation (scratch) must not reach BuildKit: v0.33 leaves the inputs out of a file operation's
// cache key when they are the usual ones (solver/llbsolver/ops/file.go, isDefaultIndexes), and counts "no source" as usual. Such a copy
// then has the key of a copy from any other source to the same place, and the cache answers with that one's files.
func copySource(st llb.State) llb.State {
	if st.Output() != nil {
		return st
	}
	// All directories that are made have to be made with their parents: without, an empty file of the same mode has the same key.
	return st.File(llb.Mkdir("/", 0o755, llb.WithParents(true)), llb.WithCustomName("empty folder"))
}
