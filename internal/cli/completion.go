package cli

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Run prints the script that completes commands in a shell.
func (c *completionCmd) Run(std streams) error {
	script, err := completionScripts.ReadFile("completion/partnerlens." + c.Shell)
	if err == nil {
		_, err = std.out.Write(script)
	}
	return err
}

// completionScripts ask the program for what may follow: a line for each candidate, with
// its help behind a tab.
//
//go:embed completion
var completionScripts embed.FS

// completeWordsCmd answers the scripts of completion.
type completeWordsCmd struct {
	Words []string `arg:"" optional:""`
}

// Run prints what the last word may be.
func (c *completeWordsCmd) Run(std streams, parsed *kong.Context) error {
	for _, candidate := range complete(parsed.Model.Node, c.Words) {
		_, _ = fmt.Fprintf(std.out, "%s\t%s\n", candidate[0], candidate[1])
	}
	return nil
}

// complete returns what the last of the words after the program's name may be, with help.
func complete(node *kong.Node, words []string) (candidates [][2]string) {
	last := ""
	if n := len(words); n > 0 {
		words, last = words[:n-1], words[n-1]
	}
	add := func(value, help string) {
		if strings.HasPrefix(value, last) {
			candidates = append(candidates, [2]string{value, help})
		}
	}
	var value *kong.Flag // the flag whose value the next word is
	argument, noFlags := 0, false
	for _, word := range words {
		isFlag := strings.HasPrefix(word, "-") && word != "-" && !noFlags
		child := slices.IndexFunc(node.Children, func(child *kong.Node) bool { return child.Name == word })
		switch {
		case value != nil:
			value = nil
		case isFlag:
			noFlags = word == "--"
			value = flagOf(node, word)
		case child >= 0:
			node, argument = node.Children[child], 0
		default:
			argument++
		}
	}
	name, _, assigned := strings.Cut(last, "=")
	switch flag := flagOf(node, name); {
	case value != nil:
		addEnum(add, "", value.Value)
	case assigned && flag != nil && !noFlags:
		addEnum(add, name+"=", flag.Value)
	case strings.HasPrefix(last, "-") && !noFlags:
		for _, group := range node.AllFlags(true) {
			for _, flag := range group {
				add("--"+flag.Name, flag.Help)
			}
		}
	default:
		for _, child := range node.Children {
			if !child.Hidden {
				add(child.Name, child.Help)
			}
		}
		if argument < len(node.Positional) {
			addEnum(add, "", node.Positional[argument])
		}
	}
	return candidates
}

// addEnum adds the values of a flag or an argument that has a closed list of them.
func addEnum(add func(value, help string), prefix string, v *kong.Value) {
	if v.Enum == "" {
		return
	}
	for _, value := range v.EnumSlice() {
		if value != "" {
			add(prefix+value, "")
		}
	}
}

// flagOf returns the flag of a word, as --output or -o, if it takes a value.
func flagOf(node *kong.Node, word string) *kong.Flag {
	for _, group := range node.AllFlags(true) {
		for _, flag := range group {
			if !flag.IsBool() && (word == "--"+flag.Name || flag.Short != 0 && word == "-"+string(flag.Short)) {
				return flag
			}
		}
	}
	return nil
}
