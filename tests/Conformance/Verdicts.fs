namespace FunctionalWs.Conformance

open System

/// How a server did in a case.
type Verdict =
    /// As the standard has it.
    | Passed
    /// Within the standard's letter or close to it, but not as it should be.
    | NonStrict
    | Failed
    /// The server did not agree to what the case is about.
    | Unimplemented

/// Ends a case with a verdict and what happened.
exception Judged of Verdict * Happened: string with
    override judged.Message = judged.Happened

module Verdict =

    let failed (happened: string) : 'a = raise (Judged(Failed, happened))
    let nonStrict (happened: string) : 'a = raise (Judged(NonStrict, happened))
    let unimplemented (happened: string) : 'a = raise (Judged(Unimplemented, happened))

    let name (verdict: Verdict) =
        match verdict with
        | Passed -> "passed"
        | NonStrict -> "non-strict"
        | Failed -> "failed"
        | Unimplemented -> "unimplemented"

/// Which server to judge.
type Destination = {
    Address: Uri
    /// How long to wait for anything.
    Timeout: TimeSpan
}
