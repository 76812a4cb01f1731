package lab

import (
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/toolbuild"
)

var (
	controllersProgram = toolbuild.Program{
		Name: "kube-controller-manager", Title: "Kubernetes' controllers", Dir: "argocd",
		Package: "k8s.io/kubernetes/cmd/kube-controller-manager", Module: "k8s.io/kubernetes", Seconds: 50, Stamp: kubernetesStamp,
	}
	schedulerProgram = toolbuild.Program{
		Name: "kube-scheduler", Title: "Kubernetes' scheduler", Dir: "argocd",
		Package: "k8s.io/kubernetes/cmd/kube-scheduler", Module: "k8s.io/kubernetes", Seconds: 5, Stamp: kubernetesStamp,
	}
)

// controllers are those that the manifests of a homelab need: they make pods of applied objects, and delete dependent ones. The controller of
// node lifecycle removes the not-ready taint from the node.
var controllers = []string{
	"deployment-controller",
	"replicaset-controller",
	"statefulset-controller",
	"job-controller",
	"namespace-controller",
	"garbage-collector-controller",
	"node-lifecycle-controller",
}

// startControllers starts the controller manager and the scheduler. They work if the node gets ready and accepts pods: neither listens on a port.
func (c *Cluster) startControllers(manager, scheduler string) error {
	common := []string{"--kubeconfig=" + c.Kubeconfig(), "--leader-elect=false", "--secure-port=0", "--profiling=false"}
	p, err := c.run("kube-controller-manager", manager, goMemory{Limit: 90, Percent: 40},
		append(common, "--controllers="+strings.Join(controllers, ","))...)
	if err != nil {
		return err
	}
	c.controlled = append(c.controlled, p)
	p, err = c.run("kube-scheduler", scheduler, goMemory{Limit: 80, Percent: 40}, common...)
	if err != nil {
		return err
	}
	c.controlled = append(c.controlled, p)
	return nil
}
