package solver

import (
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
)

// copyWhatChanges gives each operation that changes, mounts, compares or merges a host directory a copy of that directory. Operations that copy
// from the directory keep it.
//
// BuildKit v0.33 knows a host directory by its content only while it is as it was sent. After another operation is based on it, BuildKit computes
// the hash of its content in another way (cache/contenthash: the root's header, which is never sent, is then read from the disk). The same copy
// has another key from then on, and runs again in the next session. An operation that changes the directory itself has a key of this session.
func copyWhatChanges(def *pb.Definition) (*pb.Definition, error) {
	ops := make([]*pb.Op, len(def.Def))
	local, copies := map[string]bool{}, map[string]string{} // host directory -> its copy
	for i, b := range def.Def {
		op := &pb.Op{}
		if err := op.UnmarshalVT(b); err != nil {
			return nil, err
		}
		ops[i] = op
		local[string(digest.FromBytes(b))] = isLocal(op.GetSource())
		for n, in := range op.Inputs {
			if local[in.Digest] && changes(op, n, isDockerfile(def, digest.FromBytes(b))) {
				copies[in.Digest] = ""
			}
		}
	}
	if len(copies) == 0 {
		return def, nil
	}
	with := &pb.Definition{Metadata: map[string]*pb.OpMetadata{}, Source: def.Source}
	for d, m := range def.Metadata {
		with.Metadata[d] = m
	}
	made := map[digest.Digest]bool{}
	for i, b := range def.Def {
		with.Def = append(with.Def, b)
		of := string(digest.FromBytes(b))
		if _, ok := copies[of]; !ok {
			continue
		}
		c, err := wholeCopy(of, ops[i]).Marshal()
		if err != nil {
			return nil, err
		}
		d := digest.FromBytes(c)
		copies[of], made[d] = string(d), true
		with.Def = append(with.Def, c)
		with.Metadata[string(d)] = &pb.OpMetadata{Description: map[string]string{customName: "copy " + def.Metadata[of].GetDescription()[customName]}}
	}
	return Rewrite(with, func(op *pb.Op, built digest.Digest) error {
		for n, in := range op.Inputs {
			if c, ok := copies[in.Digest]; ok && !made[built] && changes(op, n, isDockerfile(with, built)) {
				in.Digest = c
			}
		}
		return nil
	}, nil)
}

// changes reports whether the operation uses an input for anything but a copy from it. A Dockerfile's mounts stay as they are, as with buildctl.
func changes(op *pb.Op, input int, dockerfile bool) bool {
	if f := op.GetFile(); f != nil {
		for _, a := range f.Actions {
			if a.Input == int64(input) {
				return true
			}
		}
		return false
	}
	return op.Op != nil && !dockerfile
}

// wholeCopy is the operation that copies a source.
func wholeCopy(of string, source *pb.Op) *pb.Op {
	const unset = -1
	return &pb.Op{
		Inputs: []*pb.Input{{Digest: of}}, Platform: source.Platform, Constraints: source.Constraints,
		Op: &pb.Op_File{File: &pb.FileOp{Actions: []*pb.FileAction{{
			Input: int64(pb.Empty), SecondaryInput: 0, Output: 0,
			Action: &pb.FileAction_Copy{Copy: &pb.FileActionCopy{
				Src: "/", Dest: "/", Mode: unset, Timestamp: unset, FollowSymlink: true, DirCopyContents: true,
			}},
		}}}},
	}
}
