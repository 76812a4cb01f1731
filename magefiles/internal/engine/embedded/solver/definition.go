package solver

import (
	"errors"

	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
)

// definition is the definition that BuildKit solves for a marshalled state.
func (s *Solver) definition(def *pb.Definition) (*pb.Definition, error) {
	copied, err := copyWhatChanges(def)
	if err != nil {
		return nil, err
	}
	complete, err := completeKeys(copied)
	if err != nil {
		return nil, err
	}
	return s.retries.apply(complete)
}

// head is the operation that the definition's result is from.
func head(def *pb.Definition) (*pb.Op, error) {
	last := &pb.Op{}
	if len(def.Def) == 0 {
		return nil, errors.New("the definition is empty")
	}
	if err := last.UnmarshalVT(def.Def[len(def.Def)-1]); err != nil {
		return nil, err
	}
	for _, b := range def.Def {
		if len(last.Inputs) == 1 && string(digest.FromBytes(b)) == last.Inputs[0].Digest {
			op := &pb.Op{}
			return op, op.UnmarshalVT(b)
		}
	}
	return nil, errors.New("the definition's result is not part of it")
}

// PointAt returns the definition with another result.
func PointAt(def *pb.Definition, result *pb.Input) (*pb.Definition, error) {
	out := def.CloneVT()
	b, err := (&pb.Op{Inputs: []*pb.Input{result}}).Marshal()
	out.Def[len(out.Def)-1] = b
	return out, err
}
