namespace FunctionalWs.Differential

open System
open System.Collections.Concurrent
open System.Security.Cryptography
open System.Threading.Tasks

/// What the handler of a connection was given.
type Delivery = {
    Messages: string list
    /// The rule that the client broke; "-" for none.
    Cause: string
}

/// What a server's handlers were given, by the ids of the streams. May be used by any thread.
[<Sealed>]
type Deliveries() =
    let byId = ConcurrentDictionary<string, TaskCompletionSource<Delivery>>()

    let source (id: string) =
        byId.GetOrAdd(
            id,
            fun _ -> TaskCompletionSource<Delivery>(TaskCreationOptions.RunContinuationsAsynchronously)
        )

    /// A message in words, the same for all servers.
    static member Describe(isText: bool, data: ReadOnlySpan<byte>) : string =
        let hash = Convert.ToHexStringLower(SHA256.HashData(data).AsSpan(0, 8))
        let kind = if isText then "T" else "B"
        $"{kind}{data.Length}:{hash}"

    /// The id that a request's target ends with.
    static member IdOf(target: string) : string =
        target.Substring(target.LastIndexOf '/' + 1)

    /// The handler is done.
    member _.Add(id: string, delivery: Delivery) : unit =
        (source id).TrySetResult delivery |> ignore

    /// What the handler of a stream was given, once it is done.
    member _.Take(id: string, timeout: TimeSpan) : Task<Delivery option> =
        task {
            try
                try
                    let! delivery = (source id).Task.WaitAsync timeout
                    return Some delivery
                with :? TimeoutException ->
                    return None
            finally
                byId.TryRemove id |> ignore
        }
