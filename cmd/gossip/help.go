package main

import (
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// helpWidth is how wide the help is at most.
const helpWidth = 80

// flagGroup is flags that the help shows under one title.
type flagGroup struct {
	title string
	*pflag.FlagSet
}

func newGroup(title string) flagGroup {
	fs := pflag.NewFlagSet(title, pflag.ContinueOnError)
	fs.SortFlags = false
	return flagGroup{title, fs}
}

// addFlags gives a verb its flags, each with its environment variable, and the
// help that shows them.
func addFlags(cmd *cobra.Command, groups ...flagGroup) {
	for _, g := range groups {
		g.VisitAll(func(f *pflag.Flag) { f.Usage += " [" + variable(f) + "]" })
		cmd.Flags().AddFlagSet(g.FlagSet)
		g.VisitAll(func(f *pflag.Flag) {
			if choice, ok := f.Value.(choiceValue); ok {
				cmd.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(choice.words, cobra.ShellCompDirectiveNoFileComp))
			}
		})
	}
	cmd.Flags().BoolP("help", "h", false, "this help")
	cmd.SetUsageFunc(func(cmd *cobra.Command) error {
		var b strings.Builder
		fmt.Fprintf(&b, "Usage:\n  %s\n", cmd.UseLine())
		fmt.Fprintf(&b, "\nExamples:\n%s\n", cmd.Example)
		for _, g := range groups {
			fmt.Fprintf(&b, "\n%s:\n%s", g.title, g.FlagUsagesWrapped(helpWidth))
		}
		order := "A flag beats the\n  environment, the environment beats the default."
		if cmd.Flags().Lookup("config") != nil {
			order = "A flag beats the\n  environment, the environment beats the file of --config, and that the default."
		}
		fmt.Fprintf(&b, `
Environment:
  Each flag may be given as the variable in brackets instead. %s

Exit status:
  0 if all went well, 1 if something failed, 2 if it was called wrongly.
`, order)
		_, err := fmt.Fprint(cmd.OutOrStderr(), b.String())
		return err
	})
}

// release is the version of a binary that was built where there is no repository to tell,
// as for an image: -ldflags "-X main.release=v1.2.3".
var release string

// version is what the build knows of itself.
func version() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(unknown)"
	}
	return info.Main.Version
}
