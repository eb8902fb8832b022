namespace FunctionalWs.Server.Tests

open System
open System.Buffers
open System.Collections.Concurrent
open System.Collections.Generic
open System.Threading
open FunctionalWs

/// How many pooled arrays are out.
type Rented(isTraced: bool) =
    let mutable out = 0

    let places =
        ConcurrentDictionary<byte[], string>(HashIdentity.Reference: IEqualityComparer<byte[]>)

    /// Rented and not returned.
    member _.Out = Volatile.Read &out

    /// Where those that are out were rented; empty unless that is traced.
    member _.Places = List.ofSeq places.Values

    member internal _.Rent(array: byte[]) =
        Interlocked.Increment &out |> ignore

        if isTraced then
            places[array] <- Environment.StackTrace

        array

    member internal _.Return(array: byte[]) =
        Interlocked.Decrement &out |> ignore

        if isTraced then
            places.TryRemove array |> ignore

/// A pool that is counted.
type CountedPool(inner: ArrayPool<byte>, rented: Rented, asked: unit -> unit) =
    inherit ArrayPool<byte>()

    /// All pooled memory of ours is counted from now on. Somebody is told before each array is rented, and may throw.
    static member Install(asked: unit -> unit, ?isTraced: bool) : Rented =
        let rented = Rented(defaultArg isTraced false)
        SharedBuffers.Pool.RentFrom(fun () -> CountedPool(SharedBuffers.NewPool(), rented, asked))
        ThreadBuffers.Pool <- CountedPool(ArrayPool<byte>.Shared, rented, asked)
        rented

    override _.Rent size =
        asked ()
        rented.Rent(inner.Rent size)

    override _.Return(array, clear) =
        rented.Return array
        inner.Return(array, clear)
