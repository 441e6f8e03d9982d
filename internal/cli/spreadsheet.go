package cli

import (
	"cmp"
	"io"
	"os"
	"path/filepath"
	"strings"

	"partnerlens/internal/alert"
	"partnerlens/internal/app"
	"partnerlens/pkg/core"
	"partnerlens/pkg/sheet"
)

// sheetFlags are the flags of outputs that a spreadsheet opens.
type sheetFlags struct {
	Profile string `enum:",excel" default:"" help:"excel: a csv that Excel opens by a double click, in which ids stay text."`
	Lang    string `enum:",en,zh" default:"" help:"Language of the titles of xlsx and csv: en or zh; by default that of the locale, and en for a csv without --profile."`
	File    string `placeholder:"FILE" help:"Write to this file instead of stdout; a name that ends in .xlsx, .csv, .json or .ndjson chooses the output."`
}

// format is the output format: the file's, if it is left to the name of a file.
func (f *sheetFlags) format(output string, out io.Writer) string {
	if output != "auto" || f.File == "" {
		return formatOf(output, out)
	}
	return cmp.Or(f.named(), "json")
}

// named is the format that the file's name says; "" if it says none.
func (f *sheetFlags) named() string {
	switch name := strings.TrimPrefix(strings.ToLower(filepath.Ext(f.File)), "."); name {
	case "xlsx", "csv", "json", "ndjson":
		return name
	case "xls": // of an older Excel, in a form of its own
		return "xlsx"
	}
	return ""
}

// style is how the rows of a format are written.
func (f *sheetFlags) style(format string, env app.Environment) (sheet.Style, error) {
	if f.Profile != "" && format != "csv" {
		return sheet.Style{}, core.Invalid("profile", "only for --output csv; leave it out")
	}
	zone, err := env.Zone()
	if err != nil && (format == "csv" || format == "xlsx") {
		return sheet.Style{}, err
	}
	style := sheet.Style{Zone: zone, Excel: f.Profile != "", Language: f.Lang}
	if style.Language == "" && (style.Excel || format == "xlsx") {
		style.Language = languageOf(env)
	}
	style.Values = alert.Titles(style.Language)
	return style, nil
}

// languageOf is the language of the environment's locale.
func languageOf(env app.Environment) string {
	if strings.HasPrefix(cmp.Or(env("LC_ALL"), env("LC_MESSAGES"), env("LANG")), "zh") {
		return sheet.Chinese
	}
	return sheet.English
}

// open returns where an answer is written. keep ends it: the file gets its name only if the
// answer could be written, so that no older file is lost and none is cut short.
func (f *sheetFlags) open(out io.Writer, format string) (w io.Writer, keep func(written bool) error, err error) {
	if f.File == "" {
		if format == "xlsx" && isTerminal(out) {
			return nil, nil, core.Invalid("output", "a workbook is not for a terminal; add --file customers.xlsx, or > customers.xlsx")
		}
		return out, func(bool) error { return nil }, nil
	}
	if named := f.named(); named != "" && named != format || strings.EqualFold(filepath.Ext(f.File), ".xls") {
		return nil, nil, core.Invalid("file", "the name does not fit the output; let it end in .%s", format)
	}
	failed := func(err error) error {
		return &core.Error{Code: core.CodeInvalid, Param: "file", Detail: "cannot be written; name a file in a folder that is there and that you may write to", Err: err}
	}
	name := f.File
	if target, err := filepath.EvalSymlinks(name); err == nil {
		name = target
	}
	if there, err := os.Stat(name); err == nil && !there.Mode().IsRegular() && !there.IsDir() { // a pipe or a device
		file, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return nil, nil, failed(err)
		}
		return file, func(bool) error { return file.Close() }, nil
	}
	file, err := os.CreateTemp(filepath.Dir(name), ".partnerlens-*") // readable for its owner only
	if err != nil {
		return nil, nil, failed(err)
	}
	return file, func(written bool) error {
		err := file.Close()
		if err == nil && written {
			if err = os.Rename(file.Name(), name); err == nil {
				return nil
			}
		}
		_ = os.Remove(file.Name())
		if err != nil {
			return failed(err)
		}
		return nil
	}, nil
}
