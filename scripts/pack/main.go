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
	"fmt"
	"io"
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

func pack(archive string, executables []string) (err error) {
	out, err := os.Create(archive)
	if err != nil {
		return err
	}
	defer func() {
		if closed := out.Close(); err == nil {
			err = closed
		}
	}()
	z := zip.NewWriter(out)
	for _, executable := range executables {
		name, path, named := strings.Cut(executable, "=")
		if !named {
			name, path = filepath.Base(executable), executable
		}
		if err := add(z, name, path); err != nil {
			return err
		}
	}
	return z.Close()
}

func add(z *zip.Writer, name, path string) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	header := &zip.FileHeader{Name: name, Method: zip.Deflate}
	header.SetMode(0o755)
	entry, err := z.CreateHeader(header)
	if err != nil {
		return err
	}
	_, err = io.Copy(entry, in)
	return err
}
