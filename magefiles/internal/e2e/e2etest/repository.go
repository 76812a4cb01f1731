package e2etest

import _ "embed"

// repository is what tests run mage in.
//
//go:embed repo.txtar
var repository []byte
