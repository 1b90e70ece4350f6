package store_test

import (
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"latchkey/internal/seal"
	"latchkey/internal/store"
)

// The mistake: something else listens where PostgreSQL should, or a server that
// was taken over. Five bytes of it say that a message of 1 GB follows, and the
// process would make room for it on each of its connections: one with a limit
// of memory is killed for it, and with it the gateway.
func TestAServerThatTalksNonsenseTakesNoMemory(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for conn, err := ln.Accept(); err == nil; conn, err = ln.Accept() {
			// An answer about who may sign in, of almost 1 GB.
			_, _ = io.WriteString(conn, "R\x3f\xff\xff\x00")
			_ = conn.(*net.TCPConn).CloseWrite()
			_, _ = io.Copy(io.Discard, conn)
			_ = conn.Close()
		}
	}()
	box, err := seal.LoadOrMake(filepath.Join(t.TempDir(), "keyset.json"))
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s, err := store.Open(t.Context(), store.Config{
		URL: "postgres://latchkey@" + ln.Addr().String() + "/latchkey?sslmode=disable", Seal: box,
		Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	runtime.ReadMemStats(&after)
	if err == nil {
		_ = s.Close()
		t.Fatal("it was taken for PostgreSQL")
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 512<<20 {
		t.Errorf("%d MB were taken for 5 bytes", took>>20)
	}
}
