package manifest

import (
	"slices"
	"testing"
	"testing/fstest"
)

func TestReach(t *testing.T) {
	files := fstest.MapFS{
		"argocd/docs/kustomization.yaml": {Data: []byte("resources: [deployment.yaml, ../base, 'https://x.example/y', ../../argocd, missing.yaml]\npatches:\n- path: patch.yaml\n- patch: 'kind: X'\n")},
		"argocd/docs/deployment.yaml":    {}, "argocd/docs/patch.yaml": {}, "argocd/docs/unused.yaml": {},
		"argocd/base/Kustomization": {Data: []byte("bases: [../docs]\nresources:\n- all.yaml\n")}, "argocd/base/all.yaml": {},
		"argocd/plain/pod.yaml": {}, "argocd/plain/below/pod.yml": {}, "argocd/plain/README.md": {},
		"argocd/broken/kustomization.yml": {Data: []byte("{{")},
	}
	for folder, want := range map[string][]string{
		"argocd/docs/":  {"argocd/base/Kustomization", "argocd/base/all.yaml", "argocd/docs/deployment.yaml", "argocd/docs/kustomization.yaml", "argocd/docs/patch.yaml"},
		"argocd/plain":  {"argocd/plain/below/pod.yml", "argocd/plain/pod.yaml"},
		"argocd/broken": {"argocd/broken/kustomization.yml"},
		"nowhere":       nil,
	} {
		if got := Reach(files, folder, true); !slices.Equal(got, want) {
			t.Errorf("%s: %q", folder, got)
		}
	}
	if got := Reach(files, "argocd/plain", false); !slices.Equal(got, []string{"argocd/plain/pod.yaml"}) {
		t.Errorf("the folder alone: %q", got)
	}
}
