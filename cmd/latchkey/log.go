package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
)

// newLog writes JSON lines. Secrets print as "[secret]" wherever they turn up;
// see latchkey.Secret.
func newLog(w io.Writer, level string) *slog.Logger {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		l = slog.LevelInfo
	}
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: l}))
}

// fileLog appends to a file that only its owner can read.
func fileLog(path, level string) (*slog.Logger, func(), error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("log: %w", err)
	}
	return newLog(f, level), func() { _ = f.Close() }, nil
}
