package repo

import (
	"fmt"
	"time"
)

// identity is who the logs of references say moved them, and when: this program did, whoever the commits' author is.
func (r *Repo) identity() string {
	now := time.Now()
	return fmt.Sprintf("blumeops <blumeops@localhost> %d %s", now.Unix(), now.Format("-0700"))
}
