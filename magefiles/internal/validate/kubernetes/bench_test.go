package kubernetes

import (
	"fmt"
	"testing"
)

// many is a repository with n kustomizations of three manifests each.
func many(n int) *Repository {
	files := map[string]string{}
	for i := range n {
		dir := fmt.Sprintf("m%d/", i)
		files[dir+"deployment.yaml"] = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: docs
spec:
  replicas: 1
  selector:
    matchLabels:
      app: docs
  template:
    metadata:
      labels:
        app: docs
    spec:
      enableServiceLinks: false
      containers:
        - name: docs
          image: registry.example/site/docs
          env:
            - name: URL
              value: https://forge.example/docs.tar.gz
          ports:
            - name: http
              containerPort: 80
          livenessProbe:
            httpGet:
              path: /healthz
              port: http
            periodSeconds: 30
          resources:
            requests: {memory: 64Mi, cpu: 10m}
            limits: {memory: 128Mi}
`
		files[dir+"service.yaml"] = "apiVersion: v1\nkind: Service\nmetadata:\n  name: docs\nspec:\n  selector:\n    app: docs\n  ports:\n    - name: http\n      port: 80\n"
		files[dir+"pdb.yaml"] = "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata:\n  name: docs\nspec:\n  minAvailable: 1\n  selector:\n    matchLabels:\n      app: docs\n"
		files[dir+"kustomization.yaml"] = "namespace: docs\nresources: [deployment.yaml, service.yaml, pdb.yaml]\nimages: [{name: registry.example/site/docs, newTag: v1.0.0}]\n"
	}
	return memory(files)
}

// BenchmarkValidate parses and validates 300 manifests.
func BenchmarkValidate(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		r := many(100)
		for name := range r.files {
			for _, o := range Objects(r.Parse(name).Documents) {
				NewSchemas(nil).Validate(o, false)
			}
		}
	}
}

// BenchmarkBuild builds 100 kustomizations, one after the other.
func BenchmarkBuild(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		r := many(100)
		for i := range 100 {
			if _, err := r.Build(r.Whole(r.Kustomization(fmt.Sprintf("m%d", i)))); err != nil {
				b.Fatal(err)
			}
		}
	}
}
