namespace FunctionalWs.Server.Tests

open System
open System.Collections.Concurrent
open Microsoft.Extensions.Logging

/// Keeps what is logged.
type Records() =
    let all = ConcurrentQueue<struct (LogLevel * int * string)>()
    let errors = ConcurrentQueue<exn>()

    /// Level, event id and text of each record, in order.
    member _.All = List.ofSeq all

    /// The exceptions that came with records.
    member _.Exceptions = List.ofSeq errors

    member records.Of(level: LogLevel) =
        records.All |> List.filter (fun (struct (found, _, _)) -> found = level)

    interface ILogger with
        member _.BeginScope(_: 'state) : IDisposable = null
        member _.IsEnabled _ = true

        member _.Log
            (level: LogLevel, id: EventId, state: 'state, error: exn, format: Func<'state, exn, string>)
            =
            all.Enqueue(struct (level, id.Id, format.Invoke(state, error)))

            if not (isNull error) then
                errors.Enqueue error

    interface ILoggerFactory with
        member records.CreateLogger(_: string) = records :> ILogger
        member _.AddProvider _ = ()
        member _.Dispose() = ()
