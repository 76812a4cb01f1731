package promote

import (
	"fmt"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// NotHeldError says that the registry does not hold a version.
type NotHeldError struct {
	Reference image.Reference // without a tag, if any version was accepted
	Nearest   []string        // versions in the registry, in their order
}

func (e *NotHeldError) Error() string {
	if e.Reference.Tag == "" {
		return fmt.Sprintf("the registry has no version vX.Y.Z of %s", e.Reference.Name())
	}
	return fmt.Sprintf("the registry does not have %s", e.Reference)
}

// Hint says what to do.
func (e *NotHeldError) Hint() string {
	if len(e.Nearest) == 0 {
		return "publish it first with container:publish; the registry has no version of it"
	}
	return "publish it first with container:publish, or use one of the nearest versions: " + strings.Join(e.Nearest, ", ")
}

// ExitStatus is the status for invalid arguments.
func (e *NotHeldError) ExitStatus() int { return 2 }

// replacedError says that a tag no longer holds the image that was just published under it.
type replacedError struct {
	Reference   image.Reference
	Want, Found string // digests
}

func (e *replacedError) Error() string {
	return fmt.Sprintf("%s now has the digest %s, but was published as %s", e.Reference, e.Found, e.Want)
}

// Hint says what to do.
func (e *replacedError) Hint() string {
	return "someone else published this version: decide which image to run, then promote that version with container:promote"
}

// NoUseError says that no manifest deploys a container.
type NoUseError struct{ Image, Folder, Branch string }

func (e *NoUseError) Error() string {
	return fmt.Sprintf("no manifest under %s/ on branch %s of the forge deploys %s", strings.TrimSuffix(e.Folder, "/"), e.Branch, e.Image)
}

// Hint says what to do.
func (e *NoUseError) Hint() string {
	return fmt.Sprintf("push a manifest with `image: %s`, or a kustomization with that name in `images`", e.Image)
}

// noApplicationError says that nothing deploys the manifests of a container.
type noApplicationError struct {
	Image string
	Uses  []image.Use
}

func (e *noApplicationError) Error() string {
	return fmt.Sprintf("no Application in Argo CD deploys %s (%s)", e.Image, image.JoinUses(e.Uses))
}

// Hint says what to do.
func (e *noApplicationError) Hint() string {
	return "create an Application with the folder of the manifest, or let the token see it, or run without -sync"
}
