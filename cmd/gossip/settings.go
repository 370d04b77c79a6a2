package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// What a flag's value comes from, the first that there is: the command line, its
// environment variable, the file of --config, its default.

// maxSettings bounds a file of settings, in bytes.
const maxSettings = 1 << 20

// variable is the name of a flag's environment variable.
func variable(f *pflag.Flag) string {
	return "GOSSIP_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
}

// settle sets the flags that were not given from the environment, and those that are
// not there either from the file of --config, if the verb has one.
func settle(cmd *cobra.Command) error {
	if err := fromEnvironment(cmd); err != nil {
		return err
	}
	if f := cmd.Flags().Lookup("config"); f != nil && f.Value.String() != "" {
		return fromFile(cmd.Flags(), f.Value.String())
	}
	return nil
}

// fromEnvironment sets the flags that were not given from their variables. An
// empty variable counts as not set.
func fromEnvironment(cmd *cobra.Command) error {
	var err error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		value := os.Getenv(variable(f))
		if f.Changed || f.Name == "help" || value == "" || err != nil {
			return
		}
		if setErr := cmd.Flags().Set(f.Name, value); setErr != nil {
			err = fmt.Errorf("environment variable %s: %w", variable(f), setErr)
		} else {
			err = cmd.Flags().SetAnnotation(f.Name, fromEnv, []string{value})
		}
	})
	return err
}

// fromEnv annotates a flag whose value is that of its variable.
const fromEnv = "from the environment"

func fromVariable(f *pflag.Flag) bool { return f.Annotations[fromEnv] != nil }

// fromFile sets the flags that were not given from a file.
func fromFile(flags *pflag.FlagSet, file string) error {
	settings, err := readSettings(flags, file)
	if err != nil {
		return err
	}
	for _, s := range settings {
		if f := flags.Lookup(s.name); f.Changed {
			continue
		}
		if err := s.set(flags); err != nil {
			return fmt.Errorf("--config: %s: %w", file, err)
		}
		if err := flags.SetAnnotation(s.name, fromConfig, s.values); err != nil {
			return err
		}
	}
	return nil
}

// fromConfig annotates a flag whose value is that of the file, with what that says.
const fromConfig = "from --config"

// changedSettings reads a file again and returns what it says of flags that are not
// given otherwise, where that is not what it said when it was read last. What it does
// not say any more has no values.
func changedSettings(flags *pflag.FlagSet, file string) (changed []setting, err error) {
	settings, err := readSettings(flags, file)
	if err != nil {
		return nil, err
	}
	said := make(map[string]bool)
	for _, s := range settings {
		said[s.name] = true
		f := flags.Lookup(s.name)
		before, isFiles := f.Annotations[fromConfig]
		if (isFiles || !f.Changed) && !slices.Equal(before, s.values) {
			changed = append(changed, s)
		}
	}
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Annotations[fromConfig] != nil && !said[f.Name] {
			changed = append(changed, setting{name: f.Name})
		}
	})
	return changed, nil
}

// setting is a flag with what a file says of it.
type setting struct {
	name   string
	values []string // several for a list
}

func (s setting) set(flags *pflag.FlagSet) error {
	f := flags.Lookup(s.name)
	if list, ok := f.Value.(pflag.SliceValue); ok {
		f.Changed = true
		if err := list.Replace(s.values); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		return nil
	}
	return flags.Set(s.name, s.values[0])
}

// readSettings reads a file of TOML whose keys are flags without their dashes.
func readSettings(flags *pflag.FlagSet, file string) ([]setting, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("--config: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSettings+1))
	if err != nil {
		return nil, fmt.Errorf("--config: %w", err)
	}
	if len(text) > maxSettings {
		return nil, fmt.Errorf("--config: %s: more than %d bytes", file, maxSettings)
	}
	var table map[string]any
	if err := toml.Unmarshal(text, &table); err != nil {
		if syntax := (*toml.DecodeError)(nil); errors.As(err, &syntax) {
			line, column := syntax.Position()
			return nil, fmt.Errorf("--config: %s: line %d, column %d: %w", file, line, column, err)
		}
		return nil, fmt.Errorf("--config: %s: %w", file, err)
	}
	var settings []setting
	for name, value := range table {
		s := setting{name: name}
		if f := flags.Lookup(name); f == nil || slices.Contains(notSettings, name) {
			return nil, fmt.Errorf("--config: %s: %q is not a setting, allowed: %s", file, name, strings.Join(settingNames(flags), ", "))
		} else if _, isList := f.Value.(pflag.SliceValue); !isList {
			s.values, err = oneValue(value)
		} else {
			s.values, err = manyValues(value)
		}
		if err != nil {
			return nil, fmt.Errorf("--config: %s: %s: %w", file, name, err)
		}
		settings = append(settings, s)
	}
	slices.SortFunc(settings, func(a, b setting) int { return strings.Compare(a.name, b.name) })
	return settings, nil
}

// notSettings are flags that only the command line has.
var notSettings = []string{"config", "print-config", "help"}

func settingNames(flags *pflag.FlagSet) (names []string) {
	flags.VisitAll(func(f *pflag.Flag) {
		if !slices.Contains(notSettings, f.Name) {
			names = append(names, f.Name)
		}
	})
	return names
}

func oneValue(value any) ([]string, error) {
	switch v := value.(type) {
	case string:
		return []string{v}, nil
	case bool, int64, float64:
		return []string{fmt.Sprint(v)}, nil
	}
	return nil, errors.New("allowed: a string, a number or a boolean")
}

func manyValues(value any) ([]string, error) {
	list, isList := value.([]any)
	if !isList {
		if text, isText := value.(string); isText {
			if text == "" {
				return nil, nil
			}
			return strings.Split(text, ","), nil
		}
		return nil, errors.New("allowed: a list of strings")
	}
	var values []string
	for _, v := range list {
		text, isText := v.(string)
		if !isText {
			return nil, errors.New("allowed: a list of strings")
		}
		values = append(values, text)
	}
	return values, nil
}

// printSettings writes what the flags are set to as a file that --config reads.
func printSettings(w io.Writer, flags *pflag.FlagSet) error {
	var b bytes.Buffer
	var err error
	flags.VisitAll(func(f *pflag.Flag) {
		if err != nil || slices.Contains(notSettings, f.Name) {
			return
		}
		var value any = f.Value.String()
		switch list, isList := f.Value.(pflag.SliceValue); {
		case isList:
			value = append([]string{}, list.GetSlice()...)
		case f.Value.Type() == "bool":
			value = f.Value.String() == "true"
		}
		var line []byte
		if line, err = toml.Marshal(map[string]any{f.Name: value}); err != nil {
			return
		}
		if !f.Changed {
			b.WriteString("# ") // it is the default
		}
		b.Write(line)
	})
	if err != nil {
		return err
	}
	_, err = w.Write(b.Bytes())
	return err
}
