package image

import (
	"reflect"
	"testing"
	"testing/fstest"
)

func TestUses(t *testing.T) {
	fsys := fstest.MapFS{
		"argocd/manifests/devpi/deployment.yaml": {Data: []byte(`spec:
  containers:
    - name: devpi
      image: registry.ops.eblu.me/blumeops/devpi:v1.0.0
    # image: registry.ops.eblu.me/blumeops/quartz:v1
    - image: "registry.ops.eblu.me/blumeops/nettest@sha256:ab" # not registry.ops.eblu.me/blumeops/quartz
`)},
		"argocd/manifests/docs/kustomization.yml": {Data: []byte(`images:
  - name: quartz
    newName: registry.ops.eblu.me/blumeops/quartz
    newTag: v2
  - {name: registry.ops.eblu.me/blumeops/devpi, newTag: v1}
`)},
		"argocd/other.yaml":      {Data: []byte("image: mirror.registry.ops.eblu.me/blumeops/devpi:v1\nimage: x/registry.ops.eblu.me/blumeops/devpi:v1\n")},
		"argocd/list.json":       {Data: []byte(`{"images":["registry.ops.eblu.me/blumeops/quartz:v1","registry.ops.eblu.me/blumeops/devpi","registry.ops.eblu.me/blumeops/quartz"]}`)},
		"argocd/z/Kustomization": {Data: []byte("images: [{name: registry.ops.eblu.me/blumeops/nettest, newTag: v1}]\n")},
		"argocd/README.md":       {Data: []byte("image: registry.ops.eblu.me/blumeops/devpi:v1\n")},
		"elsewhere/one.yaml":     {Data: []byte("image: registry.ops.eblu.me/blumeops/devpi:v1\n")},
	}
	got, err := Uses(fsys, "argocd", "registry.ops.eblu.me/blumeops")
	if err != nil {
		t.Fatal(err)
	}
	want := map[Name][]Use{
		"devpi":   {{"argocd/list.json", 1}, {"argocd/manifests/devpi/deployment.yaml", 4}, {"argocd/manifests/docs/kustomization.yml", 5}},
		"nettest": {{"argocd/manifests/devpi/deployment.yaml", 6}, {"argocd/z/Kustomization", 1}},
		"quartz":  {{"argocd/list.json", 1}, {"argocd/manifests/docs/kustomization.yml", 3}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if got := (Use{"argocd/a\nb.yaml", 7}).String(); got != `"argocd/a\nb.yaml":7` {
		t.Errorf("a file whose name has two lines: %q", got)
	}
	if got, err := Uses(fstest.MapFS{}, "argocd", "x"); err != nil || len(got) != 0 {
		t.Errorf("no argocd folder: %v, %v; want nothing", got, err)
	}
}

func FuzzNamedIn(f *testing.F) {
	f.Add("image: registry.example/blumeops/x:v1 # why")
	f.Add("#")
	f.Fuzz(func(t *testing.T, line string) {
		for _, n := range namedIn(line, "registry.example/blumeops/") {
			if _, err := ParseName(string(n)); err != nil {
				t.Errorf("%q names %q: %v", line, n, err)
			}
		}
	})
}
