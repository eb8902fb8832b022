// Bytes in the place of those that were not kept: as many, as good a text, and wrong where those were. What an endpoint makes of them is
// what it made of those.
namespace FunctionalWs.Protocol

open System

/// What stands for the data of a frame: its first bytes, so many that are the same, and its last ones.
type internal Stuffing = {
    First: byte[]
    Filler: int64
    Last: byte[]
}

module internal Stuffing =

    /// What the filler consists of: part of any text.
    let filler = 'a'B

    /// No text has it.
    let private wrong = [| 0xFFuy |]

    /// The first of these that may follow, and so on: what completes a character that has begun. Only then may one follow.
    let rec private complete (text: Utf8State) (room: int64) : byte list =
        let next =
            [ 0x80uy; 0x90uy; 0xA0uy ]
            |> List.tryPick (fun candidate ->
                match Utf8.validate text (ReadOnlySpan [| candidate |]) with
                | Utf8Result.Valid state -> Some(candidate, state)
                | Utf8Result.Invalid _ -> None)

        match next with
        | Some(byte, state) when room > 0L -> byte :: complete state (room - 1L)
        | Some _
        | None -> []

    /// As many bytes, the last of which are these, as far as they fit.
    let private endingWith (last: byte[]) (first: byte[]) (length: int64) : Stuffing =
        let room = max 0L (length - int64 first.Length)
        let last = Array.truncate (int (min room 4L)) last

        {
            First = first
            Filler = room - int64 last.Length
            Last = last
        }

    /// What stands for the data of a frame, after a text that owes something.
    let ofPayload (text: Utf8State) (payload: RecordedPayload) : Stuffing =
        match payload with
        | RecordedPayload.Bytes bytes -> {
            First = bytes
            Filler = 0L
            Last = [||]
          }
        | RecordedPayload.Measured(length, _, ValueSome position) when position < length ->
            let first = Array.ofList (complete text position)
            endingWith wrong first (position + 1L)
        | RecordedPayload.Measured(length, _, ValueSome _) ->
            // It ended too early.
            endingWith [| 0xC2uy |] (Array.ofList (complete text length)) length
        | RecordedPayload.Measured(length, owed, ValueNone) ->
            let tail = Convert.FromHexString(RecordingWriter.tail owed)
            endingWith tail (Array.ofList (complete text length)) length

/// Gives what stands for the data of one frame, whatever it is given.
[<Sealed>]
type internal StuffedDecoder(stuffing: Stuffing, error: ProtocolError voption) =
    inherit PayloadDecoder()
    static let block: byte[] = Array.create 4096 Stuffing.filler
    let mutable taken = 0L
    let first = int64 stuffing.First.Length
    let ends = first + stuffing.Filler

    override _.Decode(_, _, _, _) = error

    override _.Decoded =
        if taken < first then
            ReadOnlySpan(stuffing.First).Slice(int taken)
        elif taken < ends then
            ReadOnlySpan(block, 0, int (min (ends - taken) (int64 block.Length)))
        else
            ReadOnlySpan(stuffing.Last).Slice(int (taken - ends))

    override _.Skip count = taken <- taken + int64 count
