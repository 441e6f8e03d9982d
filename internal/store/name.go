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
	i := strings.LastIndexByte(prefix, '/')
	if i >= 0 {
		if err := checkName(prefix[:i]); err != nil {
			return err
		}
	}
	if !isWord(prefix[i+1:]) || len(prefix) > longestName {
		return core.Invalid("prefix", "a prefix is the beginning of an object's name")
	}
	return nil
}

func isSegment(text string) bool {
	return text != "" && text != "." && text != ".." && isWord(text)
}

func isWord(text string) bool {
	return len(text) <= longestSegment && isOf(text, smallLetters+"ABCDEFGHIJKLMNOPQRSTUVWXYZ"+digits+"._=-")
}
