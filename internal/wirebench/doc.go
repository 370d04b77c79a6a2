// Package wirebench holds the format of package wire against Protocol Buffers with
// Google's runtime: the same messages, in one run.
//
//	go test ./internal/wirebench -run '^$' -bench . -benchmem -count 6
//
// docs/protocol.md, "Why not Protocol Buffers", has the result. It is a module of its
// own so that the library does not require Google's runtime. The generated code is
// made by protoc (Debian's protobuf-compiler, 3.21.12) and the protoc-gen-go that
// belongs to the runtime in go.mod:
//
//	go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
//	go generate ./internal/wirebench
package wirebench

//go:generate protoc --go_out=. --go_opt=paths=source_relative messages.proto
