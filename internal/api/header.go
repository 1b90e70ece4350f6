package api

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
)

// closedPolicy is for answers that a browser shows nothing of.
const closedPolicy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// permissionsOff switches off what no page here uses. Writing to the clipboard
// stays: the console copies ids and secrets. So do passkeys. Features that
// browsers do not know by a policy are left out: each would be a warning in the
// browser's console.
var permissionsOff = strings.Join([]string{
	"accelerometer=()", "autoplay=()", "browsing-topics=()", "camera=()", "clipboard-read=()",
	"display-capture=()", "encrypted-media=()", "fullscreen=()", "gamepad=()", "geolocation=()", "gyroscope=()",
	"hid=()", "idle-detection=()", "local-fonts=()", "magnetometer=()", "microphone=()", "midi=()", "payment=()",
	"picture-in-picture=()", "screen-wake-lock=()", "serial=()", "storage-access=()", "usb=()",
	"xr-spatial-tracking=()",
}, ", ")

// setHeaders sets what holds for every answer. They start closed: a page that
// shows something opens just that.
func (s *server) setHeaders(h http.Header) {
	h.Set("Content-Security-Policy", closedPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", permissionsOff)
	h.Set("Cache-Control", "no-store")
	if s.Secure {
		h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains") // ASVS 3.4.1
	}
}

// pagePolicy allows exactly one style sheet, by its hash, and nothing else.
func pagePolicy(style string) string {
	sum := sha256.Sum256([]byte(style))
	return closedPolicy + "; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
