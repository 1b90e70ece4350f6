package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLicencesAreToldFromTheirTexts(t *testing.T) {
	const (
		mit    = "Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated\n// documentation files (the \"Software\")"
		two    = "Redistribution and use in source and binary forms, with or without modification, are permitted provided that:"
		three  = two + " ... Neither the name of X nor the names of its contributors may be used"
		gplTwo = "GNU GENERAL PUBLIC LICENSE\nVersion 2"
	)
	for text, want := range map[string]string{
		mit: "MIT", two: "BSD-2-Clause", three: "BSD-3-Clause", mit + three: "BSD-3-Clause MIT", three + two: "BSD-2-Clause BSD-3-Clause",
		"Apache License\n   Version 2.0, January 2004": "Apache-2.0",
		gplTwo: "GPL",
		"All rights reserved. You may look at it.":             "",
		"GNU AFFERO GENERAL PUBLIC LICENSE":                    "AGPL-3.0",
		two + " All advertising materials mentioning features": "BSD-4-Clause",
	} {
		if got := strings.Join(classify(text), " "); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

// A part of the program comes under another licence with a new version.
func TestALicenceThatIsNotAllowedFails(t *testing.T) {
	text, err := os.ReadFile("../licences.txt")
	if err != nil {
		t.Fatal(err)
	}
	allowed := readAllowed(string(text))
	for _, c := range []struct {
		part Part
		ok   bool
	}{
		{Part{Name: "a", Licences: []string{"MIT"}}, true},
		{Part{Name: "a", Licences: []string{"MIT", "GPL"}}, false},
		{Part{Name: "a"}, false},
		{Part{Name: "a", Licences: []string{"OFL-1.1"}}, false},
		{Part{Name: "@fontsource-variable/inter", Licences: []string{"OFL-1.1"}}, true},
	} {
		if err := list(&bytes.Buffer{}, []Part{c.part}, allowed); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c.part, err)
		}
	}
}

func TestAnUnknownLicenceFails(t *testing.T) {
	name := filepath.Join(t.TempDir(), "LICENSE")
	if err := os.WriteFile(name, []byte("You may look at it."), 0o600); err != nil {
		t.Fatal(err)
	}
	if ids, err := licencesOf(name); err == nil {
		t.Errorf("it was taken for %v", ids)
	}
	if _, err := stated(filepath.Dir(name), "MIT"); err == nil {
		t.Error("the author's word is believed against the file")
	}
}

func TestAPackageThatIsNotLockedFails(t *testing.T) {
	place := t.TempDir()
	if err := os.MkdirAll(filepath.Join(place, "web/node_modules"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"web/node_modules/.latchkey-packages": "node_modules/a\nnode_modules/b\n",
		"web/package-lock.json":               `{"packages":{"node_modules/a":{"version":"1.0.0","integrity":"sha512-` + strings.Repeat("A", 86) + `==","license":"MIT"}}}`,
	} {
		if err := os.WriteFile(filepath.Join(place, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := npmPackages(place); err == nil || !strings.Contains(err.Error(), "node_modules/b") {
		t.Errorf("it says %v", err)
	}
}

func TestTheBillOfMaterialsIsTheSameEachTime(t *testing.T) {
	parts := []Part{
		{Kind: "golang", Name: "example.org/m", Version: "v1.2.3+incompatible", Licences: []string{"MIT"}},
		{Kind: "npm", Name: "@scope/name", Version: "1.0.0", SHA512: "ab", Licences: []string{"MIT"}},
	}
	var one, two bytes.Buffer
	for _, w := range []*bytes.Buffer{&one, &two} {
		if err := writeSBOM(w, component{Type: "application", Ref: "latchkey", Name: "latchkey"}, parts); err != nil {
			t.Fatal(err)
		}
	}
	var d document
	if err := json.Unmarshal(one.Bytes(), &d); err != nil || one.String() != two.String() || len(d.Components) != 2 || len(d.Dependencies[0].On) != 2 {
		t.Fatalf("%v\n%s", err, one.String())
	}
	if d.Components[0].URL != "pkg:golang/example.org/m@v1.2.3%2Bincompatible" || d.Components[1].URL != "pkg:npm/%40scope/name@1.0.0" {
		t.Errorf("%s, %s", d.Components[0].URL, d.Components[1].URL)
	}
}
