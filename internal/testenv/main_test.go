package testenv_test

import (
	"os"
	"testing"

	"latchkey"
	"latchkey/internal/authority"
	"latchkey/internal/testenv"
	"latchkey/internal/testenv/postgres"
)

var server *postgres.Server

func TestMain(m *testing.M) {
	os.Exit(postgres.Main(m, func(s *postgres.Server) { server = s }))
}

var (
	readTrade = latchkey.NewPermissions(latchkey.Trade)
	readOnly  = authority.NewKey{Permissions: latchkey.NewPermissions()}
)

// onBothEngines runs a test on SQLite and on PostgreSQL.
func onBothEngines(t *testing.T, run func(t *testing.T, o testenv.Options)) {
	t.Run("sqlite", func(t *testing.T) { run(t, testenv.Options{}) })
	t.Run("postgresql", func(t *testing.T) { run(t, testenv.Options{Database: server.Database(t)}) })
}
