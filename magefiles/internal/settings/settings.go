// Package settings holds the settings of a site, their environment variables and their parsing. Magefiles state them with package site.
package settings

// Settings are the settings that differ between sites. None is required to list the targets: a target names the one that it requires.
//
// The environment variables in the tag env override the field; with several, the first that is set counts. A flag of a target overrides both.
// Commas separate the items of a list. A default is used if the field and its variables are empty.
type Settings struct {
	// Registry is the host that images are published to. Example: registry.example:5000.
	Registry string `env:"BLUMEOPS_REGISTRY" address:"open"`
	// Namespace is the path before the names of images. Example: me, for registry.example/me/nettest.
	Namespace string `env:"BLUMEOPS_NAMESPACE"`
	// RegistryUser is the account at Registry, for publishing and for pulling base images. Example: ci. If it is empty or none, the Docker
	// configuration and its credential helpers are used, as for every other registry.
	RegistryUser string `env:"BLUMEOPS_REGISTRY_USER"`
	// RegistryPassword is a reference to the password of RegistryUser. Example: op://homelab/registry/password. $BLUMEOPS_REGISTRY_PASSWORD
	// overrides it with the password itself, or with another reference.
	RegistryPassword string
	// PlainRegistries is a list of hosts that use plain HTTP, in addition to loopback. Example: registry.lan:5000.
	PlainRegistries string `env:"BLUMEOPS_PLAIN_REGISTRIES" address:"open"`
	// CAFile is a PEM file of certificate authorities that are trusted in addition to those of the system: for registries, npm, pip, the forge,
	// Argo CD, git and the embedded engine. Example: /etc/ssl/homelab.pem. Default: the files in SSL_CERT_FILE, SSL_CERT_DIR and
	// NODE_EXTRA_CA_CERTS.
	CAFile string `env:"BLUMEOPS_CA_FILE"`

	// ForgeURL is the address of the forge. Example: https://forge.example.
	ForgeURL string `env:"BLUMEOPS_FORGE_URL" address:"open"`
	// Owner is the user or the organization that has the repository at the forge. Example: me.
	Owner string `env:"BLUMEOPS_OWNER"`
	// Repository is the name of the repository at the forge. Example: homelab.
	Repository string `env:"BLUMEOPS_REPOSITORY"`
	// ForgeToken is a reference to a token of the forge that may write the repository and packages. Example: op://homelab/forge/token.
	// $BLUMEOPS_FORGE_TOKEN overrides it with the token itself, or with another reference.
	ForgeToken string
	// PackagesURL is the address of the forge for programs that download packages. Example: http://forge.lan:3000. Default: ForgeURL.
	PackagesURL string `env:"BLUMEOPS_PACKAGES_URL" address:"open"`
	// SSHKey is a reference to the private key for pushes over SSH, without a passphrase. Example: file:///run/secrets/id_ed25519.
	// $BLUMEOPS_SSH_KEY overrides it with the key itself, or with another reference. Default: the keys of the SSH agent.
	SSHKey string
	// SigningKey is a reference to the private SSH key that signs the commits and tags of releases, without a passphrase. Example:
	// op://homelab/signing/key. $BLUMEOPS_SIGNING_KEY overrides it with the key itself, or with another reference. Default: no signature.
	SigningKey string

	// TimeZone is the time zone of the date of a release. Example: Europe/Berlin. Default: UTC. Local is the zone of the machine.
	TimeZone string `env:"BLUMEOPS_TIME_ZONE"`

	// Docs is the folder of the documentation, from the root. Default: docs.
	Docs string `env:"BLUMEOPS_DOCS"`
	// DocsGenerator is the generator of the website: quartz; node for an npm package; or auto, which depends on the files in Docs. Default:
	// auto.
	DocsGenerator string `env:"BLUMEOPS_DOCS_GENERATOR"`
	// DocsSource is the source of Quartz: URL#COMMIT with the whole hash, or a folder. Example: ../quartz. Default: version 4.5.2.
	DocsSource string `env:"BLUMEOPS_DOCS_SOURCE" address:"learn"`
	// DocsBuild is the command that builds the website of an npm package, for a shell in Docs. Example: npm run docs. Default: npm run build.
	DocsBuild string `env:"BLUMEOPS_DOCS_BUILD"`
	// DocsOutput is the folder in Docs that DocsBuild writes. Example: build. Default: that of the generator in package.json, if it is known.
	DocsOutput string `env:"BLUMEOPS_DOCS_OUTPUT"`
	// NodeImage is the image that generators run on, with a tag or a digest. Default: node:22-slim.
	NodeImage string `env:"BLUMEOPS_NODE_IMAGE"`

	// DocsKeys is a list of the keys that the frontmatter of each page must have, for validate. Example: title,tags. Default: title,tags,modified. If it is none,
	// pages need no frontmatter.
	DocsKeys string `env:"BLUMEOPS_DOCS_KEYS"`

	// DocsManifest is the file that names the deployed release of the docs. Example: argocd/manifests/docs/deployment.yaml.
	DocsManifest string `env:"BLUMEOPS_DOCS_MANIFEST"`
	// DocsURL is the address of the website. Example: https://docs.example. If it is none, the website is not checked.
	DocsURL string `env:"BLUMEOPS_DOCS_URL" address:"open"`
	// DocsKeep is the number of releases of the docs that keep their packages. Example: 10. Default: 0, which is all.
	DocsKeep string `env:"BLUMEOPS_DOCS_KEEP"`
	// DocsHook is a command for a shell that runs after each deployment of the docs. Example: ./purge-cache.
	DocsHook string `env:"BLUMEOPS_DOCS_HOOK"`
	// ReleaseAuthor is the author of the commits and tags of releases. Example: Me <me@example.org>.
	ReleaseAuthor string `env:"BLUMEOPS_RELEASE_AUTHOR"`

	// ArgoCDURL is the address of Argo CD. Example: https://argocd.example. If it is none, nothing is synced.
	ArgoCDURL string `env:"BLUMEOPS_ARGOCD_URL,ARGOCD_SERVER" address:"open"`
	// ArgoCDApp is the Application of the docs. Default: docs.
	ArgoCDApp string `env:"BLUMEOPS_ARGOCD_APP"`
	// ArgoCDToken is a reference to a token of Argo CD that may read and sync Applications. Example: op://homelab/argocd/token.
	// $BLUMEOPS_ARGOCD_TOKEN or else $ARGOCD_AUTH_TOKEN overrides it with the token itself, or with another reference.
	ArgoCDToken string
	// DeployTimeout is the limit for a deployment, and for the time until the website serves the new version. Default: 5m.
	DeployTimeout string `env:"BLUMEOPS_DEPLOY_TIMEOUT"`

	// Manifests is the folder that Argo CD deploys from. Default: argocd.
	Manifests string `env:"BLUMEOPS_MANIFESTS"`
	// GoPlatforms is a list of the platforms that Go containers are published for, if they state none. Default: linux/amd64,linux/arm64.
	GoPlatforms string `env:"BLUMEOPS_GO_PLATFORMS"`
	// DockerfilePlatforms is a list of the platforms that Dockerfile containers are published for, if they state none. Default: linux/amd64.
	DockerfilePlatforms string `env:"BLUMEOPS_DOCKERFILE_PLATFORMS"`

	// Channels is a list of the tags that may move, for container:publish from any tree. Example: dev,edge,1h. Default: dev,test. If it is none,
	// there are only versions.
	Channels string `env:"BLUMEOPS_CHANNELS"`

	// Packages is a list of folders with Python projects, from the root: each is a project, or has projects in its subfolders. Example: python.
	// Default: ., which is the root and its folders.
	Packages string `env:"BLUMEOPS_PACKAGES"`
	// PythonImage is the image that Python packages are built on, with a tag or a digest. Default: python:3.12-slim.
	PythonImage string `env:"BLUMEOPS_PYTHON_IMAGE"`
	// PythonRequirements is the source of the build requirements of Python packages: index, or image for those that PythonImage has, without
	// any download. Default: index.
	PythonRequirements string `env:"BLUMEOPS_PYTHON_REQUIREMENTS"`

	// PackageIndex is the index that Python packages are published to: the address of an index of devpi, or of the registry of a forge. Example:
	// https://devpi.example/me/prod. Default: the registry of Owner at ForgeURL.
	PackageIndex string `env:"BLUMEOPS_PACKAGE_INDEX" address:"open"`
	// PackageUser is the account at PackageIndex. Example: ci.
	PackageUser string `env:"BLUMEOPS_PACKAGE_USER"`
	// PackageToken is a reference to the password or the token of PackageUser. Example: op://homelab/devpi/password. $BLUMEOPS_PACKAGE_TOKEN
	// overrides it with the token itself, or with another reference. Default: ForgeToken at the forge.
	PackageToken string

	// TestCommand is the command of the job tests of ci, run in the root: a program with its arguments, without a shell. Example:
	// go test ./.... If it is empty or none, ci has no such job.
	TestCommand string `env:"BLUMEOPS_TEST_COMMAND"`

	// Engine is the engine of builds: auto, dagger or embedded. Default: auto.
	Engine string `env:"BLUMEOPS_ENGINE"`
	// EngineState is the folder of the embedded engine, absolute. Example: /var/lib/blumeops. Default: blumeops/engine in the cache folder of
	// the user.
	EngineState string `env:"BLUMEOPS_ENGINE_STATE"`
	// EngineCache is the size above which the cache of the embedded engine is pruned. Default: 20GB.
	EngineCache string `env:"BLUMEOPS_ENGINE_CACHE"`
	// EngineInsecure allows commands on the embedded engine to have all rights of root on the machine (insecureRootCapabilities, RUN
	// --security=insecure), if they request them: true or false. Default: false.
	EngineInsecure string `env:"BLUMEOPS_ENGINE_INSECURE"`
	// Builders is a list of engines by platform, for container:build and container:publish: PLATFORM=ADDRESS. An address is that of a BuildKit
	// daemon (tcp://, unix://, ssh://), or of a Dagger runner (dagger+tcp://, dagger+unix://). Several for one platform share the containers of a
	// list. Example: linux/amd64=tcp://build-amd:1234,linux/arm64=tcp://build-arm:1234. A platform without one is built by Engine.
	Builders string `env:"BLUMEOPS_BUILDERS" address:"open"`
	// Emulate allows that a platform is built under emulation on another engine if none of its builders can build: true or false. Default: false.
	Emulate string `env:"BLUMEOPS_EMULATE"`

	// Cache is a repository of a registry for the cache of builds on the embedded engine, so that a new machine only runs the steps that changed:
	// with a registry, or below Registry and Namespace. Example: cache, for registry.example/me/cache. Default: no such cache.
	Cache string `env:"BLUMEOPS_CACHE" address:"open"`
	// CacheWrite says who writes to Cache: auto, which is only CI of the default branch; always; or never. Default: auto.
	CacheWrite string `env:"BLUMEOPS_CACHE_WRITE"`

	// LabName is the name of the lab for the lab: targets. Labs with two names can run at the same time. Example: try. Default: default.
	LabName string `env:"BLUMEOPS_LAB"`

	// Mirrors is a list of replacements for base images: of a registry, a part of one, a repository or a complete tag. Example:
	// docker.io=registry.example/hub.
	Mirrors string `env:"BLUMEOPS_MIRRORS" address:"open"`
	// PackageMirrors is a list of build arguments for every Dockerfile that declares them. Those of npm (NPM_CONFIG_REGISTRY and others) also
	// apply to builds of the docs, and those of pip (PIP_INDEX_URL and others) to builds of Python packages. Example: PIP_INDEX_URL=https://pypi.example/simple.
	PackageMirrors string `env:"BLUMEOPS_PACKAGE_MIRRORS" address:"learn"`
	// HTTPProxy is the proxy of RUN steps, of npm and of pip, for HTTP. Example: http://proxy.example:3128.
	HTTPProxy string `env:"BLUMEOPS_HTTP_PROXY,HTTP_PROXY,http_proxy" address:"learn"`
	// HTTPSProxy is the same for HTTPS.
	HTTPSProxy string `env:"BLUMEOPS_HTTPS_PROXY,HTTPS_PROXY,https_proxy" address:"learn"`
	// NoProxy is a list of hosts without a proxy. Example: .lan,127.0.0.1.
	NoProxy string `env:"BLUMEOPS_NO_PROXY,NO_PROXY,no_proxy"`

	// OnePasswordAccount is the account for the 1Password app, if OP_ACCOUNT is not set. Example: me.1password.com.
	OnePasswordAccount string `env:"BLUMEOPS_ONEPASSWORD_ACCOUNT"`
}
