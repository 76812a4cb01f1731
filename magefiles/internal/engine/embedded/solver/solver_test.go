package solver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
)

// definition is an exec on an image, and a file operation on its result.
func definition(t *testing.T) *pb.Definition {
	t.Helper()
	run := llb.Image("example.test/base").Run(llb.Args([]string{"/x"}), llb.WithCustomName("run x"))
	def, err := run.Root().File(llb.Mkfile("/f", 0o644, []byte("1"))).Marshal(context.Background(), llb.LinuxAmd64)
	if err != nil {
		t.Fatal(err)
	}
	return def.ToPB()
}

func ops(t *testing.T, def *pb.Definition) []*pb.Op {
	t.Helper()
	var out []*pb.Op
	for _, b := range def.Def {
		op := &pb.Op{}
		if err := op.UnmarshalVT(b); err != nil {
			t.Fatal(err)
		}
		out = append(out, op)
	}
	return out
}

// connected fails if an operation has an input that is not in the definition.
func connected(t *testing.T, def *pb.Definition) {
	t.Helper()
	have := map[string]bool{}
	for i, op := range ops(t, def) {
		for _, in := range op.Inputs {
			if !have[in.Digest] {
				t.Errorf("operation %d has the unknown input %s", i, in.Digest)
			}
		}
		have[string(digest.FromBytes(def.Def[i]))] = true
	}
}

func TestRewriteKeepsTheGraphWhole(t *testing.T) {
	def := definition(t)
	same, err := Rewrite(def, func(*pb.Op, digest.Digest) error { return nil }, func(digest.Digest, digest.Digest) { t.Error("nothing was changed") })
	if err != nil {
		t.Fatal(err)
	}
	if !slices.EqualFunc(def.Def, same.Def, func(a, b []byte) bool { return string(a) == string(b) }) {
		t.Error("a definition that is not changed differs")
	}
	renamed := 0
	out, err := Rewrite(def, func(op *pb.Op, _ digest.Digest) error {
		if x := op.GetExec(); x != nil {
			x.Meta.Env = append(x.Meta.Env, "A=1")
		}
		return nil
	}, func(digest.Digest, digest.Digest) { renamed++ })
	if err != nil {
		t.Fatal(err)
	}
	connected(t, out)
	if renamed != 3 { // the exec, the file operation on its result, and the end
		t.Errorf("%d operations became others", renamed)
	}
	for d, m := range out.Metadata {
		if m.Description["llb.customname"] == "run x" {
			i := slices.IndexFunc(out.Def, func(b []byte) bool { return string(digest.FromBytes(b)) == d })
			if i < 0 || ops(t, out)[i].GetExec() == nil {
				t.Error("the name is not with the operation that has it")
			}
			return
		}
	}
	t.Error("the name of the operation is lost")
}

// BuildKit encodes each operation again, and identifies it by the digest of that. This includes operations with a map, which has many valid
// encodings.
func TestRewriteEncodesAsBuildKitDoes(t *testing.T) {
	st := llb.Local("folder", llb.SessionID("1"), llb.SharedKeyHint("2"), llb.IncludePatterns([]string{"3"}), llb.ExcludePatterns([]string{"4"}), llb.LocalUniqueID("5"))
	def, err := llb.Scratch().File(llb.Copy(st, "/", "/")).Marshal(context.Background(), llb.LinuxAmd64)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		same, err := Rewrite(def.ToPB(), func(*pb.Op, digest.Digest) error { return nil }, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(def.Def, same.Def, func(a, b []byte) bool { return string(a) == string(b) }) {
			t.Fatal("a definition that is not changed differs")
		}
	}
}

func TestRewriteStopsAtAnError(t *testing.T) {
	want := errors.New("no")
	if _, err := Rewrite(definition(t), func(*pb.Op, digest.Digest) error { return want }, nil); !errors.Is(err, want) {
		t.Errorf("got %v", err)
	}
}

func TestRetriesChangeOnlyFailedSteps(t *testing.T) {
	def := definition(t)
	var failed digest.Digest
	for i, op := range ops(t, def) {
		if op.GetExec() != nil {
			failed = digest.FromBytes(def.Def[i])
		}
	}
	r := newRetries()
	attempt := func() string {
		t.Helper()
		out, err := r.apply(def)
		if err != nil {
			t.Fatal(err)
		}
		connected(t, out)
		for i, op := range ops(t, out) {
			if x := op.GetExec(); x != nil {
				if r.note(out, digest.FromBytes(out.Def[i]), x) {
					t.Error("the requested vertex failed, but is reported as an earlier one")
				}
				return fmt.Sprint(x.Meta.Env)
			}
		}
		t.Fatal("the exec is gone")
		return ""
	}
	first := attempt()
	second, third := attempt(), attempt()
	if first == second || second == third {
		t.Errorf("attempts with %s, %s, %s", first, second, third)
	}
	if r.failed[failed] != 3 || len(r.failed) != 1 {
		t.Errorf("failures are counted as %v", r.failed)
	}
}

func TestProgressReportsEachStepOnce(t *testing.T) {
	var got []string
	p := newProgress(func(e Event) { got = append(got, fmt.Sprintf("%s %d %s%s", e.Name, e.State, e.Data, e.Err)) })
	now := time.Now()
	ch := p.follow()
	running := &client.Vertex{Digest: "sha256:a", Name: "a", Started: &now}
	ended := &client.Vertex{Digest: "sha256:a", Name: "a", Started: &now, Completed: &now}
	for _, st := range []*client.SolveStatus{
		{Vertexes: []*client.Vertex{running}},
		{Vertexes: []*client.Vertex{running}, Logs: []*client.VertexLog{{Vertex: "sha256:a", Stream: 1, Data: []byte("hi")}}},
		{Vertexes: []*client.Vertex{ended, ended}},
		{Vertexes: []*client.Vertex{{Digest: "sha256:b", Name: "b", Started: &now, Completed: &now, Cached: true}}},
		{Vertexes: []*client.Vertex{{Digest: "sha256:c", Name: "c", Started: &now, Completed: &now, Error: "no"}}},
	} {
		ch <- st
	}
	close(ch)
	p.wait()
	want := []string{fmt.Sprintf("a %d ", Started), fmt.Sprintf("a %d hi", Log), fmt.Sprintf("a %d ", Done), fmt.Sprintf("b %d ", Cached), fmt.Sprintf("c %d ", Started), fmt.Sprintf("c %d no", Failed)}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
