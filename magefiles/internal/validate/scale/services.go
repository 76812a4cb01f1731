package scale

import (
	"fmt"
	"strings"
)

// containers are Dockerfiles of two stages and Go programs, and the list of versions that some checks compare them with.
func containers(s Size, give func(path, text string)) {
	var versions strings.Builder
	versions.WriteString("services:\n")
	for i := range s.Containers {
		dir := "containers/" + app(i)
		fmt.Fprintf(&versions, "  - name: %s\n    type: argocd\n    last-reviewed: 2026-11-22\n    current-version: \"v%s\"\n", app(i), version(i))
		if i%10 == 9 {
			give(dir+"/main.go", fmt.Sprintf("// App %d listens.\n//\n//blumeops:version %s\npackage main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(%q) }\n", i, version(i), app(i)))
			continue
		}
		give(dir+"/Dockerfile", dockerfile(i))
		give(dir+"/start.sh", "#!/bin/sh\nset -eu\nexec /usr/local/bin/app \"$@\"\n")
	}
	give("service-versions.yaml", versions.String())
}

func dockerfile(i int) string {
	base := "docker.io/library/debian:12.8-slim"
	if i%10 == 5 {
		base = fmt.Sprintf("%s/%s:v%s", Images, app(i-1), version(i-1))
	}
	return fmt.Sprintf(`# App %d, built from its sources.
ARG CONTAINER_APP_VERSION=%s

FROM docker.io/library/golang:1.26.8-bookworm AS build
ARG CONTAINER_APP_VERSION
WORKDIR /src
RUN git clone --depth 1 --branch "v${CONTAINER_APP_VERSION}" https://forge.example/mirrors/%s.git .
RUN --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${CONTAINER_APP_VERSION}" -o /out/app ./cmd/app

FROM %s
ARG CONTAINER_APP_VERSION
LABEL org.opencontainers.image.title="%s" \
      org.opencontainers.image.version="${CONTAINER_APP_VERSION}"
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/app /usr/local/bin/app
COPY start.sh /usr/local/bin/start
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/start"]
`, i, version(i), app(i), base, app(i))
}

// manifests are the files that Argo CD deploys.
func manifests(s Size, give func(path, text string)) {
	for i := range s.Kustomizations {
		name, dir := app(i), Manifests+"/manifests/"+app(i)
		image := "docker.io/library/nginx"
		if i < s.Containers {
			image = Images + "/" + name
		}
		into := strings.NewReplacer("NAME", name, "IMAGE", image, "VERSION", version(i), "FORGE", ForgeURL)
		give(dir+"/kustomization.yaml", into.Replace(kustomization))
		give(dir+"/deployment.yaml", into.Replace(deployment))
		give(dir+"/service.yaml", into.Replace(service))
		give(dir+"/configmap.yaml", into.Replace(configMap))
		give(Manifests+"/apps/"+name+".yaml", into.Replace(application))
	}
}

const (
	kustomization = `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: NAME
resources:
  - deployment.yaml
  - service.yaml
  - configmap.yaml
images:
  - name: IMAGE
    newTag: vVERSION
`
	deployment = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: NAME
  labels:
    app: NAME
spec:
  replicas: 1
  selector:
    matchLabels:
      app: NAME
  template:
    metadata:
      labels:
        app: NAME
    spec:
      securityContext:
        runAsNonRoot: true
        runAsUser: 65532
      containers:
        - name: NAME
          image: IMAGE:vVERSION
          ports:
            - name: http
              containerPort: 8080
              protocol: TCP
          envFrom:
            - configMapRef:
                name: NAME
          env:
            - name: PASSWORD
              valueFrom:
                secretKeyRef:
                  name: NAME
                  key: password
          readinessProbe:
            httpGet:
              path: /healthz
              port: http
            periodSeconds: 10
          resources:
            requests:
              cpu: 10m
              memory: 64Mi
            limits:
              memory: 256Mi
          volumeMounts:
            - name: data
              mountPath: /data
      volumes:
        - name: data
          emptyDir: {}
`
	service = `apiVersion: v1
kind: Service
metadata:
  name: NAME
spec:
  selector:
    app: NAME
  ports:
    - name: http
      port: 80
      targetPort: http
`
	configMap = `apiVersion: v1
kind: ConfigMap
metadata:
  name: NAME
data:
  LOG_LEVEL: info
  LISTEN: ":8080"
  config.yaml: |
    name: NAME
    retries: 3
`
	application = `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: NAME
  namespace: argocd
spec:
  project: default
  source:
    repoURL: FORGE.git
    targetRevision: main
    path: argocd/manifests/NAME
  destination:
    server: https://kubernetes.default.svc
    namespace: NAME
  syncPolicy:
    syncOptions:
      - CreateNamespace=true
`
)
