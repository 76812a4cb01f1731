// Package settings holds the settings of a site, their environment variables and their parsing. Magefiles state them with package site.
package settings

// Settings are what differs from site to site. The environment variable that a field is tagged with overrides the field, and a target's flag
// overrides that. Lists have commas between their items. Nothing here is needed to list the targets.
type Settings struct {
	// Registry is the host that images are published to, Namespace the path before
	// their names.
	Registry  string `env:"BLUMEOPS_REGISTRY" address:"open"`
	Namespace string `env:"BLUMEOPS_NAMESPACE"`
	// RegistryUser and RegistryPassword are the account there: a name, and a reference
	// to a secret. $BLUMEOPS_REGISTRY_PASSWORD holds the password itself, or another
	// reference. With no user («BLUMEOPS_REGISTRY_USER=none») the Docker configuration
	// and its helpers are asked, as for every other registry.
	RegistryUser     string `env:"BLUMEOPS_REGISTRY_USER"`
	RegistryPassword string
	// PlainRegistries are spoken to over plain HTTP, as loopback always is.
	PlainRegistries string `env:"BLUMEOPS_PLAIN_REGISTRIES" address:"open"`
	// CAFile is a PEM file of authorities that are trusted besides the system's: for registries (npm's among them), the forge, Argo CD and the
	// embedded engine. By default those count that SSL_CERT_FILE, SSL_CERT_DIR and NODE_EXTRA_CA_CERTS name.
	CAFile string `env:"BLUMEOPS_CA_FILE"`

	// ForgeURL, Owner and Repository say where the source is, for a clone whose remote
	// does not.
	ForgeURL   string `env:"BLUMEOPS_FORGE_URL" address:"open"`
	Owner      string `env:"BLUMEOPS_OWNER"`
	Repository string `env:"BLUMEOPS_REPOSITORY"`

	// ForgeToken refers to a token of the forge, which may write the repository and packages. $BLUMEOPS_FORGE_TOKEN holds the token itself,
	// or another reference.
	ForgeToken string
	// PackagesURL is the forge's address as those see it who deploy packages; by default ForgeURL.
	PackagesURL string `env:"BLUMEOPS_PACKAGES_URL" address:"open"`
	// SSHKey and SigningKey refer to private keys without a passphrase: for pushing over SSH, by default the agent's, and for signing
	// releases, by default none. $BLUMEOPS_SSH_KEY and $BLUMEOPS_SIGNING_KEY hold the keys themselves, or other references.
	SSHKey     string
	SigningKey string

	// TimeZone is the one whose date a release gets, as in Europe/Berlin.
	TimeZone string `env:"BLUMEOPS_TIME_ZONE"`

	// Docs is the folder of the documentation, whose site DocsGenerator makes: quartz, node (an npm package of its own), or auto, which
	// looks what is there.
	Docs          string `env:"BLUMEOPS_DOCS"`
	DocsGenerator string `env:"BLUMEOPS_DOCS_GENERATOR"`
	// DocsSource is where Quartz is: URL#COMMIT, or a folder. The default is version 4.5.2.
	DocsSource string `env:"BLUMEOPS_DOCS_SOURCE" address:"learn"`
	// DocsBuild and DocsOutput are the command of a generator other than Quartz, and the folder in Docs that it writes to; by default what
	// package.json says.
	DocsBuild  string `env:"BLUMEOPS_DOCS_BUILD"`
	DocsOutput string `env:"BLUMEOPS_DOCS_OUTPUT"`
	// NodeImage is the image that generators run on, with a tag or a digest.
	NodeImage string `env:"BLUMEOPS_NODE_IMAGE"`

	// DocsManifest is the file that names the release of the docs that is deployed, DocsURL the site that it is then seen on.
	DocsManifest string `env:"BLUMEOPS_DOCS_MANIFEST"`
	DocsURL      string `env:"BLUMEOPS_DOCS_URL" address:"open"`
	// DocsKeep is how many releases of the docs keep their packages; 0 is all.
	DocsKeep string `env:"BLUMEOPS_DOCS_KEEP"`
	// DocsHook is a command for a shell, which is run after each deployment of the docs, as to empty a cache.
	DocsHook string `env:"BLUMEOPS_DOCS_HOOK"`
	// ReleaseAuthor is who commits releases: NAME <ADDRESS>.
	ReleaseAuthor string `env:"BLUMEOPS_RELEASE_AUTHOR"`

	// ArgoCDURL is where Argo CD is, ArgoCDApp its Application of the docs, and ArgoCDToken refers to a token that may sync it.
	// $BLUMEOPS_ARGOCD_TOKEN, or else $ARGOCD_AUTH_TOKEN, holds the token itself, or another reference.
	ArgoCDURL   string `env:"BLUMEOPS_ARGOCD_URL,ARGOCD_SERVER" address:"open"`
	ArgoCDApp   string `env:"BLUMEOPS_ARGOCD_APP"`
	ArgoCDToken string
	// DeployTimeout bounds how long a deployment may take, and how long the site may go on serving what it did.
	DeployTimeout string `env:"BLUMEOPS_DEPLOY_TIMEOUT"`

	// Manifests is the folder that Argo CD deploys from.
	Manifests string `env:"BLUMEOPS_MANIFESTS"`
	// The platforms that containers of each kind are published for, if they state none.
	GoPlatforms         string `env:"BLUMEOPS_GO_PLATFORMS"`
	DockerfilePlatforms string `env:"BLUMEOPS_DOCKERFILE_PLATFORMS"`

	// TestCommand runs the tests of the repository: a program with its arguments, for no shell. It is run in the root; none is none.
	TestCommand string `env:"BLUMEOPS_TEST_COMMAND"`

	// Engine is auto, dagger or embedded.
	Engine string `env:"BLUMEOPS_ENGINE"`
	// EngineState is the folder of the embedded engine; by default in the user's cache.
	EngineState string `env:"BLUMEOPS_ENGINE_STATE"`
	// EngineCache is the size from which the embedded engine's cache is collected.
	EngineCache string `env:"BLUMEOPS_ENGINE_CACHE"`

	// LabName names the lab of the lab: targets. Those of two names run side by side.
	LabName string `env:"BLUMEOPS_LAB"`

	// Mirrors are where base images are pulled from instead: of a registry or a part of it, as in
	// docker.io=registry.example/hub.
	Mirrors string `env:"BLUMEOPS_MIRRORS" address:"open"`
	// PackageMirrors are build arguments of every Dockerfile that declares them, as in
	// PIP_INDEX_URL=https://pypi.example/simple. Those of npm (NPM_CONFIG_REGISTRY, ...) are used to build the docs, too.
	PackageMirrors string `env:"BLUMEOPS_PACKAGE_MIRRORS" address:"learn"`
	// Proxies of builds; by default those of the environment (HTTP_PROXY, ...).
	HTTPProxy  string `env:"BLUMEOPS_HTTP_PROXY,HTTP_PROXY,http_proxy" address:"learn"`
	HTTPSProxy string `env:"BLUMEOPS_HTTPS_PROXY,HTTPS_PROXY,https_proxy" address:"learn"`
	NoProxy    string `env:"BLUMEOPS_NO_PROXY,NO_PROXY,no_proxy"`

	// OnePasswordAccount is the account that the 1Password app is asked for.
	OnePasswordAccount string `env:"BLUMEOPS_ONEPASSWORD_ACCOUNT"`
}
