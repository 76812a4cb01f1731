package repo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
)

// lookTime is how long the remote may take to say what it has after a push went wrong, even where the caller gives up.
const lookTime = 10 * time.Second

// judge says what became of a push that was not answered by a plain yes. What the remote has now decides, where it can be asked.
func (m *Remote) judge(ctx context.Context, o PushOptions, report *packp.ReportStatus, said string, err error) error {
	words := answer(report, said, err)
	if denied(report, err) {
		return &refusal{fmt.Errorf("push to %s: %w: %s", m, ErrDenied, words), o.Tag, words}
	}
	look, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTime)
	defer cancel()
	there, lookErr := m.Refs(look)
	switch {
	case lookErr == nil && there.hold(o):
		return nil
	case lookErr == nil && m.free(there, o) != nil:
		return m.free(there, o)
	case answered(report) && raced(report):
		return fmt.Errorf("push to %s: %w: %s", m, ErrRace, words)
	case answered(report):
		return fmt.Errorf("push to %s: the server refused: %s", m, words)
	case ctx.Err() != nil:
		return fmt.Errorf("push to %s: %w: %w", m, ErrLost, context.Cause(ctx))
	}
	return fmt.Errorf("push to %s: %w: %s", m, ErrLost, words)
}

// refusal is a push that a rule of the server forbids.
type refusal struct {
	error
	tag   string // that was to be made; "" for none
	words string // of the server
}

func (e *refusal) Unwrap() error { return e.error }

// Hint says where the rule is, in the words of Forgejo and Gitea (routers/private/hook_pre_receive.go).
func (e *refusal) Hint() string {
	words := strings.ToLower(e.words)
	switch {
	case e.tag != "" && strings.Contains(words, "tag "+strings.ToLower(e.tag)+" is protected"):
		return fmt.Sprintf("nothing was pushed; add this account to the rule that protects %s in the repository's settings (Tags), or push with one that is in it, and run the same again", e.tag)
	case strings.Contains(words, "protected branch"), strings.Contains(words, "branch") && strings.Contains(words, "protected"):
		return "nothing was pushed; allow this account to push in the branch's protection in the repository's settings (Branches), and run the same again"
	}
	return "nothing was pushed; give this account the right to push, or look at the rules and hooks of the remote, and run the same again"
}

// answered tells whether the server said what became of each reference.
func answered(report *packp.ReportStatus) bool { return report != nil && report.UnpackStatus != "" }

func statuses(report *packp.ReportStatus) []string {
	if report == nil {
		return nil
	}
	var list []string
	if report.UnpackStatus != "ok" && report.UnpackStatus != "" {
		list = append(list, "unpack: "+report.UnpackStatus)
	}
	for _, s := range report.CommandStatuses {
		if s.Error() != nil {
			list = append(list, s.Status)
		}
	}
	return list
}

// denied tells whether a rule stood against it: what hooks say no to, asking again does not change.
func denied(report *packp.ReportStatus, err error) bool {
	if errors.Is(err, transport.ErrAuthenticationRequired) || errors.Is(err, transport.ErrAuthorizationFailed) {
		return true
	}
	return mention(statuses(report), "hook declined", "prohibited", "protected", "not allowed", "permission", "denied", "deny")
}

// raced tells whether the reference was not as the command said, or somebody held its lock (builtin/receive-pack.c, refs.c).
func raced(report *packp.ReportStatus) bool {
	return mention(statuses(report), "failed to update ref", "failed to lock", "cannot lock", "reference already exists", "already exists",
		"non-fast-forward", "fetch first", "stale", "atomic")
}

func mention(list []string, parts ...string) bool {
	return slices.ContainsFunc(list, func(s string) bool {
		s = strings.ToLower(s)
		return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(s, p) })
	})
}

// answer is what the server said: its hooks' words first, then what became of each reference.
func answer(report *packp.ReportStatus, said string, err error) string {
	var words []string
	for line := range strings.Lines(said) {
		line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "remote:"))
		if line != "" && !slices.Contains(words, line) {
			words = append(words, line)
		}
	}
	for _, s := range statuses(report) {
		if !slices.Contains(words, s) {
			words = append(words, s)
		}
	}
	if !answered(report) && err != nil {
		words = append(words, tidy(err).Error())
	}
	return tidy(errors.New(strings.Join(words, "; "))).Error()
}

// Follow moves this clone's tracking branch to a commit that the remote's branch has, as git fetch does. What is not moved is made up for by the
// next git fetch.
func (m *Remote) Follow(branch, commit string) {
	m.repo.objects.Lock()
	defer m.repo.objects.Unlock()
	hash := plumbing.NewHash(commit)
	m.advance(branch, hash, hash, "fetch: fast-forward")
}

// advance moves the tracking branch of a remote that has one to a commit, if from comes from where it is.
func (m *Remote) advance(branch string, from, to plumbing.Hash, why string) {
	if m.tracked == "" {
		return
	}
	name := plumbing.NewRemoteReferenceName(m.tracked, branch)
	ref, err := m.repo.store.Reference(name)
	if err != nil || ref.Type() != plumbing.HashReference || ref.Hash() == to {
		return
	}
	if ok, _, err := m.repo.reaches(context.Background(), from, ref.Hash()); ok && err == nil {
		_ = m.repo.setReference(name, ref.Hash(), to, why)
	}
}

// follow moves this clone's tracking branch and makes its tag, as git push does. The push is done whether or not this succeeds, and the next
// git fetch makes up for it.
func (m *Remote) follow(o PushOptions) {
	r := m.repo
	r.objects.Lock()
	defer r.objects.Unlock()
	r.whole[plumbing.NewHash(o.New)] = true
	if o.Old != o.New {
		m.advance(o.Branch, plumbing.NewHash(o.Old), plumbing.NewHash(o.New), "update by push")
	}
	if o.Tag != "" {
		_ = r.setReference(tagRef(o.Tag), plumbing.ZeroHash, plumbing.NewHash(o.TagHash), "push")
	}
}
