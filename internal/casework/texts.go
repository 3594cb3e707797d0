package casework

import (
	"embed"
	"io/fs"
)

//go:embed texts/*.toml
var texts embed.FS

// Texts gives the catalogue files of this package.
func Texts() fs.FS { return texts }
