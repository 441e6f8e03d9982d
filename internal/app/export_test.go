package app

// Options are what Run runs.
var Options = options
