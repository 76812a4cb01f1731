package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/transport"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// PushOptions say which commit and tag to push.
type PushOptions = vcs.Push

// Push moves a branch from one commit to another and makes a tag, in one step of the server: both or neither. So there is never a tag
// without its commit on the branch, or a release's commit without its tag, even after a kill. A server that does not offer this is
// ErrNotAtomic, before anything is sent: two steps could be interrupted in between, and no later run could tell that state from a rival's
// work. It never forces.
//
// A repeated push of the same succeeds. If a push was sent and its answer is lost, Push asks the remote once; if the remote does not
// show the push, the error is ErrLost, and the caller checks Refs again before anything else.
//
// After a push it updates the tracking branch and makes the tag in this clone, if it can.
func (m *Remote) Push(ctx context.Context, o PushOptions) error {
	if err := checkPush(o); err != nil {
		return err
	}
	return m.push(ctx, o)
}

// PushTag makes a tag, which the remote must not have yet, on a commit that the remote has: it sends only the tag's object. The hash is the
// result of Tag, or a commit for a tag without an object. Repeats, lost answers and the tag of this clone are handled as in Push.
func (m *Remote) PushTag(ctx context.Context, name, hash string) error {
	if err := checkTag(name); err != nil {
		return err
	}
	if !plumbing.IsHash(hash) {
		return fmt.Errorf("push %s: tag %q: expected its full hash", name, hash)
	}
	m.repo.objects.Lock()
	c, err := m.repo.peel(plumbing.NewHash(hash))
	m.repo.objects.Unlock()
	if err != nil {
		return fmt.Errorf("push to %s: tag %s, object %s: %w", m, name, hash, err)
	}
	commit := c.Hash.String()
	return m.push(ctx, PushOptions{Old: commit, New: commit, Tag: name, TagHash: hash})
}

func (m *Remote) push(ctx context.Context, o PushOptions) error {
	pack, err := m.packFor(ctx, o)
	if err != nil {
		return fmt.Errorf("push to %s: %w", m, err)
	}
	s, err := m.receiving(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	there := readRefs(s.advertised)
	if there.contain(o) {
		m.follow(o)
		return nil
	}
	if err := m.mayPush(s.advertised, o.Tag != "" && o.Old != o.New); err != nil {
		return err
	}
	if err := m.checkRefs(there, o); err != nil {
		return err
	}
	if err := m.send(ctx, s, o, pack); err != nil {
		return err
	}
	m.follow(o)
	return nil
}

func checkPush(o PushOptions) error {
	if err := checkBranch(o.Branch); err != nil {
		return err
	}
	hashes := map[string]string{"old commit": o.Old, "new commit": o.New}
	if o.Tag != "" {
		if err := checkTag(o.Tag); err != nil {
			return err
		}
		hashes["tag"] = o.TagHash
	}
	for what, h := range hashes {
		if !plumbing.IsHash(h) || plumbing.NewHash(h).IsZero() {
			return fmt.Errorf("push %s: %s %q: expected its full hash", o.Branch, what, h)
		}
	}
	return nil
}

func (m *Remote) packFor(ctx context.Context, o PushOptions) (*bytes.Buffer, error) {
	r := m.repo
	r.objects.Lock()
	defer r.objects.Unlock()
	objects, err := r.between(ctx, plumbing.NewHash(o.Old), plumbing.NewHash(o.New))
	if err != nil {
		return nil, err
	}
	if o.Tag != "" {
		c, err := r.peel(plumbing.NewHash(o.TagHash))
		if err != nil {
			return nil, fmt.Errorf("tag %s, object %s: %w", o.Tag, o.TagHash, err)
		}
		if c.Hash.String() != o.New {
			return nil, fmt.Errorf("tag %s is on %.12s, expected the pushed commit %.12s: tag the commit of the release", o.Tag, c.Hash, o.New)
		}
		if o.TagHash != o.New {
			objects = append(objects, plumbing.NewHash(o.TagHash))
		}
	}
	return r.pack(objects)
}

// contain reports whether the remote has all of a push. A tag came with its branch, which may have moved on since.
func (r Refs) contain(o PushOptions) bool {
	if o.Tag != "" {
		return r.Tags[o.Tag].Hash == o.TagHash
	}
	return r.Heads[o.Branch] == o.New
}

// checkRefs refuses a push that the server would refuse, with a better message.
func (m *Remote) checkRefs(there Refs, o PushOptions) error {
	if t, taken := there.Tags[o.Tag]; taken && o.Tag != "" {
		return fmt.Errorf("push to %s: %w: tag %s already exists, on %.12s", m, ErrRace, o.Tag, t.Commit)
	}
	if at := there.Heads[o.Branch]; o.Branch != "" && at != o.Old {
		return fmt.Errorf("push to %s: %w: %s is at %.12s, expected %.12s", m, ErrRace, o.Branch, at, o.Old)
	}
	return nil
}

func (m *Remote) send(ctx context.Context, s *session[transport.ReceivePackSession], o PushOptions, pack *bytes.Buffer) error {
	req := packp.NewReferenceUpdateRequestFromCapabilities(s.advertised.Capabilities)
	var said bytes.Buffer
	req.Progress = &said
	for _, c := range []capability.Capability{capability.Atomic, capability.Sideband64k, capability.Quiet} {
		if s.advertised.Capabilities.Supports(c) {
			if err := req.Capabilities.Set(c); err != nil {
				return err
			}
		}
	}
	req.Commands = []*packp.Command{{Name: headRef(o.Branch), Old: plumbing.NewHash(o.Old), New: plumbing.NewHash(o.New)}}
	if o.Tag != "" {
		req.Commands = append(req.Commands, &packp.Command{Name: tagRef(o.Tag), New: plumbing.NewHash(o.TagHash)})
	}
	if o.Old == o.New { // only the tag is new
		req.Commands = req.Commands[1:]
	}
	req.Packfile = io.NopCloser(pack)
	report, err := s.talk.ReceivePack(ctx, req)
	if err == nil {
		err = complete(report, req.Commands)
	}
	if err == nil {
		return nil
	}
	return m.judge(ctx, o, report, said.String(), s.secret.hide(err))
}

// complete requires an answer for each command.
func complete(report *packp.ReportStatus, commands []*packp.Command) error {
	if report == nil {
		return errors.New("the server's answer is empty")
	}
	if err := report.Error(); err != nil {
		return err
	}
	done := map[plumbing.ReferenceName]bool{}
	for _, s := range report.CommandStatuses {
		done[s.ReferenceName] = true
	}
	for _, c := range commands {
		if !done[c.Name] {
			return fmt.Errorf("the server did not report the result for %s", c.Name)
		}
	}
	return nil
}
