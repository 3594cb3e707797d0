package links

import (
	"embed"
	"io/fs"
)

//go:embed texts/*.toml
var catalogue embed.FS

// CatalogueFiles gives the catalogue files of this package.
func CatalogueFiles() fs.FS { return catalogue }
