package list_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image/imagetest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/list"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

func newList() list.List {
	return list.List{
		Files: imagetest.Files, Manifests: "argocd", Repository: "registry.example/blumeops",
		Platforms: image.DefaultPlatforms{image.KindGo: {imagetest.AMD64, imagetest.ARM64}},
	}
}

func TestListIsATable(t *testing.T) {
	listing, err := newList().Run()
	if err != nil {
		t.Fatal(err)
	}
	want := `NAME     KIND        VERSION  PLATFORMS                USED BY
devpi    dockerfile  6        linux/amd64              argocd/manifests/devpi/deploy.yaml:1
nettest  go          0.1.0    linux/amd64,linux/arm64  -`
	if listing.String() != want {
		t.Errorf("got\n%s\nwant\n%s", listing, want)
	}
}

func TestListIsJSON(t *testing.T) {
	listing, err := newList().Run()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(listing)
	if err != nil {
		t.Fatal(err)
	}
	var got []struct {
		Name, Kind, Version string
		Platforms           []string
		Uses                []struct {
			File string
			Line int
		}
	}
	if err := json.Unmarshal(text, &got); err != nil || len(got) != 2 {
		t.Fatalf("%s: %v", text, err)
	}
	if got[0].Name != "devpi" || got[0].Uses[0].Line != 1 || got[1].Uses == nil || len(got[1].Platforms) != 2 {
		t.Errorf("got %+v", got)
	}
}

// Containers that another program builds are listed with their kind.
func TestListShowsOtherKinds(t *testing.T) {
	l := newList()
	l.Files = fstest.MapFS{
		"containers/zot/Dockerfile": {}, "containers/ntfy/default.nix": {}, "containers/notes/README.md": {},
		"argocd/ntfy.yaml": {Data: []byte("image: registry.example/blumeops/ntfy:v1\n")},
	}
	listing, err := l.Run()
	want := `NAME  KIND        VERSION  PLATFORMS    USED BY
ntfy  nix         -        -            argocd/ntfy.yaml:1
zot   dockerfile  -        linux/amd64  -`
	if err != nil || listing.String() != want {
		t.Errorf("%v, got\n%s\nwant\n%s", err, listing, want)
	}
	if text, err := json.Marshal(listing[0]); err != nil || !strings.Contains(string(text), `"kind":"nix","version":"","platforms":[]`) {
		t.Errorf("%s, %v", text, err)
	}
}

func TestListShowsTheGoodBesideTheBad(t *testing.T) {
	l := newList()
	l.Files = fstest.MapFS{"containers/Bad/Dockerfile": {}, "containers/good/Dockerfile": {}}
	listing, err := l.Run()
	testenv.WantError(t, err, "containers/Bad", "upper case")
	if !strings.Contains(listing.String(), "good") {
		t.Errorf("the good container is not shown:\n%s", listing)
	}
}
