package checks

import (
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// An edit is a fault, or a part of one, that is planted in a file of this repository. A missing file is created. A nil text removes the
// file but leaves it on the list.
type edit struct {
	path string
	text func(was string) string
}

func add(path, text string) edit { return edit{path, func(was string) string { return was + text }} }

func write(path, text string) edit { return edit{path, func(string) string { return text }} }

func replace(path, old, new string) edit {
	return edit{path, func(was string) string { return strings.Replace(was, old, new, 1) }}
}

// doc is a page of the documentation with the given body.
func doc(path, body string) edit {
	return write(path, "---\ntitle: Planted\ntags: [planted]\nmodified: 2026-11-01\n---\n\n"+body)
}

func workflowOf(lines string) edit {
	return write(".forgejo/workflows/planted.yaml", "on: push\njobs:\n  a:\n    runs-on: docker\n    steps:\n"+lines)
}

const (
	inDevpi     = "argocd/manifests/devpi/"
	quartzFile  = "containers/quartz/Dockerfile"
	inFragments = "docs/changelog.d/"
	fakeToken   = "k3V9q2M7x1P4" + "zR8tB6wN5yD0cHk3V9q2" // gitleaks:allow planted by the tests, valid nowhere
)

// faults has a fault for each rule of each check, CHECK/RULE, except for the Markdown rules, whose own cases are planted. The test fails if
// a rule is missing here.
var faults = map[string][]edit{
	"files/unreadable": {{"docs/gone.txt", nil}},
	"files/large":      {add("docs/large.txt", strings.Repeat("a", validate.MaxSize+1))},
	"files/encoding":   {add("docs/latin1.txt", "caf\xe9\n")},

	"manifests/yaml":        {add(inDevpi+"service.yaml", "\n  - [\n")},
	"manifests/duplicate":   {add(inDevpi+"service.yaml", "\nkind: Service\n")},
	"manifests/kustomize":   {add(inDevpi+"kustomization.yaml", "patches:\n  - path: gone.yaml\n")},
	"manifests/remote":      {replace(inDevpi+"kustomization.yaml", "resources:\n", "resources:\n  - https://forge.example/owner/site//deploy\n")},
	"manifests/kind":        {replace(inDevpi+"service.yaml", "kind: Service", "kind: Servise")},
	"manifests/schema":      {replace(inDevpi+"deployment.yaml", "replicas: 1", "replica: 1")},
	"manifests/latest":      {replace(inDevpi+"kustomization.yaml", "newTag: v1.0.0", "newTag: latest")},
	"manifests/revision":    {replace(inDevpi+"kustomization.yaml", "newTag: v1.0.0", "newTag: v1.0.0-a1b2c3d")},
	"manifests/container":   {write("argocd/manifests/planted/pod.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: planted}\nspec: {containers: [{name: a, image: 'registry.ops.eblu.me/blumeops/removed:v1.0.0'}]}\n")},
	"manifests/branch":      {write("argocd/apps/planted.yaml", "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: planted, namespace: argocd}\nspec:\n  project: default\n  destination: {server: https://kubernetes.default.svc, namespace: a}\n  source:\n    repoURL: https://forge.ops.eblu.me/eblume/blumeops.git\n    targetRevision: master\n    path: argocd/manifests/devpi\n")},
	"manifests/application": {write("argocd/apps/planted.yaml", "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: planted, namespace: argocd}\nspec:\n  project: default\n  destination: {server: https://kubernetes.default.svc, namespace: a}\n  source:\n    repoURL: https://forge.ops.eblu.me/eblume/blumeops.git\n    targetRevision: main\n    path: argocd/manifests/gone\n")},

	"workflows/yaml":       {write(".forgejo/workflows/planted.yaml", "on: push\njobs: [\n")},
	"workflows/schema":     {workflowOf("      - run: 'true'\n        shel: bash\n")},
	"workflows/actionlint": {workflowOf("      - run: 'true'\n        shell: fish\n")},
	"workflows/ignored":    {workflowOf("      - run: 'true'\n    continue-on-error: true\n")},
	"workflows/anchor":     {write(".forgejo/workflows/planted.yaml", "on: push\nenv: &env\n  A: b\njobs:\n  a:\n    runs-on: docker\n    steps:\n      - run: 'true'\n        env: {<<: *env}\n")},
	"workflows/pin":        {workflowOf("      - uses: actions/checkout@v4\n")},
	"workflows/missing":    {workflowOf("      - uses: ./.forgejo/actions/gone\n")},
	"workflows/injection":  {workflowOf("      - run: echo ${{ github.head_ref }}\n")},
	"workflows/secret":     {workflowOf("      - run: echo ${{ secrets.TOKEN }}\n")},
	"workflows/head":       {write(".forgejo/workflows/planted.yaml", "on: pull_request_target\njobs:\n  a:\n    runs-on: docker\n    steps:\n      - uses: actions/checkout@v4\n        with:\n          ref: ${{ github.event.pull_request.head.sha }}\n")},
	"workflows/branch":     {write(".forgejo/workflows/planted.yaml", "on: {push: {branches: [master]}}\njobs:\n  a:\n    runs-on: docker\n    steps:\n      - run: 'true'\n")},
	"workflows/mage":       {workflowOf("      - run: mage container:publsh quartz v1.0.0\n")},

	"links/page":      {doc("docs/how-to/planted.md", "See [[no-such-page]].\n")},
	"links/ambiguous": {doc("docs/how-to/planted.md", "See [[twice]].\n"), doc("docs/how-to/twice.md", ""), doc("docs/reference/twice.md", "")},
	"links/path":      {doc("docs/how-to/planted.md", "See [[explanation/lab]].\n")},
	"links/spaces":    {doc("docs/how-to/planted.md", "See [[ lab ]].\n")},
	"links/heading":   {doc("docs/how-to/planted.md", "See [[lab#no-such-heading]].\n")},
	"links/file":      {doc("docs/how-to/planted.md", "See [it](../gone.txt).\n")},
	"links/orphan":    {doc("docs/how-to/planted.md", "Alone.\n")},

	"index/missing": {doc("docs/how-to/planted.md", "Not listed.\n")},
	"index/none":    {doc("docs/planted/page.md", "Of a section without an index.\n"), {"docs/index.md", nil}},
	"names/unique":  {doc("docs/how-to/Lab.md", "Another lab.\n")},

	"frontmatter/none":      {write("docs/how-to/planted.md", "# Planted\n")},
	"frontmatter/unclosed":  {write("docs/how-to/planted.md", "---\ntitle: Planted\n")},
	"frontmatter/syntax":    {write("docs/how-to/planted.md", "---\n- title\n---\n")},
	"frontmatter/duplicate": {write("docs/how-to/planted.md", "---\ntitle: Planted\ntitle: Again\n---\n")},
	"frontmatter/required":  {write("docs/how-to/planted.md", "---\ntitle: Planted\n---\n")},
	"frontmatter/title":     {write("docs/how-to/planted.md", "---\ntitle: [Planted]\ntags: [a]\nmodified: 2026-11-01\n---\n")},
	"frontmatter/tags":      {write("docs/how-to/planted.md", "---\ntitle: Planted\ntags: {a: b}\nmodified: 2026-11-01\n---\n")},
	"frontmatter/modified":  {write("docs/how-to/planted.md", "---\ntitle: Planted\ntags: [a]\nmodified: yesterday\n---\n")},
	"frontmatter/aliases":   {write("docs/how-to/planted.md", "---\ntitle: Planted\ntags: [a]\nmodified: 2026-11-01\naliases: {a: b}\n---\n")},
	"frontmatter/section":   {write("docs/explanation/planted.md", "---\ntitle: Planted\ntags: [a]\nmodified: 2026-11-01\nrequires: [lab]\n---\n")},

	// An archive always ends with a line end.
	"markdown/MD047": {doc("docs/how-to/planted.md", "No end")},

	"changelog/settings": {write("towncrier.toml", "[tool.towncrier]\ndirectory = \"docs/changelog.d\"\nwrap = true\n")},
	"changelog/fragment": {write(inFragments+"+planted.feture.md", "Planted.\n")},
	"changelog/text":     {write(inFragments+"+planted.feature.md", "Planted.\n\n```\nnot closed\n")},
	"changelog/marker":   {replace("CHANGELOG.md", "<!-- towncrier release notes start -->", "")},
	"changelog/heading":  {add("CHANGELOG.md", "\n## Unreleased\n")},
	"changelog/version":  {add("CHANGELOG.md", "\n## [v1.9] - 2026-01-01\n")},
	"changelog/date":     {add("CHANGELOG.md", "\n## [v1.9.0] - 2026-13-01\n")},
	"changelog/order":    {add("CHANGELOG.md", "\n## [v1.9.0] - 2026-01-01\n\n## [v1.10.0] - 2026-01-02\n")},

	"containers/container":  {write("containers/planted/README.md", "Nothing to build.\n")},
	"containers/dockerfile": {replace(quartzFile, "FROM ${NGINX_BASE}", "FROM ${NGINX_BASE} as Base")},
	"containers/version":    {replace(quartzFile, "ARG CONTAINER_APP_VERSION=1.30.4", "ARG CONTAINER_APP_VERSION")},
	"containers/services":   {write("service-versions.yaml", "services: {}\n")},
	"containers/disagrees":  {write("service-versions.yaml", "services:\n  - name: quartz\n    current-version: 0.0.1\n")},
	"containers/base":       {replace(quartzFile, "docker.io/library/nginx:${CONTAINER_APP_VERSION}-alpine", "docker.io/library/nginx:latest")},
	"containers/own-base":   {replace(quartzFile, "docker.io/library/nginx:${CONTAINER_APP_VERSION}-alpine", "registry.ops.eblu.me/blumeops/gone:v1.0.0")},
	"containers/copy":       {add(quartzFile, "COPY gone.sh /\n")},
	"containers/ignore":     {add("containers/quartz/.dockerignore", "\n[z-\n")},

	"pins/dagger":   {replace("mise.toml", `dagger = "0.21.8"`, `dagger = "0.21.7"`)},
	"pins/go":       {replace("mise.toml", `go = "1.26.8"`, `go = "1.26.7"`)},
	"pins/go-newer": {write("planted/go.mod", "module planted\n\ngo 1.99.0\n")},
	"pins/mage":     {replace("mise.toml", `mage" = "1.17.2"`, `mage" = "1.17.1"`)},
	"pins/buildkit": {write("planted/go.mod", "module planted\n\ngo 1.26.0\n\nrequire github.com/moby/buildkit v0.1.0\n")},

	"secrets/credential": {add("deploy.env", "API_TOKEN="+fakeToken+"\n")},
	"secrets/reason":     {add("deploy.env", "API_TOKEN="+fakeToken+" # gitleaks:allow\n")},
	"secrets/manifest":   {add(inDevpi+"secret.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {password: hunter2}\n")},
	"secrets/reference":  {replace("magefiles/site.go", `"op://blumeops/forge-ci/token"`, `"op://blumeops/forge-ci"`)},
	"secrets/settings":   {write(".gitleaks.toml", "[broken")},
}
