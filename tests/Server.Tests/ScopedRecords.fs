namespace FunctionalWs.Server.Tests

open System
open System.Collections.Concurrent
open System.Threading
open Microsoft.Extensions.Logging

/// A record, with its logger's category and the scope in which it was written.
type ScopedRecord = {
    Category: string
    Id: int
    Text: string
    Scope: string
}

/// Keeps what is logged from a level on, with its scope.
type ScopedRecords(least: LogLevel, category: string, all: ConcurrentQueue<ScopedRecord>) =
    let scope = AsyncLocal<string>()
    new(least: LogLevel) = new ScopedRecords(least, "", ConcurrentQueue())

    /// In order.
    member _.All: ScopedRecord list = List.ofSeq all

    interface ILogger with
        member _.BeginScope(state: 'state) : IDisposable =
            let outer = scope.Value
            scope.Value <- string (box state)

            {
                new IDisposable with
                    member _.Dispose() = scope.Value <- outer
            }

        member _.IsEnabled level = level >= least

        member _.Log(_, id: EventId, state: 'state, error: exn, format: Func<'state, exn, string>) =
            all.Enqueue {
                Category = category
                Id = id.Id
                Text = $"{format.Invoke(state, error)} {error}"
                Scope = scope.Value
            }

    interface ILoggerFactory with
        member _.CreateLogger(category: string) =
            new ScopedRecords(least, category, all) :> ILogger

        member _.AddProvider _ = ()
        member _.Dispose() = ()
