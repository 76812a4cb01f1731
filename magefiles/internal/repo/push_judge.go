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

// lookTime bounds the time to read the remote's state after a failed push, even if the caller gives up.
const lookTime = 10 * time.Second

// judge returns the result of a push without a plain success. The remote's present state decides, if it can be read.
func (m *Remote) judge(ctx context.Context, o PushOptions, report *packp.ReportStatus, said string, err error) error {
	words := answer(report, said, err)
	if denied(report, err) {
		return &refusal{fmt.Errorf("push to %s: %w: %s", m, ErrDenied, words), o.Tag, words}
	}
	look, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTime)
	defer cancel()
	there, lookErr := m.Refs(look)
	switch {
	case lookErr == nil && there.contain(o):
		return nil
	case lookErr == nil && m.checkRefs(there, o) != nil:
		return m.checkRefs(there, o)
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
	tag   string // the new tag; "" for none
	words string // of the server
}

func (e *refusal) Unwrap() error { return e.error }

// Hint says where the rule is, for the messages of Forgejo and Gitea (routers/private/hook_pre_receive.go).
func (e *refusal) Hint() string {
	words := strings.ToLower(e.words)
	switch {
	case e.tag != "" && strings.Contains(words, "tag "+strings.ToLower(e.tag)+" is protected"):
		return fmt.Sprintf("nothing was pushed; add this account to the rule that protects %s in the repository's settings (Tags), or push with an account that is in it, and run the same command again", e.tag)
	case strings.Contains(words, "protected branch"), strings.Contains(words, "branch") && strings.Contains(words, "protected"):
		return "nothing was pushed; allow this account to push in the branch's protection in the repository's settings (Branches), and run the same command again"
	}
	return "nothing was pushed; give this account the right to push, or check the rules and hooks of the remote, and run the same command again"
}

// answered reports whether the server answered for each reference.
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

// denied reports whether a rule forbids the push: if a hook refuses, a retry does not help.
func denied(report *packp.ReportStatus, err error) bool {
	if errors.Is(err, transport.ErrAuthenticationRequired) || errors.Is(err, transport.ErrAuthorizationFailed) {
		return true
	}
	return mention(statuses(report), "hook declined", "prohibited", "protected", "not allowed", "permission", "denied", "deny")
}

// raced reports whether the reference did not have the command's old value, or somebody held its lock
// (builtin/receive-pack.c, refs.c).
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

// answer is the server's answer: the output of its hooks first, then the result for each reference.
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

// Follow moves this clone's tracking branch to a commit of the remote's branch, as git fetch does. If it fails, the next git fetch does it.
func (m *Remote) Follow(branch, commit string) {
	m.repo.objects.Lock()
	defer m.repo.objects.Unlock()
	hash := plumbing.NewHash(commit)
	m.advance(branch, hash, hash, "fetch: fast-forward")
}

// advance moves the tracking branch of a remote that has one to a commit, if from is a descendant of its present
// commit.
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

// follow moves this clone's tracking branch and makes its tag, as git push does. The push is done even if this fails, and the next git fetch
// does it.
func (m *Remote) follow(o PushOptions) {
	r := m.repo
	r.objects.Lock()
	defer r.objects.Unlock()
	r.completeCommits[plumbing.NewHash(o.New)] = true
	if o.Old != o.New {
		m.advance(o.Branch, plumbing.NewHash(o.Old), plumbing.NewHash(o.New), "update by push")
	}
	if o.Tag != "" {
		_ = r.setReference(tagRef(o.Tag), plumbing.ZeroHash, plumbing.NewHash(o.TagHash), "push")
	}
}
