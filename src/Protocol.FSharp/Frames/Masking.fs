// The xor of RFC 6455 §5.3, from a source to a destination in one pass.
namespace FunctionalWs.Protocol

open System
open System.Numerics
open System.Runtime.InteropServices

module Masking =

    /// The key as it applies to a slice that begins at an offset into the payload.
    let private rotate (key: uint32) (offset: int64) =
        let shift = 8 * int (offset &&& 3L)

        if BitConverter.IsLittleEndian then
            BitOperations.RotateRight(key, shift)
        else
            BitOperations.RotateLeft(key, shift)

    /// The byte of a key that stands first in memory.
    let private firstByte (key: uint32) =
        byte (if BitConverter.IsLittleEndian then key else key >>> 24)

    // The two below take what is a whole number of vectors or words, and say how many bytes that was. Together with
    // the loop in `apply` they equal the byte-wise formula of RFC 6455 §5.3, which the tests compare them with.

    let private applyVectors (key: uint32) (source: ReadOnlySpan<byte>) (destination: Span<byte>) =
        let keys = Vector.AsVectorByte(Vector<uint32> key)
        let sources = MemoryMarshal.Cast<byte, Vector<byte>> source

        let destinations =
            MemoryMarshal.Cast<byte, Vector<byte>>(destination.Slice(0, source.Length))

        for i in 0 .. sources.Length - 1 do
            destinations[i] <- sources[i] ^^^ keys

        sources.Length * Vector<byte>.Count

    let private applyWords (key: uint32) (source: ReadOnlySpan<byte>) (destination: Span<byte>) =
        let sources = MemoryMarshal.Cast<byte, uint32> source

        let destinations =
            MemoryMarshal.Cast<byte, uint32>(destination.Slice(0, source.Length))

        for i in 0 .. sources.Length - 1 do
            destinations[i] <- sources[i] ^^^ key

        sources.Length * 4

    [<CompiledName("Apply")>]
    let apply (key: uint32) (offset: int64) (source: ReadOnlySpan<byte>) (destination: Span<byte>) : unit =
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, source.Length, nameof destination)
        // Vectors and words are multiples of four bytes, so the rotated key holds for all of them.
        let key = rotate key offset
        let vectors = applyVectors key source destination

        let words =
            vectors + applyWords key (source.Slice vectors) (destination.Slice vectors)

        for i in words .. source.Length - 1 do
            destination[i] <- source[i] ^^^ firstByte (rotate key (int64 (i - words)))
