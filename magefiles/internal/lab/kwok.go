package lab

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/toolbuild"
)

// KWOK is in its own module: it needs newer Kubernetes libraries than Argo CD compiles with.
var kwokProgram = toolbuild.Program{
	Name: "kwok", Title: "KWOK", Dir: "kwok", Package: "sigs.k8s.io/kwok/cmd/kwok", Module: "sigs.k8s.io/kwok", Seconds: 65,
}

// stages are the files of KWOK that define its simulation: the node is ready and renews its lease, pods run immediately, and volumes exist as
// soon as they are claimed.
var stages = []string{
	"node/fast/node-initialize.yaml",
	"node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
	"pod/fast/pod-ready.yaml",
	"pod/fast/pod-complete.yaml",
	"pod/fast/pod-delete.yaml",
	"volume/fast/pvc-provision.yaml",
	"volume/fast/pvc-delete.yaml",
	"volume/fast/pv-bind.yaml",
	"volume/fast/pv-delete.yaml",
}

// storageClass is the default class of volumes, which the stages simulate.
const storageClass = "volume/fast/storage-class.yaml"

// kwokFiles are KWOK's files in addition to its program.
type kwokFiles struct {
	config       []byte // all stages
	storageClass []byte
}

func (h Home) kwokFiles(ctx context.Context) (kwokFiles, error) {
	module, err := h.moduleDir(ctx, kwokProgram, "sigs.k8s.io/kwok")
	if err != nil {
		return kwokFiles{}, err
	}
	dir := filepath.Join(module, "kustomize", "stage")
	var all [][]byte
	for _, name := range stages {
		stage, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			return kwokFiles{}, err
		}
		all = append(all, stage)
	}
	class, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(storageClass)))
	return kwokFiles{config: bytes.Join(all, []byte("\n---\n")), storageClass: class}, err
}

// node is the name of the only node, and nodePath its path in the API.
const (
	node      = "lab"
	nodePath  = "/api/v1/nodes/" + node
	leasePath = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/" + node
)

// startKwok starts KWOK with its node, and waits until the node accepts pods.
func (c *Cluster) startKwok(ctx context.Context, path string, files kwokFiles) error {
	config := filepath.Join(c.dir, "kwok.yaml")
	if err := os.WriteFile(config, files.config, 0o600); err != nil {
		return err
	}
	// The lease of the last time belongs to a KWOK that ended, and would have to expire first.
	if err := c.Delete(ctx, leasePath); err != nil {
		return err
	}
	p, err := c.run("kwok", path, goMemory{Limit: 80, Percent: 40},
		"--kubeconfig="+c.Kubeconfig(), "--config="+config, "--manage-all-nodes", "--node-ip=127.0.0.1", "--node-lease-duration-seconds=40")
	if err != nil {
		return err
	}
	c.controlled = append(c.controlled, p)
	if err := c.Apply(ctx, "/apis/storage.k8s.io/v1/storageclasses/kwok-volume", files.storageClass); err != nil {
		return err
	}
	err = c.Apply(ctx, nodePath, object{
		"apiVersion": "v1", "kind": "Node",
		"metadata": object{
			"name":        node,
			"annotations": object{"kwok.x-k8s.io/node": "fake"},
			"labels": object{
				"kubernetes.io/hostname": node, "kubernetes.io/os": "linux", "kubernetes.io/arch": runtime.GOARCH,
			},
		},
		"spec": object{"unschedulable": false}, // reverts a change of the last time
	})
	if err != nil {
		return err
	}
	return p.ready(ctx, func(ctx context.Context) error { return c.nodeTakesPods(ctx) })
}

// nodeTakesPods checks that the scheduler would place a pod on the node, and that KWOK holds the node's lease: a node that is kept from the last
// time looks ready.
func (c *Cluster) nodeTakesPods(ctx context.Context) error {
	if err := c.Get(ctx, leasePath, nil); err != nil {
		return err
	}
	var state struct {
		Spec struct {
			Taints []struct{ Key, Effect string }
		}
		Status struct {
			Conditions []struct{ Type, Status, Message string }
		}
	}
	if err := c.Get(ctx, nodePath, &state); err != nil {
		return err
	}
	if len(state.Spec.Taints) > 0 {
		return fmt.Errorf("node %s: has the taint %s", node, state.Spec.Taints[0].Key)
	}
	for _, condition := range state.Status.Conditions {
		if condition.Type == "Ready" && condition.Status == "True" {
			return nil
		}
	}
	return fmt.Errorf("node %s: not ready: %v", node, state.Status.Conditions)
}
