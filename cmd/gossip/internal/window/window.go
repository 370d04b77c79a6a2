// Package window serves the web page that shows a node and its overlay. What the page
// shows comes from the HTTP API, which has to be at the same origin under /v1/.
//
// The page is built by `make window` (the npm project in cmd/gossip/window) into
// dist/app, which is not committed: it holds code of third parties. A binary built
// without it serves a plain page that says so.
//
// The page and the API share an origin, so whatever ran in the page could do what the
// API can. Therefore the policy below lets nothing run or load but files from here.
package window

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

// all: takes files that begin with a dot too, so that an empty dist/app embeds.
//
//go:embed all:dist
var dist embed.FS

//go:embed plain.html
var plain []byte

// Policy is the content security policy of every answer. Nothing is inline; styles are
// set by scripts through the DOM only, which style-src does not forbid.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
	"worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Built tells whether this binary holds the page.
func Built() bool { return built(dist) }

func built(files fs.FS) bool {
	_, err := fs.Stat(files, "dist/app/index.html")
	return err == nil
}

// Handler serves the page at / and its files below /assets/.
func Handler() http.Handler { return handler(dist) }

// file is one of the page as it is sent.
type file struct {
	plain, gzipped []byte
	kind, tag      string
	forever        bool
}

// handler reads everything once: what is embedded does not change.
func handler(files fs.FS) http.Handler {
	served := map[string]file{}
	if built(files) {
		served = load(files)
	} else {
		served["/"] = newFile("plain.html", plain, nil)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protect(w.Header())
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
			return
		}
		f, ok := served[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		f.serve(w, r)
	})
}

func load(files fs.FS) map[string]file {
	served := map[string]file{}
	// Nothing in an embed.FS fails to be read, and a file that did would be missing.
	_ = fs.WalkDir(files, "dist/app", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(name, ".gz") {
			return err
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		gzipped, err := fs.ReadFile(files, name+".gz")
		if err != nil {
			gzipped = nil
		}
		at := strings.TrimPrefix(name, "dist/app")
		f := newFile(name, data, gzipped)
		f.forever = strings.HasPrefix(at, "/assets/") // their names hold a hash of what is in them
		if at == "/index.html" {
			at = "/"
		}
		served[at] = f
		return nil
	})
	return served
}

// kinds are stated here: mime.TypeByExtension asks the machine, which may know better.
var kinds = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".svg":  "image/svg+xml",
	".txt":  "text/plain; charset=utf-8",
}

func newFile(name string, data, gzipped []byte) file {
	kind := kinds[path.Ext(name)]
	if kind == "" {
		kind = mime.TypeByExtension(path.Ext(name))
	}
	if kind == "" {
		kind = "application/octet-stream"
	}
	sum := sha256.Sum256(data)
	return file{plain: data, gzipped: gzipped, kind: kind, tag: base64.RawURLEncoding.EncodeToString(sum[:12])}
}

func (f file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.kind)
	if f.forever {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		h.Set("Cache-Control", "no-cache")
	}
	data, tag := f.plain, f.tag
	if f.gzipped != nil {
		h.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r.Header.Get("Accept-Encoding")) {
			h.Set("Content-Encoding", "gzip")
			data, tag = f.gzipped, f.tag+"-gz"
		}
	}
	h.Set("ETag", `"`+tag+`"`)
	http.ServeContent(w, r, "", time.Time{}, readSeeker(data))
}

func readSeeker(data []byte) io.ReadSeeker { return bytes.NewReader(data) }

// acceptsGzip reads Accept-Encoding as far as browsers use it.
func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			weight = strings.ReplaceAll(weight, " ", "")
			return !strings.HasPrefix(weight, "q=0") || strings.Trim(weight, "q=0.") != ""
		}
	}
	return false
}

func protect(h http.Header) {
	h.Set("Content-Security-Policy", Policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "DENY") // for browsers that do not know frame-ancestors
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), usb=()")
}
