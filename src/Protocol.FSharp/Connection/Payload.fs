// From the payload of a data frame to the data of a message: unmasked, decoded, judged, and moved to where the caller wants them.
namespace FunctionalWs.Protocol

#nowarn "9" // a stack buffer for what is decoded

open System
open System.Buffers
open FSharp.NativeInterop

/// Those with a sink are made anew for each kind of it.
module internal Payload =

    [<Literal>]
    let private DecodedAtOnce = 2048

    /// Unmasks a piece of a plain payload on its way to the sink, as the sink has room, and judges it.
    let private addPlain<'Sink when 'Sink: struct and 'Sink :> IBufferWriter<byte>>
        (settings: ConnectionSettings)
        (message: inref<PartialMessage>)
        (header: inref<FrameHeader>)
        (taken: int64)
        (bytes: ReadOnlySpan<byte>)
        (sink: byref<'Sink>)
        : Judged =
        let mutable result = Good message
        let mutable next = 0

        while next < bytes.Length do
            match result with
            | Bad _ -> next <- bytes.Length
            | Good before ->
                let room = sink.GetSpan 1
                let size = min room.Length (bytes.Length - next)
                let target = room.Slice(0, size)

                match header.MaskingKey with
                | ValueSome mask -> Masking.apply mask (taken + int64 next) (bytes.Slice(next, size)) target
                | ValueNone -> bytes.Slice(next, size).CopyTo target

                result <- Fragments.add settings &before (Span<byte>.op_Implicit target)
                sink.Advance size
                next <- next + size

        result

    /// Copies as the sink has room.
    let private copyTo<'Sink when 'Sink: struct and 'Sink :> IBufferWriter<byte>>
        (data: ReadOnlySpan<byte>)
        (sink: byref<'Sink>)
        : unit =
        let mutable next = 0

        while next < data.Length do
            let room = sink.GetSpan 1
            let size = min room.Length (data.Length - next)
            data.Slice(next, size).CopyTo room
            sink.Advance size
            next <- next + size

    /// Moves what was decoded to the sink, and judges it. The byte that is too many comes alone: bad text before it is found first,
    /// however the bytes have arrived.
    let private addDecoded<'Sink when 'Sink: struct and 'Sink :> IBufferWriter<byte>>
        (settings: ConnectionSettings)
        (message: inref<PartialMessage>)
        (decoder: PayloadDecoder)
        (sink: byref<'Sink>)
        : Judged =
        let mutable result = Good message

        while not decoder.Decoded.IsEmpty do
            match result with
            | Bad _ -> decoder.Skip decoder.Decoded.Length
            | Good before ->
                let decoded = decoder.Decoded
                let room = Fragments.room settings.Limits &before

                let size =
                    if room = 0L then
                        1
                    else
                        int (min room (int64 decoded.Length))

                let data = decoded.Slice(0, size)
                result <- Fragments.add settings &before data

                match result with
                | Good _ -> copyTo data &sink
                | Bad _ -> ()

                decoder.Skip size

        result

    /// Decodes a piece of a payload, a stack buffer at a time.
    let private addEncoded<'Sink when 'Sink: struct and 'Sink :> IBufferWriter<byte>>
        (settings: ConnectionSettings)
        (message: inref<PartialMessage>)
        (header: inref<FrameHeader>)
        (taken: int64)
        (bytes: ReadOnlySpan<byte>)
        (decoder: PayloadDecoder)
        (sink: byref<'Sink>)
        : Judged =
        let buffer =
            Span<byte>(NativePtr.toVoidPtr (NativePtr.stackalloc<byte> DecodedAtOnce), DecodedAtOnce)

        let mutable result = Good message
        let mutable next = 0
        let mutable isDone = false

        while not isDone do
            match result with
            | Bad _ -> isDone <- true
            | Good before ->
                let size = min (bytes.Length - next) DecodedAtOnce
                let piece = buffer.Slice(0, size)
                let source = bytes.Slice(next, size)

                match header.MaskingKey with
                | ValueSome mask -> Masking.apply mask (taken + int64 next) source piece
                | ValueNone -> source.CopyTo piece

                next <- next + size
                isDone <- next = bytes.Length
                let isEnd = header.Fin && taken + int64 next = header.PayloadLength

                if size > 0 || isEnd then
                    let room = Fragments.room settings.Limits &before

                    let error =
                        decoder.Decode(before.ReservedBits, Span<byte>.op_Implicit piece, isEnd, room)

                    // Bad text before bad bytes comes first.
                    match addDecoded settings &before decoder &sink, error with
                    | Bad error, _
                    | Good _, ValueSome error -> result <- Bad error
                    | Good message, ValueNone -> result <- Good message

        result

    /// Unmasks, decodes and judges a piece of a payload, of which so many bytes were taken before, on its way to the sink.
    let add<'Sink when 'Sink: struct and 'Sink :> IBufferWriter<byte>>
        (settings: ConnectionSettings)
        (message: inref<PartialMessage>)
        (header: inref<FrameHeader>)
        (taken: int64)
        (bytes: ReadOnlySpan<byte>)
        (decoder: PayloadDecoder | null)
        (sink: byref<'Sink>)
        : Judged =
        if message.ReservedBits = ReservedBits.None then
            addPlain settings &message &header taken bytes &sink
        else
            match decoder with
            | null -> Bad(ProtocolError.ReservedBits(byte message.ReservedBits))
            | decoder -> addEncoded settings &message &header taken bytes decoder &sink
