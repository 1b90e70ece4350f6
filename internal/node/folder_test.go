package node_test

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/node"
)

// The mistake: two spellings of one database that are taken for two, two that
// are taken for one, or a password in a name that is sent and printed.
func TestADatabaseIsNamedWithoutWhoUsesIt(t *testing.T) {
	for url, want := range map[string]string{
		"": "sqlite:/data/latchkey.db", "sqlite:/x/y.db": "sqlite:/x/y.db", "sqlite:///x/y.db": "sqlite:/x/y.db", "/x/../y.db": "sqlite:/y.db",
		"postgres://u:secret@db.example:5432/keys?sslmode=require": "postgres://db.example/keys",
		"postgresql://db.example/keys":                             "postgres://db.example/keys",
		"postgres://u:secret@db.example:5433/keys":                 "postgres://db.example:5433/keys",
		"postgres:///keys?host=/run/pg&password=secret":            "postgres:///run/pg/keys",
		"postgres://db.example?user=u&dbname=keys":                 "postgres://db.example/keys",
		"postgres://u:sec%ret@db.example/keys":                     "a URL that cannot be read",
	} {
		if got := (node.StoreConfig{DataDir: "/data", DatabaseURL: url}).Name(); got != want {
			t.Errorf("%s is named %s, want %s", url, got, want)
		}
	}
}

// The door makes nothing, waits for nobody, and lets others in when it closes.
func TestTheDoorIsForOneAtATime(t *testing.T) {
	c := node.StoreConfig{DataDir: t.TempDir()}
	if _, _, err := node.OpenDoor(t.Context(), c); latchkey.Code(err) != "no_data" {
		t.Fatalf("where nothing is: %v", err)
	}
	if err := node.Migrate(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, closeDoor, err := node.OpenDoor(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := node.OpenDoor(t.Context(), c); !errors.Is(err, node.ErrBusy) {
			t.Errorf("a second door: %v", err)
		}
		if _, err := node.Start(t.Context(), node.Config{Store: c, Now: time.Now, Log: slog.New(slog.DiscardHandler)}); !errors.Is(err, node.ErrBusy) {
			t.Errorf("a server beside a door: %v", err)
		}
		if err := closeDoor(); err != nil {
			t.Fatal(err)
		}
	}
}
