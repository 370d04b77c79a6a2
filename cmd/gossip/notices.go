package main

import (
	"context"
	"log/slog"
	"strings"
	"time"
)

// notices makes lines of a log, whatever its level, of lines that are for people, so that
// who reads one as JSON finds nothing else. Each is written at once.
type notices struct{ log slog.Handler }

func (n notices) Write(line []byte) (int, error) {
	r := slog.NewRecord(time.Now(), slog.LevelInfo, "notice", 0)
	r.AddAttrs(slog.String("text", strings.TrimSpace(string(line))))
	return len(line), n.log.Handle(context.Background(), r)
}
