namespace FunctionalWs.Simulation.Tests

open System
open System.Collections.Generic
open System.Diagnostics.Tracing
open System.Threading

/// Counts the pooled buffers that simulated threads have rented and not returned.
type Buffers() =
    inherit EventListener()

    let rented = HashSet<struct (int * int)>()
    let gate = obj ()

    /// How many are out.
    member _.Rented = lock gate (fun () -> rented.Count)

    /// Forgets those that are out.
    member _.Clear() = lock gate rented.Clear

    override buffers.OnEventSourceCreated source =
        if source.Name = "System.Buffers.ArrayPoolEventSource" then
            buffers.EnableEvents(source, EventLevel.Verbose)

    // On the thread that rents or returns. Other threads of the process have buffers of their own.
    override _.OnEventWritten event =
        if not (isNull rented) && Thread.CurrentThread.Name = "FunctionalWs simulation" then
            // Without the pool: the process changes that now and then, and a buffer goes back to another one than it is from.
            let key () =
                struct (event.Payload[0] :?> int, event.Payload[1] :?> int)

            lock gate (fun () ->
                match event.EventName with
                | "BufferRented" -> rented.Add(key ()) |> ignore
                | "BufferReturned" -> rented.Remove(key ()) |> ignore
                | _ -> ())
