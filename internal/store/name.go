package store

import (
	"strings"

	"partnerlens/pkg/core"
)

const (
	longestSegment = 255 // the limit of file systems
	longestName    = 512 // the limit of S3 is 1,024, with the prefix
)

// checkName returns the error of an invalid name. It does not quote the name.
func checkName(name string) *core.Error {
	if name == "" || len(name) > longestName {
		return core.Invalid("name", "an object's name has 1 to %d bytes", longestName)
	}
	for segment := range strings.SplitSeq(name, "/") {
		if !isSegment(segment) {
			return core.Invalid("name", `an object's name is made of letters, digits and ._=- between single slashes, up to %d between two, without "." and ".."`, longestSegment)
		}
	}
	return nil
}

// checkPrefix returns the error of a prefix that no valid name begins with.
func checkPrefix(prefix string) *core.Error {
	folder, rest := "", prefix
	if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
		folder, rest = prefix[:i], prefix[i+1:]
		if err := checkName(folder); err != nil {
			return err
		}
	}
	if !isWord(rest) || len(prefix) > longestName {
		return core.Invalid("prefix", "a prefix is the beginning of an object's name")
	}
	return nil
}

func isSegment(text string) bool {
	return text != "" && text != "." && text != ".." && isWord(text)
}

func isWord(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '=', c == '-':
		default:
			return false
		}
	}
	return len(text) <= longestSegment
}
