package objects

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gitremote"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/solver"
)

// GitRef is a branch, a tag or a commit of a repository.
type GitRef struct {
	repository *GitRepository
	ref        gitremote.Ref
}

var gitRefFields = map[string]gql.Resolver{
	"commit": field(func(r *GitRef, _ context.Context, _ gql.Args) (any, error) { return r.ref.SHA, nil }),
	"ref":    field(func(r *GitRef, _ context.Context, _ gql.Args) (any, error) { return first(r.ref.Name, r.ref.SHA), nil }),
	"tree":   field((*GitRef).tree),

	"commonAncestor": field((*GitRef).commonAncestor),
}

// tree is the directory of the commit.
//
// BuildKit fetches and checks it out, and knows it by its commit in later sessions. What BuildKit cannot do is done on the host: a history of more
// than one commit, all tags, and HTTP with a credential, which BuildKit would pass to git as an argument.
func (r *GitRef) tree(ctx context.Context, a gql.Args) (any, error) {
	w := gitremote.Wanted{Ref: r.ref, Depth: 1, Git: !r.repository.discard && !a.Bool("discardGitDir")}
	if a.Has("depth") {
		w.Depth = a.Int("depth")
	}
	if a.Bool("includeTags") && w.Git {
		w.Tags = r.repository.refs.TagsKey()
	}
	if !w.Git {
		w.Depth = 1
	}
	way := r.fetched
	if r.repository.store != nil || r.repository.remote.Header != "" || w.Depth != 1 || w.Tags != "" {
		way = r.checkedOut
	}
	d, err := way(ctx, w)
	if err != nil {
		return nil, inSpan(err)
	}
	return d, nil
}

// fetched is the tree as BuildKit's git source makes it, by the commit alone. Its folder .git then gets the branch or the tag, as in Dagger.
func (r *GitRef) fetched(ctx context.Context, w gitremote.Wanted) (*Directory, error) {
	repo := r.repository
	id := "git://" + repo.parsed.Host + path.Join("/", repo.parsed.Path) + "#" + w.Ref.SHA
	attrs := map[string]string{
		pb.AttrFullRemoteURL: repo.remote.URL, pb.AttrGitChecksum: w.Ref.SHA, pb.AttrGitFetchByCommit: "true",
	}
	if w.Git {
		attrs[pb.AttrKeepGitDir] = "true"
	}
	if repo.agent != nil {
		attrs[pb.AttrMountSSHSock] = repo.agent.id()
		attrs[pb.AttrKnownSSHHosts] = repo.remote.KnownHosts
	}
	if n := repo.env.failures.count(id); n > 0 {
		// An open build also gives the error of a failed commit to each source with the same cache key. This changes the key, and nothing else:
		// "commit" is the only time that BuildKit acts on.
		attrs[pb.AttrGitMTime] = "attempt-" + strconv.Itoa(n+1)
	}
	st := repo.env.source(id, id, attrs, r.title())
	if _, err := repo.env.Solver.Solve(ctx, st); err != nil {
		repo.env.failures.add(id)
		err = gitError(repo.remote.URL, err)
		byName := errors.Is(err, gitremote.ErrSHAUnsupported) && w.Ref.Name != "" // an old server gives a commit only by its name
		trusted := errors.Is(err, gitremote.ErrCertificate) && repo.env.Authorities != ""
		if byName || trusted {
			return r.checkedOut(ctx, w)
		}
		return nil, err
	}
	if w.Git && w.Ref.Name != "" {
		st = named(st, w.Ref)
	}
	return &Directory{env: repo.env, st: st, dir: "/", checks: repo.checks}, nil
}

// title names the step for people.
func (r *GitRef) title() string {
	return strings.TrimSpace("git " + r.repository.remote.URL + " " + first(r.ref.Name, r.ref.SHA))
}

// named gives a checkout of a commit the name of the reference; a branch is then the current one.
func named(st llb.State, ref gitremote.Ref) llb.State {
	file := path.Join("/.git", ref.Name)
	action := llb.Mkdir(path.Dir(file), 0o755, llb.WithParents(true)).Mkfile(file, 0o644, []byte(ref.SHA+"\n"))
	if strings.HasPrefix(ref.Name, "refs/heads/") {
		action = action.Mkfile("/.git/HEAD", 0o644, []byte("ref: "+ref.Name+"\n"))
	}
	return st.File(action, llb.WithCustomName("git ref "+ref.Name))
}

// gitError is the error of BuildKit's git source in Dagger's words.
func gitError(address string, err error) error {
	text := err.Error()
	_, output, ran := strings.Cut(text, "git stderr:")
	if !ran {
		return err
	}
	cause := gitremote.Classify(output)
	if cause == nil && (strings.Contains(output, "could not get object info") || strings.Contains(output, "reference is not a tree")) {
		cause = gitremote.ErrSHAUnsupported // the server refused the commit, and BuildKit then fetched a branch without it
	}
	if cause != nil {
		return fmt.Errorf("failed to fetch remote %s: %w", address, &gitremote.Error{Err: cause})
	}
	return errors.New(loading.ReplaceAllString(text, ""))
}

// checkedOut is the tree as git makes it on the host.
func (r *GitRef) checkedOut(ctx context.Context, w gitremote.Wanted) (*Directory, error) {
	repo := r.repository
	dir, err := repo.kept().Checkout(ctx, repo.remote, w)
	if err != nil {
		return nil, err
	}
	st, err := repo.env.Solver.Local(ctx, dir, solver.Selection{}, llb.WithCustomName(r.title()))
	if err != nil {
		return nil, err
	}
	return &Directory{env: repo.env, st: st, dir: "/", hosted: true, checks: repo.checks}, nil
}

// kept is the store of the repository.
func (r *GitRepository) kept() gitremote.Store {
	if r.store != nil {
		return *r.store
	}
	return GitStore(r.env.StateDir)
}

// GitStore keeps what git fetched for sessions.
func GitStore(stateDir string) gitremote.Store {
	return gitremote.Store{Dir: filepath.Join(stateDir, "git")}
}

func (r *GitRef) commonAncestor(ctx context.Context, a gql.Args) (any, error) {
	other, _, err := gql.Object[*GitRef](a, "other")
	if err != nil {
		return nil, err
	}
	sha, err := r.repository.kept().CommonAncestor(ctx, r.repository.remote, r.ref, other.repository.remote, other.ref)
	if err != nil {
		return nil, inSpan(err)
	}
	return &GitRef{repository: r.repository, ref: gitremote.Ref{SHA: sha}}, nil
}
