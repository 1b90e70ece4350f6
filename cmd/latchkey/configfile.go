package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"
)

// configFile resolves flags from the YAML file of --config: the flag's name,
// without dashes in front, is the member's name. The order is flag, then
// environment, then file, then default.
type configFile struct{}

// Validate has nothing to do: which file it is, is known only when the command
// line was read. See onlyKnown.
func (configFile) Validate(app *kong.Application) error { return nil }

// Resolve looks one flag up.
func (configFile) Resolve(ctx *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if flag.Name == "config" || fromEnvironment(flag) {
		return nil, nil
	}
	path := configPath(ctx)
	if path == "" {
		return nil, nil
	}
	values, err := readConfig(path)
	if err != nil {
		return nil, err
	}
	if err := onlyKnown(path, values, ctx); err != nil {
		return nil, err
	}
	value, ok := values[flag.Name]
	if !ok {
		return nil, nil
	}
	if list, ok := value.([]any); ok {
		parts := make([]string, len(list))
		for i, v := range list {
			parts[i] = fmt.Sprint(v)
		}
		return strings.Join(parts, ","), nil
	}
	return value, nil
}

func fromEnvironment(flag *kong.Flag) bool {
	for _, name := range flag.Envs {
		if _, set := os.LookupEnv(name); set {
			return true
		}
	}
	return false
}

// configPath finds the value of --config on the parsed command line.
func configPath(ctx *kong.Context) string {
	for _, p := range ctx.Path {
		if p.Flag != nil && p.Flag.Name == "config" {
			return fmt.Sprint(ctx.FlagValue(p.Flag))
		}
	}
	return os.Getenv("LATCHKEY_CONFIG")
}

func readConfig(path string) (map[string]any, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, usagef("--config: %w", err)
	}
	values := map[string]any{}
	if err := yaml.Unmarshal(text, &values); err != nil {
		return nil, usagef("--config %s: %v", path, yaml.FormatError(err, false, false))
	}
	return values, nil
}

// onlyKnown refuses what is no setting of any command: a misspelled one must
// not silently be the default. One file may serve several commands.
func onlyKnown(path string, values map[string]any, ctx *kong.Context) error {
	known := map[string]bool{}
	for _, command := range ctx.Model.Leaves(false) {
		for _, group := range command.AllFlags(false) {
			for _, f := range group {
				known[f.Name] = true
			}
		}
	}
	for name := range values {
		if !known[name] || name == "config" {
			return usagef("--config %s: %q is no setting; `latchkey serve --help` lists them", path, name)
		}
	}
	return nil
}
