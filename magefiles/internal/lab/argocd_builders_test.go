package lab

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// Argo CD deploys this repository's builders: a StatefulSet for each architecture gets its volume, and a node of that architecture.
func (w *fixture) builders(t *testing.T) {
	const board = "/api/v1/nodes/board"
	nodes := map[string]string{"amd64": "board", "arm64": "board"}
	other := map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]
	nodes[runtime.GOARCH] = node
	must(t, w.cluster.Apply(t.Context(), board, object{
		"apiVersion": "v1", "kind": "Node", "metadata": object{
			"name": "board", "annotations": object{"kwok.x-k8s.io/node": "fake"},
			"labels": object{"kubernetes.io/hostname": "board", "kubernetes.io/os": "linux", "kubernetes.io/arch": other},
		},
	}))
	r := newRepository(t, "builders")
	must(t, os.CopyFS(filepath.Join(r.dir, "argocd/manifests/buildkit"), os.DirFS(filepath.Join(testenv.Root(t), "argocd/manifests/buildkit"))))
	commit := r.commit(t)
	_, err := w.argo.AppsFor(t.Context(), r.url, os.DirFS(r.dir))
	must(t, err)
	w.synced(t, "buildkit", commit)
	for architecture, want := range nodes {
		var pod struct {
			Spec struct {
				NodeName   string
				Containers []struct{ Image string }
			}
		}
		must(t, w.cluster.Get(t.Context(), "/api/v1/namespaces/buildkit/pods/buildkit-"+architecture+"-0", &pod))
		if pod.Spec.NodeName != want || !strings.HasPrefix(pod.Spec.Containers[0].Image, "docker.io/moby/buildkit:v") {
			t.Errorf("the pod for %s: %+v", architecture, pod)
		}
	}
	must(t, w.argo.DeleteApp(t.Context(), "buildkit"))
	must(t, w.cluster.Delete(t.Context(), "/api/v1/namespaces/buildkit"))
	must(t, w.cluster.Delete(t.Context(), board))
}
