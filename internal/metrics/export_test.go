package metrics

// Names is the number of names.
const Names = names
