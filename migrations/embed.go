// Package migrations holds the schema: numbered SQL files without gaps, each
// beginning with why it is there. They go forward only; a mistake is put
// right by the next number.
package migrations

import "embed"

// FS is what goose runs, in the order of the numbers.
//
//go:embed *.sql
var FS embed.FS
