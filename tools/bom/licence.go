package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

// marks are words that a licence has and no other does. What has none of them
// is unknown, and refused: somebody has to read it.
var marks = []struct{ id, words string }{
	{"AGPL-3.0", "gnu affero general public license"},
	{"GPL", "gnu general public license"},
	{"LGPL", "gnu lesser general public license"},
	{"MPL-2.0", "mozilla public license version 2 0"},
	{"EPL", "eclipse public license"},
	{"SSPL", "server side public license"},
	{"BUSL-1.1", "business source license"},
	{"Apache-2.0", "apache license version 2 0"},
	{"MIT", "permission is hereby granted free of charge to any person obtaining a copy of this software and associated documentation files"},
	{"ISC", "permission to use copy modify and distribute this software for any purpose with or without fee is hereby granted provided that the above copyright notice and this permission notice appear in all copies"},
	{"0BSD", "permission to use copy modify and distribute this software for any purpose with or without fee is hereby granted the software is provided as is"},
	{"OFL-1.1", "sil open font license version 1 1"},
	{"Unlicense", "this is free and unencumbered software released into the public domain"},
	{"CC0-1.0", "cc0 1 0 universal"},
	{"blessing", "sqlite has been dedicated to the public domain by the authors"},
	{"Zlib", "this software is provided as is without any express or implied warranty in no event will the authors be held liable"},
}

// The licences of the BSD family begin with the same words; the third clause
// makes the difference.
var (
	bsd    = "redistribution and use in source and binary forms with or without modification are permitted"
	clause = regexp.MustCompile(`neither the names? of|names? of (the copyright holders?|its contributors|the authors?) may not be used`)
	advert = "all advertising materials mentioning features"
)

var notWord = regexp.MustCompile(`[^a-z0-9]+`)

// classify finds the licences in a text.
func classify(text string) (ids []string) {
	text = notWord.ReplaceAllString(strings.ToLower(text), " ")
	text = strings.ReplaceAll(text, "and or distribute", "and distribute") // ISC is written in both ways
	for _, m := range marks {
		if strings.Contains(text, m.words) {
			ids = append(ids, m.id)
		}
	}
	for i, part := range strings.Split(text, bsd) {
		switch {
		case i == 0: // what stands before the first
		case strings.Contains(part, advert):
			ids = append(ids, "BSD-4-Clause")
		case clause.MatchString(part):
			ids = append(ids, "BSD-3-Clause")
		default:
			ids = append(ids, "BSD-2-Clause")
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func licencesOf(name string) ([]string, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	ids := classify(string(text))
	if len(ids) == 0 {
		return nil, fmt.Errorf("%s: a licence that tools/bom/licence.go does not know; read it, then add its words there", name)
	}
	return ids, nil
}
