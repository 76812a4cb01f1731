package solver

import (
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
)

// definition is the definition that BuildKit solves for a marshalled state.
func (s *Solver) definition(def *llb.Definition) (*pb.Definition, error) {
	copied, err := copyWhatChanges(def.ToPB())
	if err != nil {
		return nil, err
	}
	complete, err := completeKeys(copied)
	if err != nil {
		return nil, err
	}
	return s.retries.apply(complete)
}
