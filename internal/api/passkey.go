package api

import (
	"encoding/json"

	"github.com/danielgtaylor/huma/v2"
)

// Object is JSON of WebAuthn, handed on as it is: the browser and the library
// on the other side of the authority know what it means, the API does not. Nil
// leaves the member out.
type Object json.RawMessage

// MarshalJSON passes the bytes on.
func (o Object) MarshalJSON() ([]byte, error) { return json.RawMessage(o).MarshalJSON() }

// UnmarshalJSON keeps a copy: the reader uses its buffer again.
func (o *Object) UnmarshalJSON(text []byte) error { return (*json.RawMessage)(o).UnmarshalJSON(text) }

// Schema says no more than that it is an object.
func (Object) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeObject, AdditionalProperties: true,
		Description: "An object of the Web Authentication API, in the JSON form of its Level 3.",
		Examples:    []any{map[string]any{}},
	}
}

// Prompt is what the browser needs to ask for a passkey; exactly one is there.
type Prompt struct {
	Create Object `json:"create,omitempty" doc:"To enrol: PublicKeyCredential.parseCreationOptionsFromJSON() takes it for navigator.credentials.create()."`
	Get    Object `json:"get,omitempty" doc:"To prove: PublicKeyCredential.parseRequestOptionsFromJSON() takes it for navigator.credentials.get()."`
}
