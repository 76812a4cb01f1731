package solver

import (
	"fmt"
	"path"
	"strings"

	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
)

// completeKeys changes operations that BuildKit v0.33 could answer from its cache with the result of another one: their keys do not hold all
// that decides on the result. What is added has no effect but on the key.
func completeKeys(def *pb.Definition) (*pb.Definition, error) {
	k := keys{timing: map[string]timing{}, built: map[string]string{}}
	return Rewrite(def, func(op *pb.Op, built digest.Digest) error {
		name := def.Metadata[string(built)].GetDescription()["llb.customname"]
		k.complete(op, built, strings.HasPrefix(name, dockerfilePrefix))
		return nil
	}, func(built, now digest.Digest) { k.built[string(now)] = string(built) })
}

// dockerfilePrefix begins the names of operations that BuildKit's frontend made of a Dockerfile's instructions, as "[one 2/3] COPY f /". The
// names of ours begin with a word.
const dockerfilePrefix = "["

// keys knows of each operation, as it was built, whether the times of its files count.
type keys struct {
	timing map[string]timing
	built  map[string]string // operation as it is now -> as it was built
}

// timing says how files got their times. BuildKit knows what is copied or mounted by its content as well, and leaves times out of that: two
// directories that differ in their times alone are one, and the cache answers for the one with the other.
type timing int

const (
	// onWriting: a file has the time at which it was written here, or that it has on the host. Nobody asks for such times.
	onWriting timing = iota
	// byOthers: an image brought the times, or a command may have set them.
	byOthers
	// onPurpose: an operation set them.
	onPurpose
)

func (k *keys) complete(op *pb.Op, built digest.Digest, dockerfile bool) {
	t := timingOf(op)
	byDefinition := make([]bool, len(op.Inputs)) // what is not known by its content
	for i, in := range op.Inputs {
		d := in.Digest
		if b, ok := k.built[d]; ok {
			d = b
		}
		t = max(t, k.timing[d])
		// A Dockerfile's COPY --from is known by the content, as buildctl has it: a stage that ran again may give the same files.
		byDefinition[i] = k.timing[d] == onPurpose || k.timing[d] == byOthers && !dockerfile
	}
	k.timing[string(built)] = t
	if f := op.GetFile(); f != nil {
		completeFile(f, byDefinition)
	}
	if x := op.GetExec(); x != nil {
		completeExec(x, byDefinition, dockerfile)
	}
}

// timingOf is the timing of what an operation adds itself.
func timingOf(op *pb.Op) timing {
	if s := op.GetSource(); s != nil && !isLocal(s) || op.GetExec() != nil {
		return byOthers
	}
	for _, a := range op.GetFile().GetActions() {
		if setsTime(a) {
			return onPurpose
		}
	}
	return onWriting
}

func setsTime(a *pb.FileAction) bool {
	const unset = -1
	switch a := a.Action.(type) {
	case *pb.FileAction_Mkdir:
		return a.Mkdir.Timestamp != unset
	case *pb.FileAction_Mkfile:
		return a.Mkfile.Timestamp != unset
	case *pb.FileAction_Symlink:
		return a.Symlink.Timestamp != unset
	case *pb.FileAction_Copy:
		return a.Copy.Timestamp != unset
	}
	return false
}

// completeFile completes the key of a file operation. Of a copy's source the key holds the last element of the path. The whole path is
// with the source, but not where that is also what the operation changes, and not in which order if an operation copies several times.
func completeFile(f *pb.FileOp, byDefinition []bool) {
	changed, copied := map[int64]bool{}, map[int64]int{}
	for _, a := range f.Actions {
		changed[a.Input] = true
		if a.GetCopy() != nil {
			copied[a.SecondaryInput]++
		}
	}
	for _, a := range f.Actions {
		c, from := a.GetCopy(), a.SecondaryInput
		switch {
		case c == nil:
		case from == int64(pb.Empty):
			fromScratch(c)
		case from >= int64(len(byDefinition)): // of what the operation itself made: in the key as a whole
		case byDefinition[from]:
			f.Actions = append(f.Actions, without(from, c.Src))
		case changed[from] || copied[from] > 1:
			f.Actions = append(f.Actions, without(int64(pb.Empty), c.Src))
		}
	}
}

// fromScratch gives a copy from an empty state a cache key of its own.
//
// BuildKit leaves the inputs out of a file operation's cache key where they are the usual ones, and takes "no source" for usual
// (solver/llbsolver/ops/file.go, isDefaultIndexes). A copy from scratch then has the key of a copy from any other source to the same
// place, and the cache answers with that source's files. The key of a copy from a source holds the last element of the
// source's path only: a path of two elements that names the same folder is never that.
func fromScratch(c *pb.FileActionCopy) { c.Src = "/./" + c.Src }

// without is an action that puts a path into the key, and is never done, as nothing comes of it. What an action changes is not known by its
// content: so neither is the input.
func without(input int64, p string) *pb.FileAction {
	return &pb.FileAction{
		Input: input, SecondaryInput: int64(pb.Empty), Output: int64(pb.SkipOutput),
		Action: &pb.FileAction_Rm{Rm: &pb.FileActionRm{Path: p, AllowNotFound: true}},
	}
}

// completeExec completes the key of a command. It does not hold which part of an input is mounted where, if the input is known by its
// content and mounted more than once, and not which cache volume is mounted. The exec init hands these variables on to nobody.
func completeExec(x *pb.ExecOp, byDefinition []bool, dockerfile bool) {
	mounted := map[int64]int{}
	for _, m := range x.Mounts {
		mounted[m.Input]++
	}
	var note []string
	for _, m := range x.Mounts {
		if m.CacheOpt != nil && !dockerfile {
			note = append(note, fmt.Sprintf("%q is the volume %q", m.Dest, m.CacheOpt.ID))
		}
		if m.Input == int64(pb.Empty) {
			continue
		}
		if byDefinition[m.Input] {
			m.ContentCache = pb.MountContentCache_OFF
		}
		if mounted[m.Input] > 1 {
			note = append(note, fmt.Sprintf("%q is %q", m.Dest, path.Clean("/"+m.Selector)))
		}
	}
	if len(note) > 0 {
		x.Meta.Env = append(x.Meta.Env, "BLUMEOPS_MOUNTS="+strings.Join(note, ", "))
	}
}

func isLocal(s *pb.SourceOp) bool { return strings.HasPrefix(s.Identifier, "local://") }
