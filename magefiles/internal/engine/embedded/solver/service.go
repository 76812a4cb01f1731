package solver

import (
	"context"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
)

// Identity is a name for the definition of st that is the same in every session: it holds the content of host directories, not their places.
func (s *Solver) Identity(ctx context.Context, st llb.State) (string, error) {
	def, err := s.Marshal(ctx, st, s.Platform())
	if err != nil {
		return "", err
	}
	same, err := Rewrite(def.ToPB(), func(op *pb.Op, _ digest.Digest) error {
		if src := op.GetSource(); isLocal(src) {
			src.Identifier = "local://"
			delete(src.Attrs, pb.AttrLocalSessionID)
			delete(src.Attrs, pb.AttrLocalUniqueID)
		}
		return nil
	}, nil)
	if err != nil {
		return "", err
	}
	if len(same.Def) == 0 {
		return "", nil
	}
	return digest.FromBytes(same.Def[len(same.Def)-1]).Encoded(), nil
}

// Label is a label of the daemon's worker; "" if it has none of that name.
func (s *Solver) Label(name string) string {
	for _, w := range s.Gateway().BuildOpts().Workers {
		if v := w.Labels[name]; v != "" {
			return v
		}
	}
	return ""
}

// Report passes an event on, as those of BuildKit's steps.
func (s *Solver) Report(e Event) {
	if s.opts.Events != nil {
		s.opts.Events(e)
	}
}
