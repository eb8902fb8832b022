/// How large the tests are: small ones for every build, full ones by hand.
module FunctionalWs.Threat.Tests.Scale

open System

/// FUNCTIONALWS_SCALE=full asks for the sizes that docs/threats.md names.
let isFull = Environment.GetEnvironmentVariable "FUNCTIONALWS_SCALE" = "full"

/// The size of a test: small, and full.
let size (small: int) (full: int) : int = if isFull then full else small

/// The bounds on times are those of a machine that does nothing else. By hand they are asserted with some slack, and the
/// figures are told. Every build only asserts that it happens at all: there a time says more of the machine.
let slack (bound: TimeSpan) : TimeSpan =
    if isFull then 5.0 * bound else TimeSpan.FromSeconds 20.0

/// Tells a figure of a test to whoever reads its output.
let tell (text: string) = printfn $"{text}"
