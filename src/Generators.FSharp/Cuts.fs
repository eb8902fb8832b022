// Where a stream is cut: into what arrives one after the other, or into the segments of a buffer.
namespace FunctionalWs.Generators

open System
open System.Buffers
open type System.FormattableString

type private Segment(memory: ReadOnlyMemory<byte>, index: int64) as this =
    inherit ReadOnlySequenceSegment<byte>()

    do
        this.Memory <- memory
        this.RunningIndex <- index

    member segment.Append(next: ReadOnlyMemory<byte>) : Segment =
        let last = Segment(next, segment.RunningIndex + int64 segment.Memory.Length)
        segment.Next <- last
        last

/// <summary>
/// Cuts of bytes of any length, as parts of that length; the same place twice makes a piece of nothing. Immutable.
/// </summary>
[<StructuredFormatDisplay("{Shown}")>]
type Cuts = {
    /// <summary>The places, in any order: each from 0, before the first byte, to 65,535, behind the last.</summary>
    Places: uint16 list
} with

    member private cuts.Positions(length: int) : int list =
        cuts.Places
        |> List.map (fun place -> int (int64 place * int64 length / 65_535L))
        |> List.sort

    /// <summary>The pieces of some bytes, in order; those of nothing among them.</summary>
    /// <param name="bytes">The bytes.</param>
    member cuts.Pieces(bytes: byte[]) : byte[] list =
        ArgumentNullException.ThrowIfNull(bytes, nameof bytes)
        let positions = cuts.Positions bytes.Length

        List.zip (0 :: positions) (positions @ [ bytes.Length ])
        |> List.map (fun (start, stop) -> bytes[start .. stop - 1])

    /// <summary>The same bytes in a segment for each piece, as a pipe has them.</summary>
    /// <param name="bytes">The bytes.</param>
    member cuts.Segments(bytes: byte[]) : ReadOnlySequence<byte> =
        let pieces = cuts.Pieces bytes |> List.map (fun piece -> ReadOnlyMemory<byte> piece)
        let first = Segment(pieces.Head, 0L)

        let last =
            pieces.Tail
            |> List.fold (fun (segment: Segment) piece -> segment.Append piece) first

        ReadOnlySequence(first, 0, last, last.Memory.Length)

    member private cuts.Shown: string =
        Invariant $"cut at {String.Join(',', cuts.Places)} of 65535"

    /// <summary>The places.</summary>
    override cuts.ToString() : string = cuts.Shown
