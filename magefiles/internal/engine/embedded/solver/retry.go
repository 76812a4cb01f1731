package solver

import (
	"slices"
	"strconv"
	"sync"

	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
)

// retries makes a command that failed run again when it is requested again. BuildKit caches no failure, but an open build remembers it: the same
// operation gives the same error until the build ends. So does another operation with the same cache key, such as the same command on a folder
// with changes in files that the command does not see.
//
// So the operation gets an additional variable, which the exec init removes. A success is cached under that operation: a later session runs the
// command again. (The proxy settings do not work for this, because they are not part of a cache key.)
type retries struct {
	mu     sync.Mutex
	failed map[digest.Digest]int // an exec as it was built -> how often it failed
	origin map[digest.Digest]digest.Digest
}

// AttemptVariable is the variable that makes an exec new to the build.
const AttemptVariable = "BLUMEOPS_ATTEMPT"

func newRetries() *retries {
	return &retries{failed: map[digest.Digest]int{}, origin: map[digest.Digest]digest.Digest{}}
}

// note records that the operation d failed with the command x. If x failed before and d is not in the definition, the error is an earlier one:
// then note records the operations of the definition with this command instead.
func (r *retries) note(asked *pb.Definition, d digest.Digest, x *pb.ExecOp) (earlier bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var same []digest.Digest
	if r.failed[r.original(d)] > 0 {
		same = commands(asked, d, x)
	}
	if len(same) == 0 {
		r.failed[r.original(d)]++
	}
	for _, one := range same {
		r.failed[r.original(one)]++
	}
	return len(same) > 0
}

// original is the operation as it was built.
func (r *retries) original(d digest.Digest) digest.Digest {
	if o, ok := r.origin[d]; ok {
		return o
	}
	return d
}

// commands are the operations of a definition that run the command x; empty if the operation d is in the definition.
func commands(def *pb.Definition, d digest.Digest, x *pb.ExecOp) (same []digest.Digest) {
	for _, b := range def.Def {
		now, op := digest.FromBytes(b), &pb.Op{}
		if now == d || op.UnmarshalVT(b) != nil {
			return nil
		}
		if m := op.GetExec().GetMeta(); m != nil && slices.Equal(m.Args, x.GetMeta().GetArgs()) && slices.Equal(m.Env, x.GetMeta().GetEnv()) {
			same = append(same, now)
		}
	}
	return same
}

// apply returns the definition with execs that failed before changed, so that they are new to the build.
func (r *retries) apply(def *pb.Definition) (*pb.Definition, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.failed) == 0 {
		return def, nil
	}
	return Rewrite(def, func(op *pb.Op, built digest.Digest) error {
		x, n := op.GetExec(), r.failed[built]
		if x != nil && n > 0 {
			x.Meta.Env = append(x.Meta.Env, AttemptVariable+"="+strconv.Itoa(n+1))
		}
		return nil
	}, func(built, now digest.Digest) { r.origin[now] = built })
}

// Rewrite changes the operations of a definition in dependency order. change gets each operation, with renamed inputs, and the digest that it was
// built with. renamed, which may be nil, is called for each operation whose digest changed.
func Rewrite(def *pb.Definition, change func(op *pb.Op, built digest.Digest) error, renamed func(built, now digest.Digest)) (*pb.Definition, error) {
	out := &pb.Definition{Metadata: map[string]*pb.OpMetadata{}, Source: def.Source}
	names := map[string]string{}
	for _, b := range def.Def {
		op := &pb.Op{}
		if err := op.UnmarshalVT(b); err != nil {
			return nil, err
		}
		for _, in := range op.Inputs {
			if d, ok := names[in.Digest]; ok {
				in.Digest = d
			}
		}
		built := digest.FromBytes(b)
		if err := change(op, built); err != nil {
			return nil, err
		}
		b, err := op.Marshal() // as BuildKit does it, so that it has the same digest there
		if err != nil {
			return nil, err
		}
		now := digest.FromBytes(b)
		names[string(built)] = string(now)
		if renamed != nil && now != built {
			renamed(built, now)
		}
		out.Def = append(out.Def, b)
		if m := def.Metadata[string(built)]; m != nil {
			out.Metadata[string(now)] = m
		}
	}
	out.Source = renameLocations(def.Source, names)
	return out, nil
}

func renameLocations(src *pb.Source, names map[string]string) *pb.Source {
	if src == nil {
		return nil
	}
	src = src.CloneVT()
	locations := map[string]*pb.Locations{}
	for d, l := range src.Locations {
		if n, ok := names[d]; ok {
			d = n
		}
		locations[d] = l
	}
	src.Locations = locations
	return src
}
