package api_test

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/api"
)

// No answer may be taken by a browser for something that runs or is framed, errors
// least of all, since they quote what was asked.
func TestNothingRunsInABrowser(t *testing.T) {
	server := serve(t, newStage(), api.Config{Token: "secret"})
	bearer := []string{"Authorization", "Bearer secret"}
	for _, c := range []struct {
		path    string
		headers []string
	}{
		{"/v1/self", bearer}, {"/v1/self", nil}, {"/v1/<script>", bearer}, {"/v1/messages?after=<script>", bearer},
		{"/v1/messages?follow=false", bearer}, {"/v1/overlay", bearer}, {"/healthz", nil}, {"/readyz", nil}, {"/openapi.yaml", bearer},
	} {
		_, h, _ := ask(t, "GET", server.URL+c.path, "", c.headers...)
		if h.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: X-Content-Type-Options is %q, Content-Security-Policy %q", c.path, h.Get("X-Content-Type-Options"), h.Get("Content-Security-Policy"))
		}
	}
}

// Serve returns only when the requests that were under way have their answers.
func TestServeWaitsForAnswers(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := newSlowDisk()
	ended, answered := make(chan error, 1), make(chan int, 1)
	go func() {
		defer close(ended)
		ended <- api.NewServer(s, api.Config{Logger: slog.New(slog.DiscardHandler)}).Serve(ctx, l)
	}()
	go func() {
		status, _, _ := ask(t, "POST", "http://"+l.Addr().String()+"/v1/messages", "x")
		answered <- status
	}()
	<-s.sent
	cancel()
	select {
	case <-ended:
		t.Error("Serve returned while a request was under way")
	case <-time.After(200 * time.Millisecond):
	}
	close(s.synced)
	if status := <-answered; status != 201 {
		t.Errorf("the request was answered with %d", status)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
