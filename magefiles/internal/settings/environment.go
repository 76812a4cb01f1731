package settings

import (
	"reflect"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/secret"
)

// The variables that override references to secrets. Their values are secrets.
//
// CAVariable overrides the variables of other programs for certificate authorities.
const (
	CAVariable = "BLUMEOPS_CA_FILE"

	PasswordVariable    = "BLUMEOPS_REGISTRY_PASSWORD"
	ForgeTokenVariable  = "BLUMEOPS_FORGE_TOKEN"
	ArgoCDTokenVariable = "BLUMEOPS_ARGOCD_TOKEN"
	ArgoCDOwnVariable   = "ARGOCD_AUTH_TOKEN" // that of the argocd command
	SSHKeyVariable      = "BLUMEOPS_SSH_KEY"
	SigningKeyVariable  = "BLUMEOPS_SIGNING_KEY"

	PackageTokenVariable = "BLUMEOPS_PACKAGE_TOKEN"
)

// Override returns the settings with the values of the environment. An empty variable overrides nothing.
func (s Settings) Override(getenv func(string) string) Settings {
	fields := reflect.ValueOf(&s).Elem()
	for i := range fields.NumField() {
		for name := range strings.SplitSeq(fields.Type().Field(i).Tag.Get("env"), ",") {
			if v := getenv(name); name != "" && v != "" {
				fields.Field(i).SetString(v)
				break
			}
		}
	}
	return s
}

// SecretVariables are the variables with secrets of targets, independent of the settings.
func SecretVariables() []string {
	return append(secret.SecretVariables(), PasswordVariable, ForgeTokenVariable, ArgoCDTokenVariable, ArgoCDOwnVariable, SSHKeyVariable, SigningKeyVariable, PackageTokenVariable)
}

// SecretNames are those variables, and the variables that references in the settings name.
func (s Settings) SecretNames() []string {
	return append(secret.VariablesOf(s.RegistryPassword, s.ForgeToken, s.ArgoCDToken, s.SSHKey, s.SigningKey, s.PackageToken), SecretVariables()...)
}
