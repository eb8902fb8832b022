/// What wakes the threads that serve connections.
module FunctionalWs.Server.Tests.SignalTests

open System
open System.Threading
open System.Threading.Tasks
open Expecto
open Swensen.Unquote
open FunctionalWs

/// Waits however often it wakes for no reason.
let rec private await (signal: Signal) =
    if not (signal.Wait Wait.limit) then
        await signal

[<Tests>]
let tests =
    testList "a signal" [
        testCase "that was set before spares the waiting, once" (fun () ->
            let signal = Signal()
            signal.Wait TimeSpan.Zero =! false
            signal.Set()
            signal.Set()
            signal.Wait Timeout.InfiniteTimeSpan =! true
            signal.Wait(TimeSpan.FromMilliseconds 1.0) =! false)

        testCase "wakes who waits, each time, for thousands of turns" (fun () ->
            let ping = Signal()
            let pong = Signal()
            let turns = 20_000

            let other =
                Task.Factory.StartNew(
                    (fun () ->
                        for _ in 1..turns do
                            await ping
                            pong.Set()),
                    TaskCreationOptions.LongRunning
                )

            for _ in 1..turns do
                ping.Set()
                await pong

            Wait.forTask
                "the other thread"
                (other.ContinueWith(fun (ended: Task) -> ended.IsCompletedSuccessfully))
            =! true)
    ]
