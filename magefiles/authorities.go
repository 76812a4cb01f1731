//go:build mage

package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/estate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/pipeline"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/trust"
)

// caVariable sets the file of authorities, and takes the place of the variables that programs have for them.
const caVariable = "BLUMEOPS_CA_FILE"

// readAuthorities is one file of all authorities that are trusted besides the system's; "" for none. The engine and npm read it, who do not
// see this process's variables. A setting that cannot be read is an error; of the usual variables other programs would say nothing.
func (r *runner) readAuthorities() (string, error) {
	sources, err := trust.Sources(caVariable, r.CAFile, os.Getenv)
	if err != nil {
		return "", err
	}
	var all trust.Bundle
	for _, s := range sources {
		_, err := all.Add(s)
		switch {
		case err == nil:
		case r.CAFile != "":
			return "", console.BadInput(fmt.Errorf("%s: %w: name a readable PEM file, or unset it", s.Name, err))
		default:
			r.console.Warn(fmt.Sprintf("no certificate authority is taken from %s: %v", s.Name, err))
		}
	}
	return all.Write(filepath.Join(r.cacheAt, "authorities"))
}

// caFile is the same for clients that tell of a file which cannot be read when they are used.
func (r *runner) caFile() string {
	file, err := r.authorities()
	if err != nil {
		return r.CAFile
	}
	return file
}

// newHTTP makes the client of the forge, of Argo CD, of git and of the docs' site.
func (r *runner) newHTTP() *http.Client {
	file, err := r.authorities()
	if err != nil {
		return &http.Client{Transport: unusable{err}}
	}
	transport, err := trust.Transport(file)
	if err != nil {
		return &http.Client{Transport: unusable{err}}
	}
	return &http.Client{Transport: transport}
}

// unusable is a way to no host, for the error that it was made with.
type unusable struct{ err error }

func (u unusable) RoundTrip(*http.Request) (*http.Response, error) { return nil, u.err }

// buildNetwork is what builds must know of the network and of this machine.
func (r *runner) buildNetwork() (pipeline.Site, error) {
	network, err := r.network()
	if err != nil {
		return network, console.BadInput(err)
	}
	network.CAFile, err = r.authorities()
	return network, err
}

// machineAuthorities is an estate.Authorities.
type machineAuthorities struct{ *runner }

func (m machineAuthorities) Look() ([]estate.Authority, error) {
	sources, err := trust.Sources(caVariable, m.CAFile, os.Getenv)
	var all trust.Bundle
	list := make([]estate.Authority, len(sources))
	for i, s := range sources {
		list[i] = estate.Authority{Name: s.Name, Path: s.Path}
		list[i].Certificates, list[i].Err = all.Add(s)
	}
	m.console.Note(named(list))
	return list, err
}

// named says where authorities come from.
func named(list []estate.Authority) string {
	text := "certificate authorities: the system's"
	for _, a := range list {
		if a.Err == nil {
			text += fmt.Sprintf(", %d of %s (%s)", a.Certificates, a.Path, a.Name)
		}
	}
	return text
}
