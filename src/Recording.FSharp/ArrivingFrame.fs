// The frame that is arriving at a recorder: what has come of it, cut anywhere, in a buffer that grows with it.
namespace FunctionalWs.Protocol

open System

/// The payload of one frame, as far as it is kept.
[<Sealed>]
type internal KeptPayload(limit: int) =
    // A larger buffer is not held on to between frames.
    let largestHeld = 65_536

    let mutable bytes: byte[] = [||]
    let mutable length = 0L

    let isKept () = limit > 0 && length <= int64 limit

    let makeRoom (size: int) =
        if bytes.Length < size then
            Array.Resize(&bytes, min limit (max size (2 * bytes.Length)))

    /// The bytes that are kept.
    member _.Count: int64 = if isKept () then length else 0L

    /// More has come, masked by a key from an offset on.
    member _.Add(data: ReadOnlySpan<byte>, key: uint32, offset: int64) : unit =
        let before = length
        length <- length + int64 data.Length

        if isKept () then
            makeRoom (int length)
            Masking.apply key offset data (bytes.AsSpan(int before, data.Length))
        else
            bytes <- [||]

    /// What is kept of it; this is a copy.
    member _.ToPayload(text: Utf8State, invalid: int64 voption) : RecordedPayload =
        if isKept () then
            RecordedPayload.Bytes(bytes.AsSpan(0, int length).ToArray())
        else
            RecordedPayload.Measured(length, text, invalid)

    member _.Clear() : unit =
        length <- 0L

        if bytes.Length > largestHeld then
            bytes <- [||]

/// The frame that is arriving. What extensions decode of it is told beside its bytes, and earlier.
[<Sealed>]
type internal ArrivingFrame(settings: ConnectionSettings, limit: int) =
    let head: byte[] = Array.zeroCreate FrameReader.MaxHeaderSize
    let control: byte[] = Array.zeroCreate ControlPayload.MaxLength
    let data = KeptPayload limit
    let mutable headLength = 0
    let mutable header: FrameHeader voption = ValueNone
    let mutable taken = 0L
    let mutable error: ProtocolError voption = ValueNone

    /// Takes bytes into the header; gives how many of them belong to it.
    let takeHead (bytes: ReadOnlySpan<byte>) : int =
        let added = min bytes.Length (head.Length - headLength)
        bytes.Slice(0, added).CopyTo(head.AsSpan headLength)
        let before = headLength
        headLength <- headLength + added

        match FrameReader.readHeaderOf settings (ReadOnlySpan(head, 0, headLength)) with
        | HeaderParse.Complete found ->
            header <- ValueSome found
            found.Size - before
        | HeaderParse.Incomplete
        | HeaderParse.Malformed _ -> bytes.Length

    let takePayload
        (receiving: PartialMessage voption)
        (found: FrameHeader)
        (bytes: ReadOnlySpan<byte>)
        : unit =
        let piece =
            bytes.Slice(0, int (min (int64 bytes.Length) (found.PayloadLength - taken)))

        let key = ValueOption.defaultValue 0u found.MaskingKey

        if Opcode.isControl found.Opcode then
            Masking.apply key taken piece (control.AsSpan(int taken, piece.Length))
        elif HeaderBytes.messageBits receiving &found = ReservedBits.None then
            data.Add(piece, key, taken)

        taken <- taken + int64 piece.Length

    let withoutKey (found: FrameHeader) : FrameHeader = {
        found with
            MaskingKey = ValueOption.map (fun _ -> 0u) found.MaskingKey
    }

    // What a close frame says is in the log anyway.
    let controlPayload (found: FrameHeader) : RecordedPayload =
        if found.Opcode.IsClose || limit > 0 then
            RecordedPayload.Bytes(control.AsSpan(0, int taken).ToArray())
        else
            RecordedPayload.Measured(taken, Utf8.start, ValueNone)

    /// True while a data frame has begun and isn't whole.
    member _.IsData: bool =
        match header with
        | ValueSome found -> not (Opcode.isControl found.Opcode)
        | ValueNone -> false

    /// The bytes that are kept of it.
    member _.Count: int64 = data.Count

    /// Bytes have come: up to the end of a frame at most.
    member _.Take(receiving: PartialMessage voption, bytes: ReadOnlySpan<byte>) : unit =
        match header with
        | ValueSome found -> takePayload receiving found bytes
        | ValueNone ->
            let size = takeHead bytes

            match header with
            | ValueSome found -> takePayload receiving found (bytes.Slice size)
            | ValueNone -> ()

    /// Bytes were decoded.
    member _.TakeDecoded(bytes: ReadOnlySpan<byte>) : unit = data.Add(bytes, 0u, 0L)

    /// What has come can't be decoded.
    member _.Fail(found: ProtocolError) : unit = error <- ValueSome found

    /// What is kept of it: how its text ends, and where it is none.
    member _.ToRecorded(text: Utf8State, invalid: int64 voption) : Recorded =
        match header, error with
        | ValueNone, _ ->
            let bytes = ReadOnlySpan(head, 0, headLength)
            Recorded.Refused(bytes.Slice(0, HeaderBytes.sizeWithoutKey bytes).ToArray())
        | ValueSome found, _ when Opcode.isControl found.Opcode ->
            Recorded.Received(withoutKey found, controlPayload found, FrameEnding.Whole)
        | ValueSome found, ValueSome error ->
            let ending = FrameEnding.Undecodable(Redaction.error error)
            Recorded.Received(withoutKey found, data.ToPayload(text, invalid), ending)
        | ValueSome found, ValueNone ->
            let ending =
                if taken = found.PayloadLength then
                    FrameEnding.Whole
                else
                    FrameEnding.Cut

            Recorded.Received(withoutKey found, data.ToPayload(text, invalid), ending)

    /// The next frame may come.
    member _.Clear() : unit =
        headLength <- 0
        header <- ValueNone
        taken <- 0L
        error <- ValueNone
        data.Clear()
