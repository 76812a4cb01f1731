//go:build mage

package main

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/secret"
)

// checkAddresses looks for passwords in the settings that hold hosts or addresses, and hides each that it finds from the output. Fields with
// the tag address:"open" are shown and handed on as they are: there a user or a password is refused. Those with address:"learn" may hold one.
func (r *runner) checkAddresses() error {
	var refused []error
	fields := reflect.ValueOf(r.settings)
	for i := range fields.NumField() {
		field := fields.Type().Field(i)
		kind := field.Tag.Get("address")
		if kind != "" && r.learnAddresses(fields.Field(i).String()) && kind == "open" {
			name, _, _ := strings.Cut(field.Tag.Get("env"), ",")
			refused = append(refused, r.noCredentials(name))
		}
	}
	for _, name := range []string{"BUILDKIT_HOST", "DOCKER_HOST", "_EXPERIMENTAL_DAGGER_RUNNER_HOST", "ALL_PROXY", "all_proxy"} {
		if r.learnAddresses(os.Getenv(name)) && name == "BUILDKIT_HOST" {
			refused = append(refused, r.noCredentials(name))
		}
	}
	return errors.Join(refused...)
}

// learnAddresses hides what passwords are in a list of addresses, or of NAME=ADDRESS, and tells whether there is a user or a password.
func (r *runner) learnAddresses(list string) (found bool) {
	for _, address := range append(items(list), list) { // a comma may be part of a password
		if name, value, ok := strings.Cut(address, "="); ok && !strings.ContainsAny(name, ":@") { // = too
			address = value
		}
		password, ok := secret.InAddress(address)
		if found = found || ok; ok {
			r.console.Redactor().Learn(password)
		}
	}
	return found
}

// checkRegistry does the same for the flag -registry.
func (r *runner) checkRegistry(flag string) error {
	if r.learnAddresses(flag) {
		return r.noCredentials("-registry")
	}
	return nil
}

func (r *runner) noCredentials(name string) error {
	return console.BadInput(fmt.Errorf("%s: its value holds a user or a password before an @ (it is not repeated here): expected an address alone; "+
		"accounts are settings of their own: BLUMEOPS_REGISTRY_USER and BLUMEOPS_REGISTRY_PASSWORD, BLUMEOPS_FORGE_TOKEN, BLUMEOPS_ARGOCD_TOKEN, "+
		"or docker login for another registry", name))
}
