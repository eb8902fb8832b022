namespace FunctionalWs.Simulation.Tests

open System
open System.Collections.Generic
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Testing

/// A message that tells where it comes from, and all of whose bytes follow from that.
[<Struct>]
type Stamp = {
    Connection: int
    Sender: int
    Number: int
}

module Payload =
    // Mostly small; some larger than the buffers of the server, with a length in 2 and in 8 bytes.
    let private sizeOf (random: Random) =
        match random.Next 40 with
        | 0 -> random.Next(10_000, 70_000)
        | 1
        | 2 -> random.Next(200, 10_000)
        | _ -> random.Next 120

    // One or two bytes each in UTF-8, none of them a blank; every other message has something to compress.
    let private filler (random: Random) (alphabet: uint32) =
        let characters = Array.zeroCreate<char>(sizeOf random / 2)
        let mutable state = uint32 (random.Next())

        for index in 0 .. characters.Length - 1 do
            state <- state * 1664525u + 1013904223u
            characters[index] <- char (0x61u + (state >>> 24) % alphabet)

        String characters

    /// The message of such an stamp: text, or bytes that are text as well. It begins with the stamp.
    let make (stamp: Stamp) =
        let random =
            Random(stamp.Connection * 7_919 + stamp.Sender * 104_729 + stamp.Number)

        let alphabet = if stamp.Number % 2 = 0 then 0x9Eu else 4u

        let text =
            $"{stamp.Connection} {stamp.Sender} {stamp.Number} {filler random alphabet}"

        if stamp.Number % 3 <> 0 then
            Message text
        else
            Message(ReadOnlyMemory(Text.Encoding.UTF8.GetBytes text))

    /// Where a message comes from; fails on one that isn't as it was made.
    let stamp (message: Message) =
        let numbers = message.Text.Split(' ', 4)

        let stamp = {
            Connection = int numbers[0]
            Sender = int numbers[1]
            Number = int numbers[2]
        }

        if message <> make stamp then
            failwith $"a message was altered: {stamp}"

        stamp

/// How a call ended.
type Ended =
    | Returned
    | Closed of ConnectionClosedException
    | TimedOut

/// What both ends of one connection know of it. All of it runs on the simulation's threads, one at a time.
type Ledger(number: int) =
    member _.Number = number

    /// How many messages each sender of the server has sent: calls that returned.
    member val SentToClient = Dictionary<int, int>()

    /// How many the client has sent, likewise.
    member val SentToServer = 0 with get, set

    /// Those that it sent since the last pong, which the server may not have read yet.
    member val Unread = List<Message>()

    member val ReceivedByServer = List<Stamp>()
    member val ReceivedByClient = List<Stamp>()

    /// True when nothing but the two ends can end the connection, and neither has to wait for room.
    member val IsSmooth = false with get, set

    /// True when the handler takes everything until the connection ends.
    member val ReadsAll = false with get, set

    /// What the client began to close with; null when it didn't.
    member val ClosedByClient: CloseStatus = Unchecked.defaultof<CloseStatus> with get, set

    /// The exceptions by which calls of the handler's side learnt of the end.
    member val Ends = List<ConnectionClosedException>()

    member val Connection: ServerConnection = null with get, set
    member val Client: TestClient = null with get, set
    member val Handler = "" with get, set

    /// True when everything that has arrived is read at once.
    member val IsWhole = false with get, set

    /// How long bytes are under way at most, each way.
    member val MaxDelay = TimeSpan.Zero with get, set
    member val HandlerHasThrown = false with get, set

    member ledger.Fail(text: string) : unit =
        failwith $"connection {number}, handler '{ledger.Handler}': {text}"
