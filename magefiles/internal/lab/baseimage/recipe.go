package baseimage

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// recipeFormat is part of every cache key. It must change when the code that makes images changes.
const recipeFormat = 2

// LabelStandIn is the label with the difference between the image and the one that it replaces.
const LabelStandIn = "me.eblu.blumeops.stand-in"

// Recipe describes how to make an image. Equal recipes are made once.
type Recipe struct {
	Name    string         // of the image on the Docker Hub that it replaces
	Tag     string         // of that image
	Suite   string         // of Debian: the first layer is its minbase; "" for an image with a Base
	Include []string       // packages in addition to those of minbase
	Base    *Recipe        // whose layers come first; nil: none
	NPM     []Archive      // unpacked for Setup; they are not in the image by themselves
	Setup   string         // shell script, see setup
	Config  v1.ImageConfig // as in the image
}

// Reference is the image's name in the lab's registry, with which a mirror of docker.io finds it. Its label LabelStandIn describes the real
// content.
func (r Recipe) Reference() string {
	return "library/" + r.Name + ":" + r.Tag
}

// key is a hash of the recipe.
func (r Recipe) key() (string, error) {
	text, err := json.Marshal(struct {
		Format int
		Recipe Recipe
	}{recipeFormat, r})
	if err != nil {
		return "", fmt.Errorf("recipe %s: %w", r.Reference(), err)
	}
	sum := sha256.Sum256(text)
	return r.Name + "-" + r.Tag + "-" + hex.EncodeToString(sum[:6]), nil
}

// Ready returns the requirements for the image that are missing on this machine; nil if none.
func (r Recipe) Ready() error {
	var programs []string
	if r.Suite != "" {
		programs = append(programs, "debootstrap")
	}
	if len(r.NPM) > 0 {
		programs = append(programs, "npm")
	}
	programs = append(programs, "tar")
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%s not found: apt-get install %s", program, program)
		}
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("base images require root, because debootstrap changes owners and uses chroot: run this once as root")
	}
	if r.Base != nil {
		return r.Base.Ready()
	}
	return nil
}
