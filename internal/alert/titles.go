package alert

// Titles translate the values of columns of spreadsheets, by the columns' names; nil for
// English, in which the values themselves can be read.
func Titles(language string) map[string]func(value string) string {
	if language != Chinese {
		return nil
	}
	w := writer{language: language}
	return map[string]func(value string) string{
		"status": w.status,
		"kind":   func(kind string) string { return Kind(kind).Title(language) },
		"severity": func(severity string) string {
			return map[Severity]string{Critical: "严重", Warning: "警告", Info: "提示"}[Severity(severity)]
		},
	}
}
