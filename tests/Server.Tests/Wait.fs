/// Waits that always end: a test that waits in vain fails, and says for what.
module FunctionalWs.Server.Tests.Wait

open System
open System.Threading
open System.Threading.Tasks

let limit =
    match Environment.GetEnvironmentVariable "FUNCTIONALWS_SCALE" with
    | "full" -> TimeSpan.FromMinutes 3.0 // large tests, run by hand
    | _ -> TimeSpan.FromSeconds 20.0

/// Until a condition holds.
let until (what: string) (condition: unit -> bool) =
    if not (SpinWait.SpinUntil(Func<bool> condition, limit)) then
        failwith $"waited in vain until {what}"

/// For an event of another thread.
let forEvent (what: string) (event: ManualResetEventSlim) =
    if not (event.Wait limit) then
        failwith $"waited in vain for {what}"

/// For work that was started on a thread of its own.
let forTask (what: string) (work: Task<'a>) : 'a =
    if not (work.Wait limit) then
        failwith $"waited in vain for {what}"

    work.Result

/// Runs something on a thread of its own.
let start (work: unit -> 'a) : Task<'a> =
    Task.Factory.StartNew(work, TaskCreationOptions.LongRunning)

/// What some code throws.
let throws<'e when 'e :> exn> (work: unit -> unit) : 'e =
    try
        work ()
        failwith $"nothing was thrown, not {typeof<'e>.Name}"
    with :? 'e as error ->
        error
