package solver

import (
	"fmt"
	"path"
	"strings"

	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
)

// completeKeys changes operations that BuildKit v0.33 could answer from its cache with the result of another one, because their keys do not hold
// all inputs of the result. The additions only affect the key.
func completeKeys(def *pb.Definition) (*pb.Definition, error) {
	k := keys{timing: map[string]timing{}, built: map[string]string{}}
	return Rewrite(def, func(op *pb.Op, built digest.Digest) error {
		k.complete(op, built, isDockerfile(def, built))
		return nil
	}, func(built, now digest.Digest) { k.built[string(now)] = string(built) })
}

// isDockerfile reports whether BuildKit's frontend made the operation of a Dockerfile's instruction. Then its name begins with a bracket, as
// "[one 2/3] COPY f /". The names of our operations begin with a word.
func isDockerfile(def *pb.Definition, built digest.Digest) bool {
	return strings.HasPrefix(def.Metadata[string(built)].GetDescription()[customName], "[")
}

const customName = "llb.customname"

// keys records for each operation, as it was built, whether the times of its files count.
type keys struct {
	timing map[string]timing
	built  map[string]string // operation as it is now -> as it was built
}

// timing is the origin of the times of files. BuildKit also identifies copied or mounted files by their content, which does not include times:
// two directories that differ only in their times are the same to it, and the cache returns one for the other.
type timing int

const (
	// onWriting: the time at which a file was written here, or its time on the host. Nobody depends on such times.
	onWriting timing = iota
	// byOthers: an image brought the times, or a command may have set them.
	byOthers
	// onPurpose: an operation set them.
	onPurpose
)

func (k *keys) complete(op *pb.Op, built digest.Digest, dockerfile bool) {
	t := timingOf(op)
	byDefinition := make([]bool, len(op.Inputs)) // inputs whose part of the key must be their definition, not their content
	for i, in := range op.Inputs {
		d := in.Digest
		if b, ok := k.built[d]; ok {
			d = b
		}
		t = max(t, k.timing[d])
		// A Dockerfile's COPY --from has a key by content, as with buildctl: a stage that ran again may give the same files.
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

// timingOf is the timing of the files that an operation adds itself.
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

// completeFile completes the key of a file operation. The key holds only the last element of the path of a copy's source. The key of the source
// holds the whole path, except if the operation also changes the source. The order of several copies in one operation is missing, too.
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
		case from >= int64(len(byDefinition)): // a result of the operation itself: completely in the key
		case byDefinition[from]:
			f.Actions = append(f.Actions, without(from, c.Src))
		case changed[from] || copied[from] > 1:
			f.Actions = append(f.Actions, without(int64(pb.Empty), c.Src))
		}
	}
}

// fromScratch gives a copy from an empty state a cache key of its own.
//
// BuildKit leaves the inputs out of a file operation's cache key if they are the usual ones, and counts "no source" as usual
// (solver/llbsolver/ops/file.go, isDefaultIndexes). A copy from scratch then has the key of a copy from any other source to the same place, and
// the cache answers with that source's files. The key of a copy from a source holds only the last element of the source's path: it never equals a
// path of two elements that names the same folder.
func fromScratch(c *pb.FileActionCopy) { c.Src = "/./" + c.Src }

// without is an action that adds a path to the key. It is never executed, because nothing uses its result. An input that an action changes has no
// key by content.
func without(input int64, p string) *pb.FileAction {
	return &pb.FileAction{
		Input: input, SecondaryInput: int64(pb.Empty), Output: int64(pb.SkipOutput),
		Action: &pb.FileAction_Rm{Rm: &pb.FileActionRm{Path: p, AllowNotFound: true}},
	}
}

// completeExec completes the key of a command. BuildKit's key does not say which part of an input is mounted where, if the input has a key by
// content and is mounted more than once, nor which cache volume is mounted. The exec init removes these variables before it starts the command.
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

func isLocal(s *pb.SourceOp) bool { return strings.HasPrefix(s.GetIdentifier(), "local://") }
