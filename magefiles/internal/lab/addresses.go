package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
)

// A lab that is started again has its servers at the same addresses, so that settings of its users are still valid.

const addressesFile = "addresses.json"

// withAddresses is the home with the addresses of the last time, if they are free.
func (h Home) withAddresses() (Home, error) {
	if h.Dir == "" {
		return h, nil
	}
	text, err := os.ReadFile(filepath.Join(h.Dir, addressesFile))
	if errors.Is(err, fs.ErrNotExist) {
		return h, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &h.addresses)
	}
	if err != nil {
		return h, fmt.Errorf("read the addresses of the previous lab: %w", err)
	}
	for name, addr := range h.addresses {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			h.logf("%s gets a new address: %v", name, err)
			delete(h.addresses, name)
			continue
		}
		l.Close()
	}
	return h, nil
}

// rememberAddresses saves the addresses for the next time.
func (h Home) rememberAddresses(addresses map[string]string) error {
	if h.Dir == "" {
		return nil
	}
	return writeJSONAtomic(filepath.Join(h.Dir, addressesFile), addresses)
}
