namespace FunctionalWs.Differential

open System.IO
open System.IO.Compression

/// Compresses the messages of one client, as RFC 7692 §7.2.1 says.
[<Sealed>]
type Compressor(keepsContext: bool) =
    let mutable output = new MemoryStream()
    let mutable deflate = new DeflateStream(output, CompressionLevel.Optimal, true)

    /// What goes into the frames of a message: without the last four bytes, which are 00 00 FF FF.
    member _.Compress(data: byte[]) : byte[] =
        if not keepsContext then
            output <- new MemoryStream()
            deflate <- new DeflateStream(output, CompressionLevel.Optimal, true)

        output.SetLength 0L
        deflate.Write(data, 0, data.Length)
        deflate.Flush()
        let bytes = output.ToArray()

        // .NET writes nothing for an empty message: the empty stored block, without its last four bytes.
        if bytes.Length < 5 then
            [| 0uy |]
        else
            bytes[.. bytes.Length - 5]
