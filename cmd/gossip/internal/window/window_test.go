package window

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

func zipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const script = "console.log(1)"

func page(t *testing.T) fs.FS {
	return fstest.MapFS{
		"dist/README":                  {Data: []byte("not served")},
		"dist/app/index.html":          {Data: []byte("<title>page</title>")},
		"dist/app/assets/a-1f3.js":     {Data: []byte(script)},
		"dist/app/assets/a-1f3.js.gz":  {Data: zipped(t, script)},
		"dist/app/assets/icon-77a.svg": {Data: []byte("<svg/>")},
	}
}

func ask(h http.Handler, method, path string, header ...string) *http.Response {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func text(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestWhatIsServed(t *testing.T) {
	h := handler(page(t))
	for _, c := range []struct {
		path, kind, cache string
		status            int
	}{
		{"/", "text/html; charset=utf-8", "no-cache", 200},
		{"/assets/a-1f3.js", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable", 200},
		{"/assets/icon-77a.svg", "image/svg+xml", "public, max-age=31536000, immutable", 200},
		{"/index.html", "", "", 404}, // it has one name
		{"/README", "", "", 404},
		{"/assets/", "", "", 404},            // no listing
		{"/assets/a-1f3.js.gz", "", "", 404}, // only as an encoding of the other
		{"/../dist/README", "", "", 404},
	} {
		r := ask(h, "GET", c.path)
		if r.StatusCode != c.status {
			t.Errorf("%s: status %d, want %d", c.path, r.StatusCode, c.status)
		}
		if c.status == 200 && (r.Header.Get("Content-Type") != c.kind || r.Header.Get("Cache-Control") != c.cache) {
			t.Errorf("%s: %q, %q; want %q, %q", c.path, r.Header.Get("Content-Type"), r.Header.Get("Cache-Control"), c.kind, c.cache)
		}
	}
}

// TestEveryAnswerIsProtected: also those that say no, which a browser shows too.
func TestEveryAnswerIsProtected(t *testing.T) {
	for _, files := range []fs.FS{page(t), fstest.MapFS{}} {
		h := handler(files)
		for _, r := range []*http.Response{ask(h, "GET", "/"), ask(h, "GET", "/none"), ask(h, "POST", "/"), ask(h, "HEAD", "/")} {
			for name, want := range map[string]string{
				"Content-Security-Policy": Policy,
				"X-Content-Type-Options":  "nosniff",
				"Referrer-Policy":         "no-referrer",
				"X-Frame-Options":         "DENY",
			} {
				if got := r.Header.Get(name); got != want {
					t.Errorf("status %d: %s is %q, want %q", r.StatusCode, name, got, want)
				}
			}
		}
	}
}

func TestThePolicyAllowsNothingInlineAndNothingFromOutside(t *testing.T) {
	for _, directive := range strings.Split(Policy, "; ") {
		name, sources, _ := strings.Cut(directive, " ")
		if sources != "'self'" && sources != "'none'" {
			t.Errorf("%s allows %s", name, sources)
		}
	}
	for _, must := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(Policy, must) {
			t.Errorf("the policy lacks %s", must)
		}
	}
}

func TestCompressedForWhoeverTakesIt(t *testing.T) {
	h := handler(page(t))
	for _, c := range []struct {
		accepts string
		zipped  bool
	}{
		{"gzip, deflate, br", true}, {"br, GZIP;q=0.5", true},
		{"", false}, {"br", false}, {"gzip;q=0", false}, {"gzip; q=0.0", false}, {"x-gzip", false},
	} {
		r := ask(h, "GET", "/assets/a-1f3.js", "Accept-Encoding", c.accepts)
		if got := r.Header.Get("Content-Encoding") == "gzip"; got != c.zipped {
			t.Errorf("Accept-Encoding %q: compressed is %v, want %v", c.accepts, got, c.zipped)
		}
		if r.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("Accept-Encoding %q: no Vary, so that a cache would mix the two up", c.accepts)
		}
		body := text(t, r)
		if c.zipped {
			z, err := gzip.NewReader(strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(z)
			if err != nil {
				t.Fatal(err)
			}
			body = string(b)
		}
		if body != script {
			t.Errorf("Accept-Encoding %q: got %q", c.accepts, body)
		}
	}
}

func TestWhatIsKnownIsNotSentAgain(t *testing.T) {
	h := handler(page(t))
	first := ask(h, "GET", "/")
	tag := first.Header.Get("ETag")
	if r := ask(h, "GET", "/", "If-None-Match", tag); tag == "" || r.StatusCode != http.StatusNotModified {
		t.Errorf("asked again with ETag %q: status %d, want 304", tag, r.StatusCode)
	}
	plain, zip := ask(h, "GET", "/assets/a-1f3.js"), ask(h, "GET", "/assets/a-1f3.js", "Accept-Encoding", "gzip")
	if plain.Header.Get("ETag") == zip.Header.Get("ETag") {
		t.Error("two encodings have the same ETag")
	}
}

func TestOnlyReading(t *testing.T) {
	h := handler(page(t))
	if r := ask(h, "POST", "/"); r.StatusCode != http.StatusMethodNotAllowed || r.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: status %d, Allow %q", r.StatusCode, r.Header.Get("Allow"))
	}
	if r := ask(h, "HEAD", "/"); r.StatusCode != 200 || text(t, r) != "" {
		t.Errorf("HEAD: status %d with a body", r.StatusCode)
	}
}

// TestWithoutTheBundle: a plain page says how to build it, and obeys the same policy.
func TestWithoutTheBundle(t *testing.T) {
	r := ask(handler(fstest.MapFS{"dist/README": {}}), "GET", "/")
	body := text(t, r)
	if r.StatusCode != 200 || !strings.Contains(body, "make window") {
		t.Errorf("status %d, and it does not say how to build the page: %s", r.StatusCode, body)
	}
	if inline.MatchString(body) {
		t.Errorf("the plain page has what its policy forbids: %s", inline.FindString(body))
	}
}

var inline = regexp.MustCompile(`(?i)<style|<script[^>]*>[^<]|\sstyle=|\son\w+=|https?://`)

// TestTheBuiltPage looks at what is really embedded, if something is.
func TestTheBuiltPage(t *testing.T) {
	if !Built() {
		t.Skip("not built: make window")
	}
	body := text(t, ask(Handler(), "GET", "/"))
	if inline.MatchString(body) {
		t.Errorf("the page has what its policy forbids: %s", inline.FindString(body))
	}
	if r := ask(Handler(), "GET", "/licenses.txt"); r.StatusCode != 200 || !strings.Contains(text(t, r), "preact") {
		t.Errorf("the licences of what is embedded: status %d", r.StatusCode)
	}
	sources := regexp.MustCompile(`(?:src|href)="\./(assets/[^"]+)"`).FindAllStringSubmatch(body, -1)
	if len(sources) < 3 {
		t.Errorf("the page names %d files, want a script, a style sheet and an icon", len(sources))
	}
	for _, s := range sources {
		if r := ask(Handler(), "GET", "/"+s[1]); r.StatusCode != 200 {
			t.Errorf("the page names %s, which answers %d", s[1], r.StatusCode)
		}
	}
}
