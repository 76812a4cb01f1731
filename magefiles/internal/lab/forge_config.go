package lab

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

// forgeINI is Gitea's configuration (custom/conf/app.example.ini in its module explains the settings). Unused modules are off, because every
// running module costs memory.
var forgeINI = template.Must(template.New("app.ini").Funcs(template.FuncMap{"path": iniPath}).Parse(`
APP_NAME = {{.Mark}}
RUN_USER = {{.User}}
RUN_MODE = prod
WORK_PATH = {{path .Dir ""}}
[server]
HTTP_ADDR = {{.HTTPHost}}
HTTP_PORT = {{.HTTPPort}}
DOMAIN = {{.SSHHost}}
ROOT_URL = {{.URL}}/
PUBLIC_URL_DETECTION = never
LOCAL_ROOT_URL = {{.Behind}}/
STATIC_ROOT_PATH = {{path .Static ""}}
APP_DATA_PATH = {{path .Dir "data"}}
START_SSH_SERVER = true
BUILTIN_SSH_SERVER_USER = git
SSH_LISTEN_HOST = {{.SSHHost}}
SSH_LISTEN_PORT = {{.SSHPort}}
SSH_PORT = {{.SSHPort}}
SSH_SERVER_HOST_KEYS = {{path .Dir "ssh_host_key"}}
# Less than a process gets to end by itself.
GRACEFUL_HAMMER_TIME = 3s
[database]
DB_TYPE = sqlite3
PATH = {{path .Dir "gitea.db"}}
SQLITE_JOURNAL_MODE = WAL
# Milliseconds: many pushes at once wait for each other.
SQLITE_TIMEOUT = 30000
[security]
INSTALL_LOCK = true
SECRET_KEY = {{.SecretKey}}
INTERNAL_TOKEN = {{.InternalToken}}
[oauth2]
ENABLED = false
JWT_SECRET = {{.JWTSecret}}
[service]
DISABLE_REGISTRATION = true
ENABLE_PASSKEY_AUTHENTICATION = false
[openid]
ENABLE_OPENID_SIGNIN = false
[repository]
DEFAULT_BRANCH = main
# Without actions, which a repository gets once it is filled.
DEFAULT_REPO_UNITS = repo.code,repo.releases,repo.issues,repo.pulls,repo.wiki,repo.projects,repo.packages
# Every system has this shell.
SCRIPT_TYPE = sh
[git.config]
# Collecting garbage after a push would go on in the background, and outlive the forge.
gc.auto = 0
receive.autogc = false
receive.advertiseAtomic = {{.Atomic}}
[log]
MODE = console
LEVEL = warn
[indexer]
ISSUE_INDEXER_TYPE = db
[i18n]
LANGS = en-US
NAMES = English
[mailer]
ENABLED = false
# This queue must be empty when a forge starts: Gitea processes it while it still reads the licenses that it
# compares with, and crashes.
[queue.repo_license_updater]
TYPE = channel
[actions]
ENABLED = {{.Actions}}
WORKFLOW_DIRS = .forgejo/workflows
[mirror]
ENABLED = false
{{range .Quiet}}[cron.{{.}}]
ENABLED = false
{{end}}`))

// iniPath writes a path literally, with any characters in it.
func iniPath(dir, name string) string { return "`" + filepath.Join(dir, name) + "`" }

// quietTasks are the regular tasks of Gitea that run unless they are disabled.
var quietTasks = strings.Fields(`update_mirrors repo_health_check check_repo_stats archive_cleanup sync_external_users
	deleted_branches_cleanup update_migration_poster_id cleanup_hook_task_table cleanup_packages update_checker`)

// configure writes Gitea's configuration.
func (f *Forge) configure() error {
	httpHost, httpPort, err := net.SplitHostPort(f.behind.Host)
	if err != nil {
		return err
	}
	sshHost, sshPort, err := net.SplitHostPort(f.ssh)
	if err != nil {
		return fmt.Errorf("address of SSH: %w", err)
	}
	var text bytes.Buffer
	err = forgeINI.Execute(&text, struct {
		forgeState
		User, Dir, Static, URL, Behind, HTTPHost, HTTPPort, SSHHost, SSHPort string
		Atomic, Actions                                                      bool
		Quiet                                                                []string
	}{
		f.state, systemUser(), f.dir, f.static, f.URL(), f.behind.String(), httpHost, httpPort, sshHost, sshPort,
		!f.options.NoAtomicPush, f.options.Actions, quietTasks,
	})
	if err != nil {
		return err
	}
	return errors.Join(f.noAssets(), os.WriteFile(f.file("app.ini"), text.Bytes(), 0o600))
}

// noAssets configures Gitea without stylesheets and scripts, which are missing in its module. Otherwise it logs an error with every page.
func (f *Forge) noAssets() error {
	dir := filepath.Join(f.dir, "custom", "public", "assets", ".vite")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "manifest.json"), []byte("{}"), 0o600)
}
