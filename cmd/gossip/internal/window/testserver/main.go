// Command testserver serves the window as an agent does, with an API that is somewhere
// else: for the browser tests and for work on the page.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/window"
)

func main() {
	log.SetFlags(0)
	listen := flag.String("listen", "127.0.0.1:0", "address to serve on")
	api := flag.String("api", "http://127.0.0.1:7999", "where the API is, whose paths begin with /v1/")
	flag.Parse()
	target, err := url.Parse(*api)
	if err != nil {
		log.Fatalf("testserver: -api: %v", err)
	}
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatalf("testserver: %v", err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		FlushInterval: -1, // streams are passed on as they come
		ErrorLog:      log.New(discard{}, "", 0),
	}
	mux := http.NewServeMux()
	mux.Handle("/v1/", proxy)
	mux.Handle("/", window.Handler())
	fmt.Printf("http://%s\n", l.Addr())
	log.Fatalf("testserver: %v", http.Serve(l, mux))
}

// discard drops what the proxy says when a test cuts its connection.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
