package docsrelease

import (
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/changelog"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/scratch"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// releasing is the state of one run of Release.
type releasing struct {
	Release
	request request
	races   int // pushes that were lost to other clients

	// The state that was found in this round.
	heads    vcs.Heads
	newest   newest
	gaps     []string
	decision decision

	// Of the version that is made.
	noted   *changelog.Result
	receipt string // name of the file that describes its build
	archive archive
	built   string      // file on this machine; "" if an earlier build is used
	temp    scratch.Dir // folder of that file
	changes []vcs.Change
	tag     string // the tag's object

	d      delivery // of the version to finish
	result Released
}

// archive is a file of the package, as described in a receipt.
type archive struct {
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
}

func (a archive) sum() vcs.Sum { return vcs.Sum{SHA256: a.SHA256, Size: a.Size} }

func (r *releasing) close() error {
	return r.temp.Remove()
}

// newest is the state of the newest version.
type newest struct {
	version, commit string // "" if there is none
	pin             pin
	own             bool // it was made by docs:release, so it can be finished
	live            bool // the branch's manifest names it: it was not rolled back
}
