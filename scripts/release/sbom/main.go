// Command sbom takes what differs between builders out of a CycloneDX document:
// the checksums of the tool that wrote it, which was built there. Stdin to stdout.
package main

import (
	"fmt"
	"os"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func run() error {
	var bom cdx.BOM
	if err := cdx.NewBOMDecoder(os.Stdin, cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
		return err
	}
	if bom.Metadata != nil && bom.Metadata.Tools != nil && bom.Metadata.Tools.Tools != nil {
		for i := range *bom.Metadata.Tools.Tools {
			(*bom.Metadata.Tools.Tools)[i].Hashes = nil
		}
	}
	return cdx.NewBOMEncoder(os.Stdout, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(&bom, bom.SpecVersion)
}
