// The xor of RFC 6455 §5.3, from a source to a destination in one pass.
namespace FunctionalWs.Protocol

open System

/// <summary>Masks and unmasks payload bytes; the operation is its own inverse (RFC 6455 §5.3).</summary>
module Masking =

    /// <summary>Xors a slice of a payload with its masking key. Masking and unmasking are the same.</summary>
    /// <param name="key">The four bytes of the key, in the memory order in which they stand in the frame.</param>
    /// <param name="offset">Where the slice begins in the payload, in bytes: 0 or more.</param>
    /// <param name="source">The slice.</param>
    /// <param name="destination">
    /// Where the result goes: at least as long as the source. It may be the same memory, but may not overlap it otherwise.
    /// </param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The destination is shorter than the source.</exception>
    [<CompiledName("Apply")>]
    val apply: key: uint32 -> offset: int64 -> source: ReadOnlySpan<byte> -> destination: Span<byte> -> unit
