/// How large the tests are: small ones for every build, full ones by hand.
module FunctionalWs.Threat.Tests.Scale

open System

/// FUNCTIONALWS_SCALE=full asks for the sizes that docs/threats.md names.
let isFull = Environment.GetEnvironmentVariable "FUNCTIONALWS_SCALE" = "full"

/// The size of a test: small, and full.
let size (small: int) (full: int) : int = if isFull then full else small

/// Bounds on times hold on a machine that does nothing else; others are given some slack.
let slack (bound: TimeSpan) : TimeSpan = if isFull then bound else 5.0 * bound

/// Tells a figure of a test to whoever reads its output.
let tell (text: string) = printfn $"{text}"
