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

// recipeFormat is part of every cache key. It changes when the way of making an image does.
const recipeFormat = 2

// LabelStandIn says of an image what it is, and what it is not.
const LabelStandIn = "me.eblu.blumeops.stand-in"

// Recipe says how an image is made. Equal recipes are made once.
type Recipe struct {
	Name    string         // of the image on the Docker Hub that it stands in for
	Tag     string         // of that image
	Suite   string         // of Debian: the first layer is its minbase; "" for an image with a Base
	Include []string       // packages besides those of minbase
	Base    *Recipe        // whose layers come first; nil: none
	NPM     []Archive      // unpacked for Setup; nothing of them is in the image by itself
	Setup   string         // shell script, see setup
	Config  v1.ImageConfig // as it stands in the image
}

// Reference is the image's name in the lab's registry, with which a mirror of docker.io finds it. What it really is, its
// label LabelStandIn says.
func (r Recipe) Reference() string {
	return "library/" + r.Name + ":" + r.Tag
}

// Recipes are all that this package knows.
func Recipes() []Recipe {
	return []Recipe{Debian(), DebianSlim(), NodeSlim(), Python(), Nginx()}
}

// key is a name for what the recipe says.
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

// Ready says what this machine lacks for making the image; nil if nothing.
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
		return fmt.Errorf("base images are made by root (debootstrap changes owners and roots): run it as root once")
	}
	if r.Base != nil {
		return r.Base.Ready()
	}
	return nil
}
