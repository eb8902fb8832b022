using System.Buffers;

namespace FunctionalWs;

/// <summary>
/// Memory for the time of a call, or while a peer is waited for: the runtime's shared pool, which keeps some for each thread. See
/// <see cref="SharedBuffers"/> for what many connections take by turns.
/// </summary>
internal static class ThreadBuffers
{
    /// <summary>The pool. Tests put one here that counts and refuses.</summary>
    public static ArrayPool<byte> Pool { get; internal set; } = ArrayPool<byte>.Shared;
}
