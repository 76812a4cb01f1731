package solver

import (
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
)

// definition is what BuildKit is asked to solve for a marshalled state.
func (s *Solver) definition(def *llb.Definition) (*pb.Definition, error) {
	distinct, err := distinctCopies(def.ToPB())
	if err != nil {
		return nil, err
	}
	return s.retries.apply(distinct)
}

// distinctCopies gives every copy from an empty state a cache key of its own.
//
// BuildKit v0.33 leaves the inputs out of a file operation's cache key where they are the usual ones, and takes "no source" for usual
// (solver/llbsolver/ops/file.go, isDefaultIndexes). A copy from scratch then has the key of a copy from any other source to the same
// place, and the cache answers with that source's files. The key of a copy from a source holds the last element of the
// source's path only: a path of two elements that names the same folder is never that.
func distinctCopies(def *pb.Definition) (*pb.Definition, error) {
	if found, err := copiesFromScratch(def); err != nil || !found {
		return def, err
	}
	return Rewrite(def, func(op *pb.Op, _ digest.Digest) error {
		for _, a := range op.GetFile().GetActions() {
			if fromScratch(a) {
				a.GetCopy().Src = "/./" + a.GetCopy().Src
			}
		}
		return nil
	}, nil)
}

func copiesFromScratch(def *pb.Definition) (bool, error) {
	for _, b := range def.Def {
		op := &pb.Op{}
		if err := op.UnmarshalVT(b); err != nil {
			return false, err
		}
		for _, a := range op.GetFile().GetActions() {
			if fromScratch(a) {
				return true, nil
			}
		}
	}
	return false, nil
}

func fromScratch(a *pb.FileAction) bool {
	return a.GetCopy() != nil && a.SecondaryInput == int64(pb.Empty)
}
