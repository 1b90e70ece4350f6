// Package web holds the built console. The files are made by `npm run build`
// in this folder; a clone without Node has only dist/.gitkeep, so the program
// builds without them and serves a page that says how to get them.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Dist returns the built console with index.html at its root. Every other
// file but the icon has a hash of its content in its name. index.html holds
// the text NONCE_PLACEHOLDER, which is to be replaced for each response by the
// nonce of its Content-Security-Policy. Without a build there is no index.html.
func Dist() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic("web: " + err.Error()) // the name above is a valid path
	}
	return sub
}
