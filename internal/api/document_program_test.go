package api

import "testing"

// What `latchkey openapi` prints must be what a server serves, or clients are
// made of something else.
func TestTheDocumentOfTheProgramIsTheServersOwn(t *testing.T) {
	served := call{target: "GET /openapi.json"}.do(New(config(t, &stub{}))).Body.String()
	if got := string(Document()); got != served || len(got) < 10_000 {
		t.Errorf("%d bytes are printed, %d served", len(got), len(served))
	}
}
