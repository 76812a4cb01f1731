package docsrelease

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/mod/semver"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/changelog"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/scratch"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// checkTag refuses a version whose tag the forge would not accept, as the push comes last.
func (r *releasing) checkTag(ctx context.Context) error {
	if r.Tags == nil {
		return nil
	}
	return r.Tags.CheckTag(ctx, r.decision.version)
}

// checkCheckout refuses changes in the checkout that would be missing in the release.
func (r *releasing) checkCheckout(ctx context.Context) error {
	config, _, err := r.fragmentsAt(r.heads.Commit)
	if err != nil {
		return err
	}
	changed, err := r.Origin.Unpushed(ctx, r.heads.Commit, r.Folder, config.Directory, config.Filename, r.Pins.File)
	if err == nil && len(changed) > 0 {
		err = &unpushedError{Branch: r.heads.Branch, Paths: changed}
	}
	return err
}

// writeChangelog moves the fragments into the changelog, as changes to commit.
func (r *releasing) writeChangelog(ctx context.Context) error {
	tree, err := r.Origin.Files(r.heads.Commit)
	if err != nil {
		return err
	}
	r.noted, err = changelog.Build(tree, changelog.Input{Version: r.decision.version, Date: r.request.date})
	if err != nil {
		return err
	}
	for _, sentence := range r.noted.Warnings {
		r.warn(sentence)
	}
	return context.Cause(ctx)
}

// checkManifest checks that the manifest can name a package, before there is one.
func (r *releasing) checkManifest(context.Context) error {
	_, _, err := r.pinned(r.heads.Commit, pin{r.Packages.URL(r.decision.version, r.Name), hex.EncodeToString(make([]byte, sha256.Size))})
	return err
}

func (r *releasing) checkBuilder(ctx context.Context) error {
	return r.Builder.Check(ctx, r.heads.Commit)
}

// shownHash is the number of digits of a hash in a file's name.
const shownHash = 16

var wholeSum = regexp.MustCompile(`^[0-9a-f]{64}$`)

// reuse looks for the upload of an earlier attempt, and uses it if it is from the same pages, date and builder, and still exists. If a
// receipt says anything else, the website is built.
func (r *releasing) reuse(ctx context.Context) error {
	r.archive, r.built = archive{}, ""
	config, _, err := r.fragmentsAt(r.heads.Commit)
	if err != nil {
		return err
	}
	key, err := r.key(ctx, config)
	if err != nil {
		return err
	}
	r.receipt = fmt.Sprintf("%s-%s-%s.json", r.Name, r.decision.version, key[:shownHash])
	text, err := r.Packages.Read(ctx, r.decision.version, r.receipt)
	if errors.Is(err, vcs.ErrNoFile) {
		return nil
	}
	if err != nil {
		return err
	}
	var told archive
	prefix := fmt.Sprintf("%s-%s-", r.Name, r.decision.version)
	if json.Unmarshal(text, &told) != nil || !wholeSum.MatchString(told.SHA256) || !strings.HasPrefix(told.File, prefix) || filepath.Base(told.File) != told.File {
		return nil
	}
	found, err := r.Packages.Sum(ctx, r.decision.version, told.File)
	switch {
	case errors.Is(err, vcs.ErrNoFile):
		return nil
	case err != nil:
		return err
	case found == told.sum():
		r.archive = told
		r.note("using " + told.File + ", which an earlier run uploaded")
	}
	return nil
}

func (r *releasing) build(ctx context.Context) (err error) {
	if r.archive.File != "" {
		return nil
	}
	if r.temp.Path == "" {
		if r.temp, err = scratch.Make(r.TempDir, "blumeops-release-"); err != nil {
			return err
		}
	}
	r.built = filepath.Join(r.temp.Path, r.Name+".tar.gz")
	if err := os.Remove(r.built); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := r.Builder.Build(ctx, r.heads.Commit, r.decision.version, r.request.date, r.built); err != nil {
		return err
	}
	file, err := os.Open(r.built)
	if err != nil {
		return err
	}
	defer file.Close()
	sum := sha256.New()
	if r.archive.Size, err = io.Copy(sum, file); err != nil {
		return err
	}
	r.archive.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return nil
}

// upload stores the archive under a name with its hash, so that it does not collide with others. If a file of that name holds
// something else, for example after an interrupted upload, it stays, and more digits of the hash make another name: a deleted file
// could be the one that a faster client has just named.
func (r *releasing) upload(ctx context.Context) error {
	if r.archive.File != "" {
		return nil
	}
	for length := shownHash; ; length *= 2 {
		name := fmt.Sprintf("%s-%s-%s.tar.gz", r.Name, r.decision.version, r.archive.SHA256[:length])
		err := r.store(ctx, name)
		if err == nil {
			r.archive.File = name
			return nil
		}
		if !errors.Is(err, vcs.ErrFileExists) || length == len(r.archive.SHA256) {
			return err
		}
		r.warn(err.Error() + "; using another name")
	}
}

// store uploads and reads back. It ignores the result of the upload if the package holds the file.
func (r *releasing) store(ctx context.Context, name string) error {
	file, err := os.Open(r.built)
	if err != nil {
		return err
	}
	defer file.Close()
	uploaded := r.Packages.Upload(ctx, r.decision.version, name, file, r.archive.Size)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	found, err := r.Packages.Sum(ctx, r.decision.version, name)
	missing := errors.Is(err, vcs.ErrNoFile)
	wrong := &storeError{Version: r.decision.version, File: name, Want: r.archive.sum(), Found: found, Missing: missing}
	switch {
	case err == nil && found == r.archive.sum():
		return nil
	case errors.Is(uploaded, vcs.ErrFileExists) && err == nil:
		return fmt.Errorf("%w with other content: %s", uploaded, name)
	case uploaded != nil:
		return uploaded
	case err != nil && !missing:
		return err
	}
	return wrong
}

// writeReceipt describes the archive for later attempts. An existing receipt stays unchanged.
func (r *releasing) writeReceipt(ctx context.Context) error {
	if r.built == "" {
		return nil
	}
	text, err := json.Marshal(r.archive)
	if err != nil {
		return err
	}
	err = r.Packages.Upload(ctx, r.decision.version, r.receipt, strings.NewReader(string(text)), int64(len(text)))
	if errors.Is(err, vcs.ErrFileExists) {
		return nil
	}
	return err
}

func (r *releasing) pin(context.Context) error {
	named := pin{r.Packages.URL(r.decision.version, r.archive.File), r.archive.SHA256}
	change, changed, err := r.pinned(r.heads.Commit, named)
	if err != nil {
		return err
	}
	r.changes = r.noted.Changes
	if changed {
		r.changes = append(r.changes[:len(r.changes):len(r.changes)], change)
	}
	r.d = delivery{Systems: r.Systems, version: r.decision.version, base: r.heads.Commit, branch: r.heads.Branch, pin: named, announced: true, live: true}
	r.result.URL, r.result.SHA256 = named.url, named.sum
	return nil
}

func (r *releasing) commit(ctx context.Context) (err error) {
	when := r.now()
	message := fmt.Sprintf("Release %s %s [skip ci]", r.Name, r.decision.version)
	if r.d.commit, err = r.Origin.Commit(ctx, r.heads.Commit, r.changes, message+"\n", when); err != nil {
		return err
	}
	r.result.Commit, r.d.tip = r.d.commit, r.d.commit
	r.tag, err = r.Origin.Tag(ctx, r.decision.version, r.d.commit, fmt.Sprintf("%s %s\n", r.Name, r.decision.version), when)
	return err
}

// push makes the version final. If the answer was lost, it asks the remote.
func (r *releasing) push(ctx context.Context) error {
	err := r.Origin.Push(ctx, vcs.Push{
		Branch: r.heads.Branch, Old: r.heads.Commit, New: r.d.commit, Tag: r.decision.version, TagHash: r.tag,
	})
	if err == nil || ctx.Err() != nil {
		return err
	}
	heads, lookErr := r.Origin.Look(ctx)
	if lookErr != nil {
		return errors.Join(err, lookErr)
	}
	if heads.Tags[r.decision.version] == r.d.commit {
		r.note(fmt.Sprintf("the remote has the push, although it reported a failure (%v)", err))
		return nil
	}
	return err
}

// isBefore orders versions.
func isBefore(a, b string) bool { return semver.Compare(a, b) < 0 }
