package settings

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/secret"
)

// CheckAddresses searches the settings with hosts or addresses for passwords, and passes each one to hide. Fields with the tag address:"open"
// are printed and passed on unchanged: a user or a password in one is an error. Fields with address:"learn" may contain one.
func (s Settings) CheckAddresses(getenv func(string) string, hide func(password string)) error {
	var refused []error
	fields := reflect.ValueOf(s)
	for i := range fields.NumField() {
		field := fields.Type().Field(i)
		kind := field.Tag.Get("address")
		if kind != "" && HidePasswords(fields.Field(i).String(), hide) && kind == "open" {
			name, _, _ := strings.Cut(field.Tag.Get("env"), ",")
			refused = append(refused, errCredentials(name))
		}
	}
	for _, name := range []string{"BUILDKIT_HOST", "DOCKER_HOST", "_EXPERIMENTAL_DAGGER_RUNNER_HOST", "ALL_PROXY", "all_proxy"} {
		if HidePasswords(getenv(name), hide) && name == "BUILDKIT_HOST" {
			refused = append(refused, errCredentials(name))
		}
	}
	return errors.Join(refused...)
}

// CheckAddress does the same for one address. name is its flag or setting.
func CheckAddress(name, address string, hide func(password string)) error {
	if HidePasswords(address, hide) {
		return errCredentials(name)
	}
	return nil
}

// HidePasswords passes the passwords in a list of addresses, or of NAME=ADDRESS, to hide. It reports whether there is a user or a password.
func HidePasswords(list string, hide func(password string)) (found bool) {
	for _, address := range append(List(list), list) { // a comma may be part of a password
		if name, value, ok := strings.Cut(address, "="); ok && !strings.ContainsAny(name, ":@") { // = too
			address = value
		}
		password, ok := secret.InAddress(address)
		if found = found || ok; ok {
			hide(password)
		}
	}
	return found
}

func errCredentials(name string) error {
	return fmt.Errorf("%s: the value must be an address without a user or a password before an @ (the value is not shown): "+
		"use BLUMEOPS_REGISTRY_USER and BLUMEOPS_REGISTRY_PASSWORD, BLUMEOPS_FORGE_TOKEN, BLUMEOPS_ARGOCD_TOKEN, BLUMEOPS_PACKAGE_TOKEN, "+
		"or docker login for another registry", name)
}
