package settings

import (
	"reflect"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/secret"
)

// These override the settings that refer to secrets; their values are secrets.
//
// CAVariable takes the place of the variables that other programs have for certificate authorities.
const (
	CAVariable = "BLUMEOPS_CA_FILE"

	PasswordVariable    = "BLUMEOPS_REGISTRY_PASSWORD"
	ForgeTokenVariable  = "BLUMEOPS_FORGE_TOKEN"
	ArgoCDTokenVariable = "BLUMEOPS_ARGOCD_TOKEN"
	ArgoCDOwnVariable   = "ARGOCD_AUTH_TOKEN" // of the argocd command
	SSHKeyVariable      = "BLUMEOPS_SSH_KEY"
	SigningKeyVariable  = "BLUMEOPS_SIGNING_KEY"
)

// Override takes over what the environment sets. A variable that is empty sets nothing.
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

// SecretVariables are the variables that hold secrets of targets, whatever the settings say.
func SecretVariables() []string {
	return []string{
		PasswordVariable, ForgeTokenVariable, ArgoCDTokenVariable, ArgoCDOwnVariable, SSHKeyVariable, SigningKeyVariable, secret.TokenVariable,
	}
}

// SecretNames are those variables, and the ones that references of the settings name.
func (s Settings) SecretNames() []string {
	return append(secret.VariablesOf(s.RegistryPassword, s.ForgeToken, s.ArgoCDToken, s.SSHKey, s.SigningKey), SecretVariables()...)
}
