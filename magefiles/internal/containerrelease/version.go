package containerrelease

import (
	"context"
	"fmt"
	"maps"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/versions"
)

// choose ends the release if it exists already.
func (c *releasing) choose(ctx context.Context) error {
	versions, text := c.versions(), c.asked
	if c.bump != "" {
		var err error
		if text, err = c.next(ctx, versions); err != nil {
			return err
		}
	}
	version, err := c.Publish.Channels.Parse(text)
	if err != nil {
		return err
	}
	if c.tag, err = image.NewTag(c.container.Name, version); err != nil {
		return err
	}
	if commit, exists := versions[text]; exists {
		return c.taken(commit)
	}
	return nil
}

// next is the next version, or the one that this commit has already.
func (c *releasing) next(ctx context.Context, tagged map[string]string) (string, error) {
	if newest := versions.Newest(tagged, false); newest != "" && tagged[newest] == c.commit.Hash {
		return newest, nil // the commit is released: there is no next version
	}
	all, err := c.withPublished(ctx, tagged)
	if err != nil {
		return "", err
	}
	newest := versions.Newest(all, false)
	if _, has := tagged[newest]; newest == "" || has {
		return c.bump.Next(all)
	}
	at, err := c.imageOf(newest)
	if err != nil {
		return "", err
	}
	found, ok, err := c.Images.Look(ctx, at)
	if err != nil {
		return "", err
	}
	if ours, err := c.Publish.IsOf(ctx, found, c.commit.Hash); err != nil || ok && ours {
		return newest, err
	}
	step.Say(c.Note, at.String()+" was published without a tag: the next version comes after it")
	return c.bump.Next(all)
}

// withPublished adds the versions in the registry. Those of commits, which auto makes, are not releases.
func (c *releasing) withPublished(ctx context.Context, tagged map[string]string) (map[string]string, error) {
	any, err := c.imageOf(versions.First)
	if err != nil {
		return nil, err
	}
	tags, err := c.Images.Tags(ctx, any)
	if err != nil {
		return nil, fmt.Errorf("versions of %s: %w", any.Name(), err)
	}
	all := map[string]string{}
	for _, tag := range tags {
		if v, err := image.ParseVersion(tag); err == nil {
			if _, ofCommit := v.Commit(); !ofCommit {
				all[tag] = ""
			}
		}
	}
	maps.Copy(all, tagged)
	return all, nil
}

// imageOf is the reference of a version of the container.
func (c *releasing) imageOf(version string) (image.Reference, error) {
	parsed, err := image.ParseVersion(version)
	if err != nil {
		return image.Reference{}, err
	}
	return image.NewReference(c.Publish.Host, c.Publish.Namespace, c.container.Name, parsed)
}

// versions are this container's versions with a tag, with their commits.
func (c *releasing) versions() map[string]string {
	return containerVersions(c.container.Name, c.heads.Tags)
}

// containerVersions are a container's versions with a tag, with their commits.
func containerVersions(container image.Name, tags map[string]string) map[string]string {
	versions := map[string]string{}
	for name, commit := range tags {
		if tag, err := image.ParseTag("refs/tags/" + name); err == nil && tag.Name == container {
			versions[tag.Version.String()] = commit
		}
	}
	return versions
}

// NextTags are the tags of the next releases, of the docs and of each container, given the existing tags.
func NextTags(tags map[string]string, containers []image.Name) (names []string) {
	if version, err := versions.Patch.Next(tags); err == nil {
		names = append(names, version)
	}
	for _, name := range containers {
		version, err := versions.Patch.Next(containerVersions(name, tags))
		if err == nil {
			names = append(names, string(name)+"-"+version)
		}
	}
	return names
}

// taken checks a tag that exists on the forge.
func (c *releasing) taken(commit string) error {
	if commit != c.commit.Hash {
		return &tagTakenError{Tag: c.tag, Commit: commit, Head: c.commit.Hash}
	}
	c.status = step.StatusUnchanged
	step.Say(c.Note, fmt.Sprintf("%s is already at the forge, on this commit: nothing was pushed", c.tag))
	return step.ErrDone
}
