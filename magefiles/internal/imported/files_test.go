package imported

const goVersion = "1.26.8"

// files are the whole repository that uses the targets: MODULE is the version of the module. The magefile is the one of
// docs/how-to/use-the-targets-in-another-repository.md, with the settings in a file of their own.
var files = map[string]string{
	"go.mod": "module homelab.example/me\n\ngo " + goVersion + "\n\nrequire forge.ops.eblu.me/eblume/blumeops MODULE\n\ntool github.com/magefile/mage\n",
	"magefiles/magefile.go": `//go:build mage

// Homelab: the containers and the docs of my homelab.
//
//mage:multiline
package main

import (
	//mage:import
	_ "forge.ops.eblu.me/eblume/blumeops/magefiles/targets"
)
`,
	"magefiles/site.go": `//go:build mage

package main

import "forge.ops.eblu.me/eblume/blumeops/magefiles/site"

var _ = site.Use(site.Settings{
	Registry:      "registry.example",
	Namespace:     "me",
	Repository:    "homelab",
	DocsOutput:    "public",
	DocsManifest:  "argocd/manifests/docs/deployment.yaml",
	ReleaseAuthor: "Homelab <homelab@example.test>",
})
`,
	".gitignore": "/rootfs/\n*.tar.gz\n",

	"containers/hello/main.go":       "// Hello greets.\n//\n//blumeops:version 0.1.0\npackage main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(\"hello from elsewhere\") }\n",
	"containers/greeting/Dockerfile": "ARG CONTAINER_APP_VERSION=1.0.0\nFROM debian:bookworm-slim\nCOPY greeting /greeting\nRUN sed -i s/WHERE/elsewhere/ /greeting\nUSER 65532\nCMD [\"cat\", \"/greeting\"]\n",
	"containers/greeting/greeting":   "greetings from WHERE\n",

	"towncrier.toml":                 "[tool.towncrier]\ndirectory = \"docs/changelog.d\"\nfilename = \"CHANGELOG.md\"\n",
	"docs/changelog.d/+x.feature.md": "There is a home page.\n",
	"docs/package.json":              `{"name": "docs", "version": "1.0.0", "private": true, "scripts": {"build": "node build.js"}}` + "\n",
	"docs/package-lock.json":         `{"name": "docs", "version": "1.0.0", "lockfileVersion": 3, "requires": true, "packages": {"": {"name": "docs", "version": "1.0.0"}}}` + "\n",
	"docs/build.js":                  "const fs = require('fs')\nfs.mkdirSync('public')\nfs.writeFileSync('public/index.html', '<p>home</p>')\n",
	"docs/index.md":                  "---\ntitle: Home\ntags: [home]\nmodified: 2026-11-30\n---\n\nWe are open.\n",

	"argocd/manifests/docs/kustomization.yaml":  kustomization("docs", "deployment.yaml"),
	"argocd/manifests/docs/deployment.yaml":     deployment,
	"argocd/manifests/hello/kustomization.yaml": kustomization("hello", "cronjob.yaml") + "images:\n  - name: registry.example/me/hello\n    newTag: v0.1.0\n",
	"argocd/manifests/hello/cronjob.yaml":       cronJob,

	".forgejo/workflows/containers.yaml": workflow,
}

// kustomization deploys a manifest.
func kustomization(namespace, resource string) string {
	return "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: " + namespace + "\nresources:\n  - " + resource + "\n"
}

// deployment is of the docs. The lab's site reads the release that it names.
const deployment = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: docs
spec:
  selector:
    matchLabels:
      app: docs
  template:
    metadata:
      labels:
        app: docs
    spec:
      containers:
        - name: docs
          image: registry.example/site:v1.0.0
          env:
            - name: DOCS_RELEASE_URL
              value: https://forge.example/none.tar.gz
            - name: DOCS_RELEASE_SHA256
              value: "0000000000000000000000000000000000000000000000000000000000000000"
`

const cronJob = `apiVersion: batch/v1
kind: CronJob
metadata:
  name: hello
spec:
  schedule: "17 * * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers:
            - name: hello
              image: registry.example/me/hello
`

// workflow publishes and deploys the container that a tag names.
const workflow = `name: Containers
on:
  push:
    tags: ["*-v*"]
jobs:
  tag:
    runs-on: docker
    steps:
      - name: Check out
        env:
          TOKEN: ${{ github.token }}
        run: |
          git init --quiet .
          git config credential.helper '!f() { echo username=token; echo "password=$TOKEN"; }; f'
          git remote add origin "$GITHUB_SERVER_URL/$GITHUB_REPOSITORY"
          git fetch --quiet --tags origin "+refs/heads/*:refs/remotes/origin/*" "$GITHUB_SHA"
          git checkout --quiet --detach "$GITHUB_SHA"
      - name: Publish and deploy
        env:
          BLUMEOPS_FORGE_TOKEN: ${{ secrets.FORGE_TOKEN }}
          BLUMEOPS_ARGOCD_TOKEN: ${{ secrets.ARGOCD_TOKEN }}
        run: go tool mage ci:tag "$GITHUB_REF" -promote -sync
`
