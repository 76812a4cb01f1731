package registry

import (
	"context"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// reader is shared by all reads of one repository: a registry that gives out tokens is asked for one.
type reader struct {
	*remote.Puller
	acc *account
}

// reader returns the reader of a repository.
func (c *Client) reader(repository name.Repository) (*reader, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := repository.Scheme() + "://" + repository.Name()
	if r, ok := c.readers[key]; ok {
		return r, nil
	}
	acc := c.account()
	opts, err := c.remoteOptions(context.Background(), acc) // each read has a context of its own
	if err != nil {
		return nil, err
	}
	puller, err := remote.NewPuller(opts...)
	if err != nil {
		return nil, err
	}
	r := &reader{puller, acc}
	c.readers[key] = r
	return r, nil
}
