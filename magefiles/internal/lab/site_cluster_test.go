package lab

import (
	"testing"
	"time"
)

// The site follows a Deployment of the real Kubernetes: its first rollout, a change, one that cannot succeed, and its deletion.
func TestSiteOnACluster(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a cluster: run without -short")
	}
	const namespace, path = "/api/v1/namespaces/docs", "/apis/apps/v1/namespaces/docs/deployments/docs"
	began := time.Now()
	need(t, PartArgoCD)
	cluster, err := StartCluster(t.Context(), Home{Log: func(line string) { t.Log(line) }}, ClusterOptions{})
	must(t, err)
	t.Cleanup(func() { must(t, cluster.Close()) })
	t.Logf("the cluster took %v", time.Since(began).Round(100*time.Millisecond))
	releases := newArchives(t)
	s := startSite(t, SiteOptions{Cluster: cluster})
	wantHealth(t, s, 503, "Deployment docs not found")

	must(t, cluster.Apply(t.Context(), namespace, object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": "docs"}}))
	apply := func(version string, container object) {
		url, checksum := releases.put(t, version)
		container["name"], container["image"] = "quartz", "registry.example/quartz:v1"
		container["env"] = []object{{"name": "DOCS_RELEASE_URL", "value": url}, {"name": "DOCS_RELEASE_SHA256", "value": checksum}}
		d := deployment("docs", 2, "")
		d["spec"].(object)["template"].(object)["spec"] = object{"containers": []object{container}}
		must(t, cluster.Apply(t.Context(), path, d))
	}
	for _, version := range []string{"v1", "v2"} {
		began := time.Now()
		apply(version, object{})
		wantServed(t, s, version)
		t.Logf("%s was served after %v", version, time.Since(began).Round(100*time.Millisecond))
	}
	if got := s.Serving().Revision; got != "2" {
		t.Errorf("revision %q is served, want 2", got)
	}
	// No node has that much memory: the new pod is never scheduled, and the old ones stay.
	apply("v3", object{"resources": object{"requests": object{"memory": "1000Ti"}}})
	wantHealth(t, s, 200, "ok\nrollout: 1 of 2 replicas are updated")
	if _, body := answers(t, s, "/"); body != "v2" {
		t.Errorf("%q is served while the rollout of v3 hangs", body)
	}
	must(t, cluster.Delete(t.Context(), path))
	wantHealth(t, s, 503, "Deployment docs not found")
}
