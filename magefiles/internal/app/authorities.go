package app

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/settings"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/trust"
)

// authorities are the certificate authorities that are trusted in addition to the system's.
type authorities struct {
	setting string // the field CAFile
	bundle  func() (string, error)
	client  func() *http.Client
}

// newAuthorities reads them once, when they are needed. dir is the folder that they are written to.
func newAuthorities(setting, cache string, warn func(string)) *authorities {
	a := &authorities{setting: setting}
	a.bundle = sync.OnceValues(func() (string, error) { return readAuthorities(setting, filepath.Join(cache, "authorities"), warn) })
	a.client = sync.OnceValue(a.newClient)
	return a
}

// readAuthorities writes one file of all authorities; "" for none. The engine and npm read it, who do not see this process's variables. A setting
// that cannot be read is an error; of the usual variables other programs would say nothing.
func readAuthorities(setting, dir string, warn func(string)) (string, error) {
	sources, err := trust.Sources(settings.CAVariable, setting, os.Getenv)
	if err != nil {
		return "", err
	}
	var all trust.Bundle
	for _, s := range sources {
		_, err := all.Add(s)
		switch {
		case err == nil:
		case setting != "":
			return "", console.BadInput(fmt.Errorf("%s: %w: set it to a readable PEM file, or unset it", s.Name, err))
		default:
			warn(fmt.Sprintf("ignoring the certificate authorities of %s: %v", s.Name, err))
		}
	}
	return all.Write(dir)
}

// file is the bundle for clients that report a file which cannot be read when they are used.
func (a *authorities) file() string {
	file, err := a.bundle()
	if err != nil {
		return a.setting
	}
	return file
}

func (a *authorities) newClient() *http.Client {
	file, err := a.bundle()
	if err != nil {
		return &http.Client{Transport: unusable{err}}
	}
	transport, err := trust.Transport(file)
	if err != nil {
		return &http.Client{Transport: unusable{err}}
	}
	return &http.Client{Transport: transport}
}

// unusable is a transport that returns the error that it was made with.
type unusable struct{ err error }

func (u unusable) RoundTrip(*http.Request) (*http.Response, error) { return nil, u.err }
