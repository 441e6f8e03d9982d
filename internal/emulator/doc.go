// Package emulator stands in for the runtimes of AWS Lambda and Tencent SCF: it
// starts a built artefact as the platform does, hands it events one after the
// other, and says what came back. The artefact is the one that is deployed;
// nothing in it knows that it is not.
//
// It emulates the protocol between platform and process, its limits of time and
// size and what happens to a process that breaks them. It does not emulate the
// file system, the system image, permissions, or several processes at once.
//
// It knows nothing of this module's functions and could run any other. The
// command line, scripts and tests may import it; it imports no package of this module,
// and neither platform's library: it must not share their mistakes.
package emulator
