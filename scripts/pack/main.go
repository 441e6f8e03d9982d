// Command pack makes a zip of executables whose bytes depend on them
// alone: no times, no owner, a fixed mode. The platforms' archives must carry the
// mode, which zip tools on some systems leave out.
//
//	pack OUT.zip [NAME=]EXECUTABLE…
//
// NAME is what it is called in the archive: its own name unless given.
package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: pack OUT.zip [NAME=]EXECUTABLE…")
		os.Exit(2)
	}
	if err := pack(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

func pack(archive string, executables []string) error {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, executable := range executables {
		name, path, named := strings.Cut(executable, "=")
		if !named {
			name, path = filepath.Base(executable), executable
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		header := &zip.FileHeader{Name: name, Method: zip.Deflate}
		header.SetMode(0o755)
		entry, err := z.CreateHeader(header)
		if err != nil {
			return err
		}
		if _, err := entry.Write(text); err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(archive, out.Bytes(), 0o666)
}
