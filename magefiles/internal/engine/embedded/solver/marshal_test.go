package solver

import (
	"strconv"
	"sync"
	"testing"

	"github.com/moby/buildkit/client/llb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// llb sorts the mounts of an exec while it marshals it, so that states with a common exec must not marshal at the same time. The race detector
// reports it.
func TestStatesWithACommonExecMarshalAtOnce(t *testing.T) {
	s, amd64 := &Solver{}, ocispecs.Platform{OS: "linux", Architecture: "amd64"}
	for range 20 {
		run := llb.Scratch().File(llb.Mkdir("/d", 0o755)).Run(llb.Args([]string{"/x"}), llb.Dir("/"),
			llb.AddMount("/z", llb.Scratch().File(llb.Mkfile("/f", 0o600, nil))), llb.AddMount("/a", llb.Scratch(), llb.Tmpfs()),
			llb.AddMount("/y", llb.Scratch()), llb.AddMount("/b", llb.Scratch()))
		var all sync.WaitGroup
		start := make(chan struct{})
		for i := range 8 {
			st := run.GetMount("/z").File(llb.Mkdir("/"+strconv.Itoa(i), 0o755))
			all.Go(func() {
				<-start
				def, err := s.Marshal(t.Context(), st, amd64)
				if err != nil || len(def.Def) != 5 {
					t.Errorf("%d operations, %v, want mkdir, mkfile, exec, mkdir and the result", len(def.Def), err)
				}
			})
		}
		close(start)
		all.Wait()
	}
}
